"""Faces and number plates made unrecognisable on pictures, by a model that the city supplies.

Whatever the model finds counts, so its layout names only what is to be blurred. A picture larger
than the model's input is looked at whole and in overlapping parts: a face in the crowd is a few
pixels of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tianmu.recognise.model import Recogniser

if TYPE_CHECKING:
    from tianmu.recognise.picture import Box, Image

ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}
"""types of pictures that can be read and written"""
PIXELS = 50_000_000
"""of a picture at most: what is larger would fill the memory"""
PARTS = 5
"""parts along each side at most"""
CELLS = 6
"""squares that a blurred box is left with, along its longer side"""
WIDER = 0.15
"""of a box's sides, by which more is blurred all around: hair, the frame of a plate"""


class Unblurred(ValueError):
    """The picture cannot be blurred: says why."""


@dataclass(frozen=True)
class Blurred:
    content: bytes
    places: int
    """things that were blurred; one that was seen in several parts counts once"""


class Blurrer:
    """``file`` and the layout beside it, as ``Recogniser`` has them. Raises ``Unusable``."""

    def __init__(self, file: Path) -> None:
        self.name = file.name
        self._recogniser = Recogniser(file)

    def blur(self, content: bytes, media_type: str) -> Blurred:
        """The picture in the same form with every box blurred and nothing of where and by what it
        was taken (EXIF). Raises ``Unblurred``; ``Unusable`` where model and layout do not fit."""
        import cv2
        import numpy as np

        ending = ENDINGS.get(media_type)
        if ending is None:
            raise Unblurred(f"{media_type} cannot be blurred")
        _measured(content)
        try:
            unpacked = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error as error:
            raise Unblurred(f"the picture cannot be read: {error}") from error
        if unpacked is None:
            raise Unblurred("the picture cannot be read")
        image: Image = np.asarray(unpacked, dtype=np.uint8)
        boxes = [box for part in self._parts(image) for box in part]
        for left, top, right, bottom in boxes:
            _pixelate(image[top:bottom, left:right])
        done, out = cv2.imencode(ending, image)
        if not done:
            raise Unblurred(f"{media_type} cannot be written")
        return Blurred(out.tobytes(), _things(boxes))

    def _parts(self, image: Image) -> Iterator[list[tuple[int, int, int, int]]]:
        """The boxes of each part, in pixels of the whole, widened."""
        for left, top, right, bottom in _windows(image.shape[1], image.shape[0], self._side()):
            part = image[top:bottom, left:right]
            yield [
                _pixels(one.box, (left, top, right, bottom), image.shape[1], image.shape[0])
                for one in self._recogniser.things(part)
            ]

    def _side(self) -> int:
        wanted = self._recogniser.layout.input
        return 2 * min(wanted.width, wanted.height)


def _measured(content: bytes) -> None:
    """Refuses what is larger than can be held, by its head and before it is unpacked."""
    import io

    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content)) as opened:
            size = opened.width * opened.height
    except (OSError, ValueError, SyntaxError, Pillow.DecompressionBombError) as error:
        raise Unblurred(f"the picture cannot be read: {error}") from error
    if size > PIXELS:
        raise Unblurred(f"the picture has {size} pixels, at most {PIXELS} can be blurred")


def _windows(wide: int, high: int, side: int) -> list[tuple[int, int, int, int]]:
    """The whole, and where it is larger than ``side`` parts of that size or more that overlap by a
    quarter: left, top, right, bottom in pixels."""
    whole = (0, 0, wide, high)
    if max(wide, high) <= side:
        return [whole]
    step = max(side, -(-max(wide, high) * 4 // (3 * PARTS)))
    lefts = _starts(wide, step)
    tops = _starts(high, step)
    return [whole] + [
        (left, top, min(left + step, wide), min(top + step, high)) for top in tops for left in lefts
    ]


def _starts(length: int, step: int) -> list[int]:
    last = max(0, length - step)
    found = list(range(0, last, step * 3 // 4))
    return [*found, last]


def _pixels(
    box: Box, within: tuple[int, int, int, int], wide: int, high: int
) -> tuple[int, int, int, int]:
    left, top, right, bottom = within
    x, y = right - left, bottom - top
    more_x, more_y = (box[2] - box[0]) * x * WIDER, (box[3] - box[1]) * y * WIDER
    return (
        max(0, int(left + box[0] * x - more_x)),
        max(0, int(top + box[1] * y - more_y)),
        min(wide, int(left + box[2] * x + more_x) + 1),
        min(high, int(top + box[3] * y + more_y) + 1),
    )


def _things(boxes: list[tuple[int, int, int, int]]) -> int:
    """How many, where a box with its middle in another is of the same."""
    held: list[tuple[int, int, int, int]] = []
    for one in boxes:
        x, y = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
        if not any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in held):
            held.append(one)
    return len(held)


def _pixelate(part: Image) -> None:
    """In place: the means of a few squares, drawn into one another. What lay between cannot be
    reckoned back, as it could from a Gaussian."""
    import cv2

    high, wide = part.shape[:2]
    if not high or not wide:
        return
    longer = max(high, wide)
    few = max(1, round(wide * CELLS / longer)), max(1, round(high * CELLS / longer))
    small = cv2.resize(part, few, interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR)
