"""Draws the floor plan of a trial city's buildings, whose panels ``tianmu feed`` plays.

``python -m tianmu.scenarios.fire_alarms.seeding PACK`` writes ``plans/seeded.png`` into the pack,
for the column ``plan`` of its ``buildings.csv``. It shows the floors and rooms that the played
panels name their detectors by, and says that it is drawn: no real building looks like it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tianmu.city import pack

PLAN = "plans/seeded.png"
FLOORS, ROOMS = 3, 8
"""as the played panels have them: 1F-101 to 3F-308, and two parts in the basement"""
WIDE, HIGH, MARGIN, HEAD = 1000, 880, 20, 60
INK, PAPER, WATER, WAY = (40, 44, 52), (250, 249, 245), (52, 110, 190), (40, 150, 90)
CAPTION = "TRIAL PLAN, DRAWN FROM A SEED - NO REAL BUILDING"


def plan() -> Image.Image:
    image = Image.new("RGB", (WIDE, HIGH), PAPER)
    pen, large, small = (
        ImageDraw.Draw(image),
        ImageFont.load_default(22),
        ImageFont.load_default(16),
    )
    pen.text((MARGIN, 16), CAPTION, (170, 60, 40), large)
    band = (HIGH - HEAD - 150) // FLOORS
    for floor in range(1, FLOORS + 1):
        top = HEAD + (FLOORS - floor) * band
        room = (WIDE - 2 * MARGIN - 120) // (ROOMS // 2)
        half = (band - 60) // 2
        pen.text((MARGIN, top + band // 2 - 20), f"{floor}F", INK, large)
        for number in range(ROOMS):
            left = MARGIN + 60 + number % (ROOMS // 2) * room
            upper = top + (number // (ROOMS // 2)) * (half + 40)
            pen.rectangle((left, upper, left + room, upper + half), outline=INK, width=2)
            pen.text((left + 12, upper + 10), f"{floor}F-{floor}{number + 1:02}", INK, small)
        way = top + half + 20
        pen.line((MARGIN + 60, way, WIDE - MARGIN - 60, way), fill=WAY, width=3)
        pen.text((WIDE - MARGIN - 52, way - 10), "stairs", WAY, small)
    low = HIGH - 120
    pen.text((MARGIN, low + 20), "B1", INK, large)
    for number, (name, colour) in enumerate((("B1-FLOW", WATER), ("B1-PUMP", WATER))):
        left = MARGIN + 60 + number * 240
        pen.rectangle((left, low, left + 220, low + 70), outline=colour, width=3)
        pen.text((left + 12, low + 10), name, colour, small)
    pen.text((MARGIN + 560, low + 10), "green: the way out", WAY, small)
    pen.text((MARGIN + 560, low + 36), "blue: sprinkler valve and pump", WATER, small)
    return image.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)


def write(folder: Path) -> Path:
    file = folder / PLAN
    file.parent.mkdir(exist_ok=True)
    plan().save(file, optimize=True)
    return file


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pack", help="a pack's name or folder")
    print(write(pack.locate(asked.parse_args().pack)))


if __name__ == "__main__":
    main()
