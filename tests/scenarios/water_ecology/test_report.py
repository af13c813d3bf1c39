"""Monthly reports: figures of the text against the rows, both languages, a city's own template."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tianmu.scenarios.contract import BadParameter
from tianmu.scenarios.table_file import read_table
from tianmu.scenarios.water_ecology import report
from tianmu.scenarios.water_ecology.words import settings

EXTRACT = Path(__file__).parent / "cnemc_extract.csv"
SAID = {"water": "station", "target": "Ⅲ", "pack": "liyang", "language": "zh"}


def section(name: str, month: str, ammonia: str, phosphorus: str = "0.05") -> dict[str, str]:
    return {"断面名称": name, "监测时间": f"{month}-10", "氨氮(mg/L)": ammonia,
            "总磷(mg/L)": phosphorus}  # fmt: skip


def lines(text: str, name: str) -> list[str]:
    found = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_the_lines_of_sections() -> None:
    rows = [
        section("a", "2021-03", "0.4"), section("a", "2021-04", "1.8", "0.22"),
        section("b", "2021-03", "1.2"), section("b", "2021-04", "0.1"),
        section("c", "2021-04", "0.3"), section("d$", "2021-04", "0.3"),
        section("e", "2021-04", "0.3"), section("gone", "2021-03", "0.3"),
    ]  # fmt: skip
    text = report.monthly(
        pa.Table.from_pylist(rows), "2021-04", SAID | {"water": "river", "pack": ""}, city="某市"
    )
    assert lines(text, "a") == ["a", "河流", "Ⅲ", "Ⅴ", "中度污染", "氨氮", "氨氮(0.80)、总磷(0.10)",
                                "1", "0.0", "下降"]  # fmt: skip
    assert lines(text, "b")[-1] == "好转" and lines(text, "d$")[-1] == "—"
    assert "gone" not in text and "# 某市地表水环境质量月报" in text
    assert "评价断面 5 个" in text and "Ⅰ–Ⅲ类断面占 80.0%" in text and "总体水质为“良好”" in text
    assert "氨氮(1个断面)、总磷(1个断面)" in text


def test_published_rows_in_english_with_the_packs_names() -> None:
    table = read_table(EXTRACT, lambda line: None)
    text = report.monthly(table, "2021-04", SAID | {"language": "en"}, city="Taihu")
    assert "# Taihu: quality of surface water, April 2021" in text
    found = lines(text, "Zhaotun (Shipu Bridge)")
    assert found[1:5] == ["river", "Ⅲ", "worse than Ⅴ", "heavily polluted"]
    assert found[6].startswith("Permanganate index (2.4")
    assert "without: Transparency" in text and "Total nitrogen" in text
    assert "number of sections: Total phosphorus (6), Permanganate index (1)." in text
    assert "$" not in text and "劣" not in text


def test_a_citys_own_template() -> None:
    table = pa.Table.from_pylist([section("a", "2021-04", "1.8")])
    own = "$city $month\n<!-- each section -->\n* $name $class_name\n<!-- end -->\n$overall\n"
    said = SAID | {"water": "river", "pack": ""}
    made = report.monthly(table, "2021-04", said, city="X", template=own)
    assert made == "X 2021年4月\n* a Ⅴ\n中度污染\n"  # of fewer than five: by their means


def test_a_month_without_rows() -> None:
    table = pa.Table.from_pylist([section("a", "2021-04", "1.8")])
    with pytest.raises(BadParameter, match="no section has a class in 2021-05"):
        report.monthly(table, "2021-05", SAID | {"water": "river", "pack": ""})


@pytest.mark.parametrize(
    ("numbers", "quality"),
    [
        ([1] * 9 + [3], 0), ([2] * 8 + [3] * 2, 1), ([2] * 7 + [3] * 3, 2),
        ([2] * 7 + [4, 5, 5], 3), ([2] * 6 + [5] * 4, 4),
    ],
)  # fmt: skip
def test_a_basin_by_the_shares_of_its_sections(numbers: list[int], quality: int) -> None:
    assert report.overall(numbers, settings().basin) == quality


def test_a_page_for_paper() -> None:
    """The same words as a page of its own: whatever a name holds stays a name."""
    rows = [section("a<b>&", "2021-04", "1.8"), section("b", "2021-04", "0.1")]
    said = SAID | {"water": "river", "pack": ""}
    for language, title in (("zh", "某市地表水环境质量月报"), ("en", "某市: quality of surface")):
        made = report.monthly(
            pa.Table.from_pylist(rows), "2021-04", said | {"language": language}, city="某市",
            form=report.HTML,
        )  # fmt: skip
        assert title in made and "@page" in made and "$" not in made
        assert f'<html lang="{"zh-CN" if language == "zh" else language}">' in made
        assert "<td>a&lt;b&gt;&amp;</td>" in made and made.count("<tr><td>") == 2
    assert "（2021年4月）" in report.monthly(
        pa.Table.from_pylist(rows), "2021-04", said, form=report.HTML
    )


def test_a_month_that_is_none() -> None:
    table = pa.Table.from_pylist([section("a", "2021-04", "1.8")])
    with pytest.raises(BadParameter, match="write 2021-04"):
        report.monthly(table, "2021-13", SAID | {"water": "river", "pack": ""})
