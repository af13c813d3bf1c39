"""What a model wants and gives: a small TOML beside it. See docs/rooms/recognise.md."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from tianmu.recognise.fault import Unusable


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    width: int
    height: int
    fit: Literal["letterbox", "stretch"] = "letterbox"
    """``letterbox``: the whole picture with grey beside it; ``stretch``: to the input's shape"""
    colours: Literal["rgb", "bgr"] = "rgb"
    order: Literal["nchw", "nhwc"] = "nchw"
    type: Literal["float32", "uint8"] = "float32"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (255.0, 255.0, 255.0)
    """of each colour: (value 0…255 - mean) / scale; nothing of it where ``type`` is uint8"""


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    form: Literal["rows", "anchors"]
    """``rows``: (n, 6) of left, top, right, bottom, score, class; ``anchors``: (4 + classes, n) or
    (n, 4 + classes) of centre x, centre y, width, height and a score of each class, many of each
    thing"""
    units: Literal["pixels", "shares"] = "pixels"
    """of the input"""
    name: str = ""
    """of the output; empty: the first"""
    least: float = 0.25
    """score below which nothing is told"""
    overlap: float = 0.5
    """of ``anchors``: boxes of one class with more in common are one thing"""


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    input: Input
    output: Output
    classes: dict[str, str]
    """number of the class → code or label of a kind of event; classes left out are not told"""

    @property
    def kinds(self) -> dict[int, str]:
        return {int(number): kind for number, kind in self.classes.items()}


def read(file: Path) -> Layout:
    """The layout in ``file``. Raises ``Unusable``: what, where, and how to mend it."""
    remedy = "see docs/rooms/recognise.md"
    try:
        layout = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Layout)
    except FileNotFoundError as error:
        raise Unusable(
            f"{file} is not there: write what the model wants and gives, {remedy}"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unusable(f"{file}: {error}: mend the TOML") from error
    except msgspec.ValidationError as error:
        raise Unusable(f"{file}: {error}: {remedy}") from error
    for number in layout.classes:
        if not number.isdigit():
            raise Unusable(f'{file}: class {number!r} is no number: write 0 = "kind"')
    sides = (layout.input.width, layout.input.height)
    if not all(8 <= side <= 8192 for side in sides):
        raise Unusable(
            f"{file}: input {sides[0]} x {sides[1]}: sides of 8 to 8192 pixels are possible"
        )
    if not all(layout.input.scale):
        raise Unusable(f"{file}: scale holds a 0: it is divided by")
    if not layout.classes:
        raise Unusable(f"{file}: no class is named: nothing could be told")
    return layout
