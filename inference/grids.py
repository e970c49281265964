"""Plate detectors are exported for one square input; this makes the same weights run on other shapes.

Their convolutions do not care about the size; only a few constants do: the grid of anchor points, their strides and the
reshapes around them. A wide picture then needs no grey bars above and below, which are work for nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov

from inference.errors import PackError

STRIDES = (8, 16, 32)


def fit_to_shape(model: Any, *, height: int, width: int) -> Any:
    """Change a square-input YOLO export in place to take `height` x `width` (multiples of the coarsest stride)."""
    shape = model.inputs[0].get_partial_shape()
    old_height, old_width = shape[2].get_length(), shape[3].get_length()
    if (old_height, old_width) == (height, width):
        return model
    old_count, count = _count(old_height, old_width), _count(height, width)
    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant":
            continue
        data = node.get_data()
        new = _replacement(data, old_count, count, height, width)
        if new is None:
            continue
        constant = ov.op.Constant(new)
        for target in list(node.output(0).get_target_inputs()):
            target.replace_source_output(constant.output(0))
        replaced += 1
    if replaced < len(STRIDES):
        raise PackError("the plate detector's export is of an unknown kind: its anchor grid was not found")
    # `reshape` would first check the new constants against the old input.
    model.get_parameters()[0].set_partial_shape(ov.PartialShape([1, 3, height, width]))
    model.validate_nodes_and_infer_types()
    return model


def _count(height: int, width: int) -> int:
    return sum((height // stride) * (width // stride) for stride in STRIDES)


def _replacement(data: Any, old: int, count: int, height: int, width: int) -> Any | None:
    """The constant for the new shape when this one belongs to the grid."""
    if data.ndim == 3 and data.shape[1:] == (2, old):
        return _points(height, width)[None].astype(data.dtype)
    if data.ndim == 2 and data.shape == (1, old):
        strides = [np.full((height // s) * (width // s), s) for s in STRIDES]
        return np.concatenate(strides)[None].astype(data.dtype)
    if data.dtype.kind == "i" and data.size <= 4 and old in data:
        return np.where(data == old, count, data).astype(data.dtype)
    return None


def _points(height: int, width: int) -> Any:
    """Cell centres in cells, x then y, row by row for each stride."""
    grids = []
    for stride in STRIDES:
        y, x = np.meshgrid(np.arange(height // stride) + 0.5, np.arange(width // stride) + 0.5, indexing="ij")
        grids.append(np.stack([x.ravel(), y.ravel()]))
    return np.concatenate(grids, axis=1)
