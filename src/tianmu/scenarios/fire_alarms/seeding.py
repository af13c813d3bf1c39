"""Draws the floor plan of a trial city's buildings, whose panels ``tianmu feed`` plays.

``python -m tianmu.scenarios.fire_alarms.seeding PACK`` writes ``plans/seeded.png`` into the pack,
for the column ``plan`` of its ``buildings.csv``. It shows the floors and rooms that the played
panels name their detectors by (``[settings.seeding]`` of ``scenario.toml``), and says that it is
drawn: no real building looks like it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec
from PIL import Image, ImageDraw, ImageFont

from tianmu.city import pack
from tianmu.scenarios.settings import settings_of

PLAN = "plans/seeded.png"
WIDE, HIGH, MARGIN, HEAD = 1000, 880, 20, 60
INK, PAPER, WATER, WAY = (40, 44, 52), (250, 249, 245), (52, 110, 190), (40, 150, 90)


class Below(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The floor under the ground."""

    name: str
    parts: tuple[str, ...]


class Drawn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    floors: int
    rooms: int
    """of each floor, numbered 1F-101 and so on"""
    below: Below
    caption: str
    stairs: str
    key_way: str
    key_water: str


def drawn() -> Drawn:
    return msgspec.convert(settings_of(__file__)["seeding"], Drawn)


def plan(shown: Drawn) -> Image.Image:
    image = Image.new("RGB", (WIDE, HIGH), PAPER)
    pen, large, small = (
        ImageDraw.Draw(image),
        ImageFont.load_default(22),
        ImageFont.load_default(16),
    )
    pen.text((MARGIN, 16), shown.caption, (170, 60, 40), large)
    band, beside = (HIGH - HEAD - 150) // shown.floors, -(-shown.rooms // 2)
    for floor in range(1, shown.floors + 1):
        top = HEAD + (shown.floors - floor) * band
        room = (WIDE - 2 * MARGIN - 120) // beside
        half = (band - 60) // 2
        pen.text((MARGIN, top + band // 2 - 20), f"{floor}F", INK, large)
        for number in range(shown.rooms):
            left = MARGIN + 60 + number % beside * room
            upper = top + number // beside * (half + 40)
            pen.rectangle((left, upper, left + room, upper + half), outline=INK, width=2)
            pen.text((left + 12, upper + 10), f"{floor}F-{floor}{number + 1:02}", INK, small)
        way = top + half + 20
        pen.line((MARGIN + 60, way, WIDE - MARGIN - 60, way), fill=WAY, width=3)
        pen.text((WIDE - MARGIN - 52, way - 10), shown.stairs, WAY, small)
    low = HIGH - 120
    pen.text((MARGIN, low + 20), shown.below.name, INK, large)
    for number, name in enumerate(shown.below.parts):
        left = MARGIN + 60 + number * 240
        pen.rectangle((left, low, left + 220, low + 70), outline=WATER, width=3)
        pen.text((left + 12, low + 10), name, WATER, small)
    pen.text((MARGIN + 560, low + 10), shown.key_way, WAY, small)
    pen.text((MARGIN + 560, low + 36), shown.key_water, WATER, small)
    return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)


def write(folder: Path) -> Path:
    file = folder / PLAN
    file.parent.mkdir(exist_ok=True)
    plan(drawn()).save(file, optimize=True)
    return file


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pack", help="a pack's name or folder")
    print(write(pack.locate(asked.parse_args().pack)))


if __name__ == "__main__":
    main()
