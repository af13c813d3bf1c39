"""A report that can be read where no Chinese font is installed."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pyarrow as pa
import pytest
from fontTools.ttLib import TTFont

from tianmu.scenarios.letters import FACE, built, carried
from tianmu.scenarios.water_ecology import report

SAID = {"water": "river", "target": "Ⅲ", "pack": "", "language": "zh"}


def letters_in(css: str) -> set[int]:
    found: set[int] = set()
    for data in re.findall(r"base64,([^)]+)\)", css):
        with TTFont(io.BytesIO(base64.b64decode(data))) as font:
            assert "fvar" not in font, "one weight"
            found |= set(font.getBestCmap())
    return found


@pytest.mark.skipif(not any(built().glob("noto-*")), reason="the pages were not built")
def test_a_report_carries_its_own_letters() -> None:
    row = {"断面名称": "溧湖", "监测时间": "2021-04-01 08:00", "氨氮(mg/L)": "1.8"}
    made = report.monthly(pa.Table.from_pylist([row]), "2021-04", SAID, city="溧阳市", form="html")
    assert f'font-family: "{FACE}"' in made and made.count(f'"{FACE}"') > 2
    shown = {ord(one) for one in re.sub(r"(?s)<style>.*</style>", "", made) if "一" <= one <= "龥"}
    assert ord("溧") in shown and shown <= letters_in(made)
    assert len(made) < 400_000


def test_where_the_pages_were_not_built_nothing_is_carried(tmp_path: Path) -> None:
    assert carried("溧阳", tmp_path) == ""
