"""What stays of personal data; nothing else may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.access.masking import mask, mask_address, mask_data, mask_report, mask_text
from tianmu.facts.place import Place
from tianmu.facts.report import Report, Reporter


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("name", "张三丰", "张**"),
        ("name", "张三", "张**"),
        ("name", "王", "**"),
        ("phone", "13800138000", "138****8000"),
        ("phone", "110", "***"),
        ("identity", "320481199001011234", "320481********1234"),
        ("bank_card", "6222021234567890123", "***************0123"),
        ("email", "zhangsan@example.com", "z***@example.com"),
        ("name", "", ""),
    ],
)
def test_fields(field: str, value: str, shown: str) -> None:
    assert mask(field, value) == shown


def test_address_keeps_the_town() -> None:
    keep = ["溧阳市", "天目湖镇", "戴埠镇"]
    assert mask_address("溧阳市天目湖镇南山路12号3幢201", keep) == "溧阳市天目湖镇***"
    assert mask_address("12 High Street", keep) == "***"
    assert mask_address("", keep) == ""


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("联系13912345678谢谢", "13912345678"),
        ("联系139 1234 5678谢谢", "139 1234 5678"),
        ("电话0519-87654321", "87654321"),
        ("call +44 20 7946 0958 now", "7946"),
        ("身份证32048119900101123X。", "19900101"),
        ("card 6222 0212 3456 7890 123.", "3456"),
        ("mail to li.si@example.org!", "li.si"),
    ],
)
def test_free_text(text: str, hidden: str) -> None:
    shown = mask_text(text)
    assert hidden not in shown
    assert "*" in shown


@pytest.mark.parametrize(
    "text", ["浓度 12.5 mg/L，2026-11-23 08:30", "编号 20261123-00017", "水位3.2米，超限0.4米"]
)
def test_figures_stay(text: str) -> None:
    assert mask_text(text) == text


def test_data_of_an_event_names_nobody_who_was_called() -> None:
    told = {
        "tries": [{"account": "fire-2", "name": "张三丰", "by": "call"}],
        "gathered": [{"account": "fire-3", "name": "李四"}],
        "clocks": [{"name": "accept:c1-1"}],
        "persons": [{"account": "fire-2", "name": "张三丰", "phone": "13800138000"}],
    }
    assert mask_data(told) == {
        "tries": [{"account": "fire-2", "name": "张**", "by": "call"}],
        "gathered": [{"account": "fire-3", "name": "李**"}],
        "clocks": [{"name": "accept:c1-1"}],
    }


def test_report() -> None:
    report = Report(
        report="r1",
        at=1,
        channel="hotline",
        text="楼道有烟，打我电话13912345678",
        place=Place(address="甲镇乙村3号", division="x"),
        reporter=Reporter(name="李四", phone="13912345678"),
        data={"note": "身份证320481199001011234", "level": 2},
    )
    shown = mask_report(report, ["甲镇"])
    assert shown.reporter.name == "李**"
    assert shown.reporter.phone == "139****5678"
    assert shown.place.address == "甲镇***"
    assert "13912345678" not in shown.text
    assert "19900101" not in shown.data["note"]
    assert shown.data["level"] == 2


def test_confidence_shows_nothing() -> None:
    report = Report(
        report="r1",
        at=1,
        channel="hotline",
        text="x",
        reporter=Reporter(name="李四", phone="13912345678", account="li", confidential=True),
    )
    who = mask_report(report).reporter
    assert (who.name, who.phone, who.account) == ("***", "***", "***")


# a star that somebody wrote is hidden by a star: such a text can look the same and show no more
WITHOUT_STARS = st.text(st.characters(exclude_characters="*"), max_size=30)


@given(st.sampled_from(["name", "phone", "identity", "bank_card"]), WITHOUT_STARS)
def test_nothing_whole_shows(field: str, value: str) -> None:
    shown = mask(field, value)
    assert (shown != value and "*" in shown) or not value


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text(max_size=20), st.text(max_size=20))
def test_no_mobile_number_in_text(phone: str, before: str, after: str) -> None:
    text = before + "，" + phone + "，" + after
    assert phone not in mask_text(text).replace("，" + phone[:3] + "****", "")
