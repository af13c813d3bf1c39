"""A tiny model that sees red, and a tiny video with a red cart: made here, byte by byte.

The model averages 8 x 8 pixels of a 64 x 64 input and scores each cell by red - (green + blue) / 2,
as a box of 24 pixels around the cell: of class 0 as it is, of class 1 by blue alone. Written as
ONNX's protobuf messages by hand, so that no package is needed for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

LAYOUT = """
[input]
width = 64
height = 64
fit = "letterbox"

[output]
form = "anchors"
units = "pixels"
least = 0.4
overlap = 0.05

[classes]
0 = "UnlicensedBusinessVendor"
1 = "road_ponding"
"""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _ints(name: str, values: Iterable[int]) -> bytes:
    told = b"".join(_number(8, value) for value in values)
    return _bytes(5, _bytes(1, name) + told + _number(20, 7))


def _node(kind: str, inputs: Iterable[str], output: str, attributes: bytes = b"") -> bytes:
    told = b"".join(_bytes(1, one) for one in inputs)
    return _bytes(1, told + _bytes(2, output) + _bytes(4, kind) + attributes)


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = 1 if values.dtype == np.float32 else 7
    dims = b"".join(_number(1, size) for size in values.shape)
    return _bytes(5, dims + _number(2, kind) + _bytes(8, name) + _bytes(9, values.tobytes()))


def _value(field: int, name: str, shape: Iterable[int]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor = _number(1, 1) + _bytes(2, dims)
    return _bytes(field, _bytes(1, name) + _bytes(2, _bytes(1, tensor)))


def model() -> bytes:
    weights = np.zeros((6, 3, 1, 1), np.float32)
    weights[4, :, 0, 0] = (1.0, -0.5, -0.5)
    weights[5, :, 0, 0] = (-0.5, -0.5, 1.0)
    places = np.zeros((1, 6, 8, 8), np.float32)
    middles = np.arange(8, dtype=np.float32) * 8 + 4
    places[0, 0], places[0, 1] = middles[None, :], middles[:, None]
    places[0, 2:4] = 24.0
    graph = b"".join(
        (
            _node("AveragePool", ["image"], "cells",
                  _ints("kernel_shape", (8, 8)) + _ints("strides", (8, 8))),
            _node("Conv", ["cells", "weights"], "scores", _ints("kernel_shape", (1, 1))),
            _node("Add", ["scores", "places"], "placed"),
            _node("Reshape", ["placed", "shape"], "boxes"),
            _bytes(2, "red"),
            _tensor("weights", weights),
            _tensor("places", places),
            _tensor("shape", np.array([1, 6, 64], np.int64)),
            _value(11, "image", (1, 3, 64, 64)),
            _value(12, "boxes", (1, 6, 64)),
        )
    )  # fmt: skip
    opset = _bytes(8, _bytes(1, "") + _number(2, 13))
    return _number(1, 8) + _bytes(2, "tianmu tests") + _bytes(7, graph) + opset


def write_model(folder: Path) -> Path:
    file = folder / "red.onnx"
    file.write_bytes(model())
    file.with_suffix(".toml").write_text(LAYOUT, encoding="utf-8")
    return file


def scene(cart: tuple[int, int] | None, wide: int = 160, high: int = 120) -> np.ndarray:
    """A grey street, with a red cart of 40 x 40 pixels where it is told to be."""
    image = np.full((high, wide, 3), 110, np.uint8)
    if cart is not None:
        x, y = cart
        image[y : y + 40, x : x + 40] = (10, 10, 240)
    return image


def write_video(file: Path, frames: Iterable[np.ndarray], rate: float = 5.0) -> Path:
    """Motion JPEG in AVI: every OpenCV writes it."""
    out = None
    for frame in frames:
        if out is None:
            size = (frame.shape[1], frame.shape[0])
            out = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
            assert out.isOpened()
        out.write(frame)
    assert out is not None
    out.release()
    return file
