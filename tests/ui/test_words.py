"""What the pages count by keys has words in Chinese; English may say the key itself."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SENSE = ROOT / "src" / "tianmu" / "sense"
PREFIXED = ("cap", "recognition")
"""doors that put their own name before what they count"""


def test_every_counter_of_a_door_has_a_word() -> None:
    counted = set()
    for path in SENSE.rglob("*.py"):
        door = path.relative_to(SENSE).parts[0]
        before = f"{door}_" if door in PREFIXED else ""
        for key in re.findall(r"counts\[([^\]]+)\]", path.read_text("utf-8")):
            counted |= {before + name for name in re.findall(r'(?<!f)"(\w+)"', key)}
    assert len(counted) > 40
    words = (ROOT / "ui" / "src" / "words" / "zh.ts").read_text("utf-8")
    (doors,) = re.findall(r"doors: \{(.*?)\} as", words, re.DOTALL)
    assert sorted(counted - set(re.findall(r"(\w+): ", doors))) == []
