"""How the lines of a paper end: as Chinese print ends them, with Latin words among them."""

from __future__ import annotations

import pytest

from tianmu.web.paper.paper import Head, Paper
from web.printed import lines_of

TOLD = (
    "接12345热线转来：“溧城街道Nandajie Road 128号（靠近KFC）的路灯Lamp-17不亮，"
    "已报修（2次），请尽快处理！”另有市民反映：《城市道路照明设施管理规定》第3条要求亮灯率≥98%；现场照片IMG_2031.jpg已上传……谢谢！（转办）"
    "The caller said (twice): “it is dark near the school”，需在2026-11-29前答复；电话138****5678。"
)
CLOSING = "，。、；：！？）》」』】〕”’…—％%,.;:!?)]"
OPENING = "（《「『【〔“‘(["


def printed(*texts: str) -> list[str]:
    """The lines of a paper with these texts alone."""
    paper = Paper(Head("", "", page=lambda page, pages: ""))
    for text in texts:
        paper.text(text)
    return lines_of(paper.made())


@pytest.mark.parametrize("more", range(30))
def test_no_line_begins_with_a_closing_mark_nor_ends_with_an_opening_one(more: int) -> None:
    """Whatever letter comes to stand at the end of the line: the text is shifted letter by
    letter."""
    lines = printed("市" * more + TOLD * 3)
    assert len(lines) > 8 and "".join(lines) == "市" * more + TOLD * 3
    for line in lines:
        assert line[0] not in CLOSING, line
        assert line.rstrip()[-1] not in OPENING, line


def test_a_word_is_cut_only_where_no_line_holds_it() -> None:
    lines = printed("路灯不亮" * 12 + "Nandajie" + "路灯不亮" * 12, "f" * 200)
    assert any("Nandajie" in line for line in lines)
    assert [line for line in lines if "f" in line] != ["f" * 200]
    assert sum(line.count("f") for line in lines) == 200


def test_lines_that_are_told_stay_lines() -> None:
    assert printed("第一行，\n第二行。\n\nthird") == ["第一行，", "第二行。", "third"]


def test_marks_of_a_narrow_column_hang_on_their_word() -> None:
    paper = Paper(Head("", "", page=lambda page, pages: ""))
    told = "路灯（单臂，LED），编号A-17；型号XJ-200：（旧）“坏”！"
    paper.table(("部件", "说明"), [("灯", "市" * more + told) for more in range(12)], (10, 1))
    lines = [line for line in lines_of(paper.made()) if line != "灯"]
    assert "".join("".join(lines).split()).count(told) == 11 and len(lines) > 60  # one overleaf
    assert not [line for line in lines if line[0] in CLOSING or line.rstrip()[-1] in OPENING]


def test_a_paragraph_that_goes_on_overleaf_says_the_same() -> None:
    told = TOLD * 80
    lines = printed(told)
    assert "".join("".join(lines).split()) == "".join(told.split())
    assert not [line for line in lines if line[0] in CLOSING or line.rstrip()[-1] in OPENING]
