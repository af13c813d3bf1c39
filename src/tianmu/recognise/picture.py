"""A picture to what a model wants, and its boxes back to shares of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tianmu.recognise.layout import Input, Layout

Image = NDArray[np.uint8]
"""(height, width, 3), blue green red as OpenCV has it"""
GREY = 114
Box = tuple[float, float, float, float]
"""left, top, right, bottom as shares of the picture"""


@dataclass(frozen=True)
class Found:
    kind: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Fit:
    """How a picture lies in the input: pixels of the input = share * size + offset."""

    width: float
    height: float
    left: float
    top: float


def prepare(image: Image, wanted: Input) -> tuple[NDArray[Any], Fit]:
    """The model's input, (1, 3, height, width) or (1, height, width, 3), and how it lies there."""
    import cv2

    high, wide = image.shape[:2]
    if wanted.fit == "stretch":
        fit = Fit(wanted.width, wanted.height, 0.0, 0.0)
        laid = cv2.resize(image, (wanted.width, wanted.height))
    else:
        scale = min(wanted.width / wide, wanted.height / high)
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        left, top = (wanted.width - size[0]) // 2, (wanted.height - size[1]) // 2
        fit = Fit(size[0], size[1], left, top)
        laid = np.full((wanted.height, wanted.width, 3), GREY, dtype=np.uint8)
        laid[top : top + size[1], left : left + size[0]] = cv2.resize(image, size)
    if wanted.colours == "rgb":
        laid = laid[:, :, ::-1]
    made: NDArray[Any] = laid
    if wanted.type == "float32":
        mean = np.array(wanted.mean, np.float32)
        scales = np.array(wanted.scale, np.float32)
        made = (laid.astype(np.float32) - mean) / scales
    if wanted.order == "nchw":
        made = made.transpose(2, 0, 1)
    return np.ascontiguousarray(made[None]), fit


def read(output: NDArray[Any], layout: Layout, fit: Fit) -> list[Found]:
    """What a model's output tells, the surest first. Raises ``ValueError`` for another shape."""
    rows = np.asarray(output, dtype=np.float64)
    while rows.ndim > 2 and rows.shape[0] == 1:
        rows = rows[0]
    if rows.ndim != 2:
        raise ValueError(f"an output of shape {np.shape(output)} is no table of boxes")
    boxes, score, number = (_rows if layout.output.form == "rows" else _anchors)(rows, layout)
    kinds = layout.kinds
    known = np.isin(number, list(kinds)) & (score >= layout.output.least)
    known &= np.isfinite(boxes).all(axis=1)
    boxes, score, number = boxes[known], score[known], number[known]
    order = np.argsort(-score, kind="stable")
    if layout.output.form == "anchors":
        order = _apart(boxes, score, number, layout.output.overlap)
    size = np.array([layout.input.width, layout.input.height] * 2, dtype=np.float64)
    pixels = boxes * size if layout.output.units == "shares" else boxes
    offset = np.array([fit.left, fit.top] * 2)
    shares = np.clip((pixels - offset) / np.array([fit.width, fit.height] * 2), 0.0, 1.0)
    found = []
    for at in order.tolist():
        left, top, right, bottom = (round(float(edge), 4) for edge in shares[at])
        if left < right and top < bottom:  # not in the grey beside the picture
            sure = min(max(float(score[at]), 0.0), 1.0)
            found.append(Found(kinds[int(number[at])], round(sure, 4), (left, top, right, bottom)))
    return found


_Table = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]


def _rows(rows: NDArray[np.float64], layout: Layout) -> _Table:
    if rows.shape[1] != 6:
        raise ValueError(
            f"rows of {rows.shape[1]} numbers, not of 6: left, top, right, bottom, score, class"
        )
    return rows[:, :4], rows[:, 4], np.nan_to_num(rows[:, 5], nan=-1).astype(np.int64)


def _anchors(rows: NDArray[np.float64], layout: Layout) -> _Table:
    least = 4 + max(layout.kinds) + 1
    if rows.shape[1] < rows.shape[0] and rows.shape[1] >= least:
        table = rows
    elif rows.shape[0] >= least:
        table = rows.T
    else:
        raise ValueError(
            f"{rows.shape[0]} x {rows.shape[1]} numbers, but class {max(layout.kinds)} is named"
        )
    middle, half = table[:, :2], table[:, 2:4] / 2
    scores = table[:, 4:]
    number = scores.argmax(axis=1)
    score = scores[np.arange(len(scores)), number]
    return np.concatenate([middle - half, middle + half], axis=1), score, number


def _apart(
    boxes: NDArray[Any], score: NDArray[Any], number: NDArray[Any], most: float
) -> NDArray[np.int64]:
    """Of boxes of one class with more than ``most`` in common the surest; surest first."""
    kept: list[int] = []
    for at in np.argsort(-score, kind="stable").tolist():
        same = [one for one in kept if number[one] == number[at]]
        if not same or _overlap(boxes[at], boxes[same]).max() <= most:
            kept.append(at)
    return np.array(kept, dtype=np.int64)


def _overlap(one: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Intersection over union of one box with others (n, 4)."""
    near = np.clip(np.minimum(one[2:], others[:, 2:]) - np.maximum(one[:2], others[:, :2]), 0, None)
    both = near[:, 0] * near[:, 1]
    area = (one[2] - one[0]) * (one[3] - one[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return np.asarray(both / np.maximum(area + areas - both, 1e-12))
