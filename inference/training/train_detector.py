"""Trains the plate detector: `python -m inference.training.train_detector --data DIR --out DIR --minutes 60`.

Resumable: a check-point is written every few hundred steps and taken up again when the same folder is given.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from inference.errors import InferenceError
from inference.programs import run
from inference.training.detector_data import Scene, load_scenes, sample
from inference.training.detector_model import STRIDE, DetectorNet
from inference.training.fonts import find_fonts
from inference.training.plates import PlatePress
from inference.training.precision import half_where_fast
from inference.training.scenes import SceneDresser

SIZES = (256, 320, 320, 384, 448)
PIXELS_PER_BATCH = 16 * 320 * 320
SAVE_EVERY_S = 300
# The map is learned soon; how well the reader's crop fits is what is left to win.
BOX_WEIGHT, CORNER_WEIGHT = 3.0, 5.0
# People draw boxes with up to a quarter of air around a plate; the shape is learned from drawn plates.
REAL_SHAPE_WEIGHT = 0.1
PEAK_RATE = 2e-3
# So many held-out scenes show how far corners are off, and from here on a plate leans.
CORNER_SCENES, CORNER_SIZE, LEANS_DEG = 240, 384, 10.0
# Lower plates are never read from the look at this size.
LOWEST_PX = 10.0


def targets(corners: list[np.ndarray], exact: list[np.ndarray], size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Heat (n, 1, g, g), box distances and corner offsets (n, 12, g, g) in cells, and the mask of taught cells."""
    grid = size // STRIDE
    heat = np.zeros((len(corners), 1, grid, grid), np.float32)
    values = np.zeros((len(corners), 12, grid, grid), np.float32)
    mask = np.zeros((len(corners), 1, grid, grid), np.float32)
    ys, xs = np.mgrid[0:grid, 0:grid].astype(np.float32) + 0.5
    for index, plates in enumerate(corners):
        for plate, is_exact in zip(plates / STRIDE, exact[index], strict=True):
            x0, y0 = plate.min(axis=0)
            x1, y1 = plate.max(axis=0)
            # A plate that is mostly outside, or too small for its characters, teaches nothing: its cells are ignored.
            inside = max(0.0, min(x1, grid) - max(x0, 0)) * max(0.0, min(y1, grid) - max(y0, 0))
            share = inside / max((x1 - x0) * (y1 - y0), 1e-6)
            if share <= 0:
                continue
            cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
            sx, sy = max((x1 - x0) * 0.15, 0.5), max((y1 - y0) * 0.2, 0.5)
            bump = np.exp(-((xs - cx) ** 2 / (2 * sx**2) + (ys - cy) ** 2 / (2 * sy**2)))
            if share < 0.6 or (x1 - x0) * STRIDE < 9:
                heat[index, 0] = np.where(bump > 0.05, -1.0, heat[index, 0])
                continue
            gx, gy = int(np.clip(cx, 0, grid - 1)), int(np.clip(cy, 0, grid - 1))
            heat[index, 0] = np.where(heat[index, 0] < 0, heat[index, 0], np.maximum(heat[index, 0], bump))
            heat[index, 0, gy, gx] = 1.0
            taught = bump > 0.5
            taught[gy, gx] = True
            mask[index, 0][taught] = bump[taught].clip(0.3) * (1.0 if is_exact else REAL_SHAPE_WEIGHT)
            values[index, 0][taught] = (xs - x0)[taught]
            values[index, 1][taught] = (ys - y0)[taught]
            values[index, 2][taught] = (x1 - xs)[taught]
            values[index, 3][taught] = (y1 - ys)[taught]
            for corner in range(4):
                values[index, 4 + 2 * corner][taught] = (plate[corner, 0] - xs)[taught]
                values[index, 5 + 2 * corner][taught] = (plate[corner, 1] - ys)[taught]
    return torch.from_numpy(heat), torch.from_numpy(values), torch.from_numpy(mask)


def loss_of(raw: Tensor, heat: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, dict[str, float]]:
    """Penalty-reduced focal loss on the heat map, GIoU on boxes, smooth L1 on corners relative to the plate's size."""
    p = torch.sigmoid(raw[:, :1]).clamp(1e-5, 1 - 1e-5)
    positive = heat.ge(0.999).float()
    negative = (heat.ge(0) & heat.lt(0.999)).float()
    focal = -(positive * (1 - p) ** 2 * p.log() + negative * (1 - heat.clamp(min=0)) ** 4 * p**2 * (1 - p).log())
    count = positive.sum().clamp(min=1)
    heat_loss = focal.sum() / count
    left, top, right, bottom = raw[:, 1:5].unbind(1)
    tl, tt, tr, tb = values[:, :4].unbind(1)
    weight = mask[:, 0]
    shared = (torch.minimum(left, tl) + torch.minimum(right, tr)).clamp(min=0) * (
        torch.minimum(top, tt) + torch.minimum(bottom, tb)
    ).clamp(min=0)
    union = (left + right) * (top + bottom) + (tl + tr) * (tt + tb) - shared + 1e-6
    hull = (torch.maximum(left, tl) + torch.maximum(right, tr)) * (
        torch.maximum(top, tt) + torch.maximum(bottom, tb)
    ) + 1e-6
    giou = shared / union - (hull - union) / hull
    total = weight.sum().clamp(min=1)
    box_loss = ((1 - giou) * weight).sum() / total
    extent = (tt + tb).clamp(min=1.0).unsqueeze(1)
    corner = nn.functional.smooth_l1_loss(raw[:, 5:] / extent, values[:, 4:] / extent, reduction="none", beta=0.1)
    corner_loss = (corner.mean(1) * weight).sum() / total
    return heat_loss + BOX_WEIGHT * box_loss + CORNER_WEIGHT * corner_loss, {
        "heat": heat_loss.item(),
        "box": box_loss.item(),
        "corner": corner_loss.item(),
    }


@torch.no_grad()
def evaluate(net: DetectorNet, scenes: list[Scene], side: int, threshold: float = 0.3) -> dict[str, float]:
    """Recall at IoU 0.5 and false boxes per scene on scenes never trained on, longest side `side`."""
    net.eval()
    found = total = false = 0
    for scene in scenes:
        scale = side / max(scene.picture.shape[:2])
        picture = cv2.resize(
            scene.picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
        height, width = (-(-n // 32) * 32 for n in picture.shape[:2])
        padded = np.zeros((height, width, 3), np.uint8)
        padded[: picture.shape[0], : picture.shape[1]] = picture
        raw = net(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)[0]
        heat = torch.sigmoid(raw[0])
        peaks = (heat == nn.functional.max_pool2d(heat[None, None], 3, 1, 1)[0, 0]) & (heat > threshold)
        boxes: list[tuple[float, tuple[float, float, float, float]]] = []
        for y, x in peaks.nonzero().tolist():
            left, top, right, bottom = (raw[1:5, y, x] * STRIDE).tolist()
            cx, cy = (x + 0.5) * STRIDE, (y + 0.5) * STRIDE
            boxes.append((heat[y, x].item(), (cx - left, cy - top, cx + right, cy + bottom)))
        kept: list[tuple[float, float, float, float]] = []
        for _, box in sorted(boxes, reverse=True):
            if all(iou(box, other) < 0.4 for other in kept):
                kept.append(box)
        truths = [tuple(float(v) for v in box) for box in scene.boxes * scale]
        total += len(truths)
        found += sum(any(iou(truth, box) > 0.5 for box in kept) for truth in truths)
        false += sum(all(iou(truth, box) < 0.1 for truth in truths) for box in kept)
    net.train()
    return {"recall": found / max(total, 1), "false": false / max(len(scenes), 1)}


@torch.no_grad()
def corner_errors(
    net: DetectorNet, scenes: list[Scene], dresser: SceneDresser, rng: random.Random, threshold: float = 0.3
) -> dict[str, float]:
    """How far the worst corner of a plate is off, in plate heights, on held-out scenes with drawn plates.

    The median over level plates and over those that lean; a plate that is not found counts as one height.
    """
    net.eval()
    errors: dict[str, list[float]] = {"level": [], "leaning": []}
    for index in range(CORNER_SCENES if scenes else 0):
        picture, corners, exact = sample(scenes[index % len(scenes)], CORNER_SIZE, rng, dresser=dresser)
        raw = net(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)[0]
        for quad in corners[exact]:
            height = float(np.linalg.norm(quad[3] - quad[0]))
            if quad.min() < 0 or quad.max() > CORNER_SIZE or height < LOWEST_PX:
                continue
            x, y = (int(n) for n in quad.mean(0) / STRIDE)
            near = torch.sigmoid(raw[0])[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            best = int(near.argmax())
            y, x = max(0, y - 1) + best // near.shape[1], max(0, x - 1) + best % near.shape[1]
            found = (raw[5:, y, x].reshape(4, 2).numpy() + np.array([x, y]) + 0.5) * STRIDE
            along = quad[1] - quad[0]
            kind = "leaning" if abs(math.degrees(math.atan2(along[1], along[0]))) > LEANS_DEG else "level"
            off = float(np.linalg.norm(found - quad, axis=1).max()) / height
            errors[kind].append(off if float(near.max()) > threshold else 1.0)
    net.train()
    return {f"corner_{kind}": float(np.median(found)) for kind, found in errors.items() if found}


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="learning rate after the first steps")
    parser.add_argument("--start", type=Path, help="weights of an earlier run to go on from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1_000_000_000, help="stop after this many more steps (smoke run)")
    parser.add_argument("--scenes", type=int, help="use only this many scenes (smoke run)")
    parser.add_argument("--fonts", type=Path, help="folder of fonts: swaps in rendered plates and adds hard negatives")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    rng = random.Random(options.seed)
    train = load_scenes(options.data, "train")[: options.scenes]
    held_out = load_scenes(options.data, "val")[: options.scenes]
    if not train:
        raise InferenceError(f"{options.data / 'labels.csv'} names no scene to train on that can be read")
    print(f"{len(train)} scenes to train on, {len(held_out)} held out", flush=True)
    # This memory order trains a third faster on a processor.
    net = DetectorNet().to(memory_format=torch.channels_last)
    average = DetectorNet().to(memory_format=torch.channels_last)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=1e-4)
    checkpoint = options.out / "detector.pt"
    spent, step = 0.0, 0
    if options.start and not checkpoint.exists():
        begun = {key: value.float() for key, value in torch.load(options.start, weights_only=True).items()}
        net.load_state_dict(begun)
        average.load_state_dict(begun)
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        spent, step = state["spent"], state["step"]
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, from step {step}", flush=True)
    last_step = step + options.steps
    log = (options.out / "detector-log.jsonl").open("a", encoding="utf-8")

    dresser = None
    if options.fonts:
        fonts = find_fonts(options.fonts, options.out / "fonts")
        dresser = SceneDresser(PlatePress(fonts, rng), rng)

    def batch() -> tuple[int, list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        size = rng.choice(SIZES)
        drawn = [
            sample(rng.choice(train), size, rng, behind=rng.choice(train), dresser=dresser)
            for _ in range(max(4, PIXELS_PER_BATCH // size**2))
        ]
        pictures, corners, exact = zip(*drawn, strict=True)
        return size, list(pictures), list(corners), list(exact)

    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(batch)
        mark = time.monotonic()
        last_saved = mark
        running: dict[str, float] = {}
        while spent < options.minutes * 60 and step < last_step:
            size, pictures, corners, exact = upcoming.result()
            upcoming = pool.submit(batch)
            x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255  # channels last
            progress = min(1.0, spent / (options.minutes * 60))
            rate = options.rate * min(1.0, (step + 1) / 200) * max(0.02, 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimizer.param_groups:
                group["lr"] = rate
            with half_where_fast():
                raw = net(x)
            loss, parts = loss_of(raw.float(), *targets(corners, exact, size))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            step += 1
            decay = min(0.998, step / (step + 50))
            with torch.no_grad():
                for mine, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                    if mine.dtype.is_floating_point:
                        mine.lerp_(theirs, 1 - decay)
                    else:
                        mine.copy_(theirs)
            now = time.monotonic()
            spent += now - mark
            mark = now
            for key, value in parts.items():
                running[key] = 0.98 * running.get(key, value) + 0.02 * value
            if now - last_saved > SAVE_EVERY_S or spent >= options.minutes * 60 or step == last_step:
                saved = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
                torch.save(saved | {"spent": spent, "step": step}, checkpoint.with_suffix(".tmp"))
                checkpoint.with_suffix(".tmp").rename(checkpoint)
                score = evaluate(average, held_out[::4], 480)
                if dresser is not None:
                    chance = random.Random(0)  # the same scenes and plates every time
                    dressed = SceneDresser(PlatePress(fonts, chance), chance, swap=1.0, lure=0.0)
                    score |= corner_errors(average, held_out, dressed, chance)
                line = {
                    "step": step,
                    "minutes": round(spent / 60, 1),
                    **{k: round(v, 4) for k, v in (running | score).items()},
                }
                print(json.dumps(line), flush=True)
                log.write(json.dumps(line) + "\n")
                log.flush()
                mark = last_saved = time.monotonic()
    log.close()


if __name__ == "__main__":
    run(main)
