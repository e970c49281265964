"""Where in the picture could a plate be?

Networks answer with text lines (DB), with plates (YOLO, suppression inside) or with a map of plates and their corners.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models import Network, Runs
from inference.regions import Quad, Region, quad_of_box
from inference.scaling import scale_into
from inference.types import Box, Picture


class Detector(Protocol):
    """What the recogniser asks of a detector."""

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        """Regions in the picture's own pixels, looking at it scaled so that its longer side is `longest_px`."""


class TextLineDetector:
    """DB text detection: a probability per pixel, thresholded, each blob a tilted rectangle."""

    # The values PP-OCR ships with: the map is trained so that 0.3 separates lines, and shrunken lines grow by 1.6.
    pixel_threshold = 0.3
    line_threshold = 0.5
    unclip_ratio = 1.6
    # A line under 3 map pixels has no shape left to cut out.
    min_side_px = 3.0
    # Street pictures hold tens of lines; hundreds mean foliage or fences, and the time is better spent elsewhere.
    max_lines = 200

    def __init__(self, *, network: Runs) -> None:
        self._network = network

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        height, width = picture.shape[:2]
        scale = longest_px / max(height, width)
        map_width = max(32, round(width * scale / 32) * 32)
        map_height = max(32, round(height * scale / 32) * 32)
        # Its likelihoods were fitted on averaged areas; beside this network their cost hardly counts.
        shrinks = map_width < width
        resized = cv2.resize(
            picture, (map_width, map_height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        # The network takes -1 to 1, channels first.
        batch = cv2.dnn.blobFromImage(resized, 2 / 255)
        batch -= 1
        probability = self._network.run(batch)[0][0, 0]
        back = np.array([width / map_width, height / map_height], dtype=np.float32)
        return [
            Region(quad=(quad * back).astype(np.float32), likelihood=likelihood)
            for quad, likelihood in self._lines(probability)
        ]

    def _lines(self, probability: NDArray[Any]) -> list[tuple[Quad, float]]:
        mask = (probability > self.pixel_threshold).astype(np.uint8)
        mask = np.asarray(cv2.dilate(mask, np.ones((2, 2), np.uint8)))
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        lines = []
        for contour in sorted(contours, key=cv2.contourArea, reverse=True)[: self.max_lines]:
            center, (side_a, side_b), angle = cv2.minAreaRect(contour)
            if min(side_a, side_b) < self.min_side_px:
                continue
            likelihood = _mean_inside(probability, cv2.boxPoints((center, (side_a, side_b), angle)))
            if likelihood < self.line_threshold:
                continue
            grown = side_a * side_b * self.unclip_ratio / (side_a + side_b)
            lines.append((_ordered(cv2.boxPoints((center, (side_a + grown, side_b + grown), angle))), likelihood))
        return lines


class PlateDetector:
    """A plate detector whose network ends in its own suppression: rows of batch, x1, y1, x2, y2, class, score."""

    grey = 114
    # Below this the network answers for door handles; the reader decides above it.
    threshold = 0.25

    # Each new shape of picture is compiled once and kept; cameras have few, and areas change seldom.
    max_shapes = 12
    # The coarsest stride: inputs are padded to whole cells.
    cell_px = 32

    def __init__(self, *, open_network: Callable[[int, int], Network]) -> None:
        self._open_network = open_network
        self._networks: dict[tuple[int, int], Network] = {}
        self._lock = threading.Lock()

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        height, width = picture.shape[:2]
        scale = longest_px / max(height, width)
        inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
        full_height, full_width = self._whole_cells(inner_height), self._whole_cells(inner_width)
        left, top = (full_width - inner_width) // 2, (full_height - inner_height) // 2
        canvas = np.full((full_height, full_width, 3), self.grey, dtype=np.uint8)
        scale_into(canvas[top : top + inner_height, left : left + inner_width], picture)
        # The network takes RGB from 0 to 1, channels first.
        batch = cv2.dnn.blobFromImage(canvas, swapRB=True)
        batch /= 255
        rows = self._network(full_height, full_width).run(batch)[0]
        regions = []
        for row in rows:
            if row[6] < self.threshold:
                continue
            x1, x2 = np.clip([(row[1] - left) / scale, (row[3] - left) / scale], 0, width)
            y1, y2 = np.clip([(row[2] - top) / scale, (row[4] - top) / scale], 0, height)
            box = Box(x=float(x1), y=float(y1), width=float(x2 - x1), height=float(y2 - y1))
            regions.append(Region(quad=quad_of_box(box), likelihood=float(row[6])))
        return regions

    def _whole_cells(self, length: int) -> int:
        """Rounded up to an odd number of cells (224, 288, 352, 416 ...): half as many shapes to compile."""
        pairs = max(1, math.ceil((length / self.cell_px - 1) / 2))
        return (2 * pairs + 1) * self.cell_px

    def _network(self, height: int, width: int) -> Network:
        with self._lock:
            if (height, width) not in self._networks:
                if len(self._networks) >= self.max_shapes:
                    self._networks.pop(next(iter(self._networks)))
                self._networks[height, width] = self._open_network(height, width)
            return self._networks[height, width]


class PlateMapDetector:
    """Our own plate detector: at every eighth pixel how surely a plate's centre is there, its box and its corners.

    The network takes (1, height, width, 3) bytes, sides in multiples of 32, and gives (1, 13, height / 8, width / 8):
    likelihood, distances to the box's left, top, right and bottom, four corner offsets (x, y), in units of 8 pixels.
    """

    stride = 8
    multiple = 32
    # Below this the peaks are headlights and badges; the reader decides above it.
    threshold = 0.3
    # Two boxes that share more than this of their union show one plate.
    same_plate = 0.3
    # Photos of car parks hold tens of plates; more peaks mean a picture that is no street.
    max_plates = 60
    # The corners of a plate's shape lie near its box; a shape that leaves its box by more than this share is a mistake.
    max_stray = 0.5

    def __init__(self, *, network: Runs) -> None:
        self._network = network

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        height, width = picture.shape[:2]
        scale = longest_px / max(height, width)
        inner_width, inner_height = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = np.empty(
            (-(-inner_height // self.multiple) * self.multiple, -(-inner_width // self.multiple) * self.multiple, 3),
            dtype=np.uint8,
        )
        scale_into(canvas[:inner_height, :inner_width], picture)
        canvas[inner_height:] = 0
        canvas[:, inner_width:] = 0
        answer = self._network.run(canvas[None])[0][0]
        likelihoods, boxes, quads = self._peaks(answer)
        kept = _suppressed(boxes, self.same_plate)[: self.max_plates]
        back = np.array([width / inner_width, height / inner_height], dtype=np.float32)
        limit = np.array([width, height], dtype=np.float32)
        regions = []
        for index in kept:
            quad = self._shape(boxes[index], quads[index])
            regions.append(
                Region(quad=np.clip(quad * back, 0, limit).astype(np.float32), likelihood=float(likelihoods[index]))
            )
        return regions

    def _peaks(self, answer: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Likelihood, box (x1, y1, x2, y2) and corners of every local maximum, best first, in input pixels."""
        heat = np.ascontiguousarray(answer[0])
        highest = np.asarray(cv2.dilate(heat, np.ones((3, 3), np.uint8)))
        ys, xs = np.nonzero((heat >= highest) & (heat > self.threshold))
        order = np.argsort(-heat[ys, xs], kind="stable")
        ys, xs = ys[order], xs[order]
        cells = answer[:, ys, xs].T
        at = np.stack([xs, ys], axis=1).astype(np.float32) + 0.5
        boxes = np.concatenate([at - cells[:, 1:3], at + cells[:, 3:5]], axis=1) * self.stride
        quads = (at[:, None] + cells[:, 5:].reshape(-1, 4, 2)) * self.stride
        return cells[:, 0], boxes, quads

    def _shape(self, box: NDArray[Any], quad: NDArray[Any]) -> NDArray[Any]:
        """The corners drawn halfway to the box, since the two err apart; the box alone where corners make no sense."""
        size = np.maximum(box[2:] - box[:2], 1e-3)
        low, high = quad.min(axis=0), quad.max(axis=0)
        stray = np.maximum(box[:2] - low, high - box[2:]) / size
        if stray.max() > self.max_stray or not _convex(quad):
            return np.array([box[[0, 1]], box[[2, 1]], box[[2, 3]], box[[0, 3]]])
        middle_low, middle_high = (low + box[:2]) / 2, (high + box[2:]) / 2
        return np.asarray(middle_low + (quad - low) / np.maximum(high - low, 1e-3) * (middle_high - middle_low))


def _suppressed(boxes: NDArray[Any], same: float) -> list[int]:
    """Indices of boxes that no better (earlier) one covers."""
    kept: list[int] = []
    waiting = np.arange(len(boxes))
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        low = np.maximum(boxes[waiting, :2], boxes[best, :2])
        high = np.minimum(boxes[waiting, 2:], boxes[best, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        waiting = waiting[shared / np.maximum(areas[waiting] + areas[best] - shared, 1e-6) <= same]
    return kept


def _convex(quad: NDArray[Any]) -> bool:
    """Whether four corners go round clockwise (y down) without a fold."""
    sides = np.roll(quad, -1, axis=0) - quad
    following = np.roll(sides, -1, axis=0)
    return bool((sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0] > 0).all())


def _mean_inside(probability: NDArray[Any], points: NDArray[Any]) -> float:
    height, width = probability.shape
    x1, y1 = np.clip(np.floor(points.min(axis=0)).astype(int), 0, (width - 1, height - 1))
    x2, y2 = np.clip(np.ceil(points.max(axis=0)).astype(int), 0, (width - 1, height - 1))
    mask = np.zeros((y2 - y1 + 1, x2 - x1 + 1), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(points - (x1, y1)).astype(np.int32)], (1,))
    return float(cv2.mean(probability[y1 : y2 + 1, x1 : x2 + 1], mask)[0])


def _ordered(points: NDArray[Any]) -> Quad:
    """Clockwise from top left, where the text's longer side lies along the reading direction."""
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    return np.array([top_left, top_right, bottom_right, bottom_left], dtype=np.float32)
