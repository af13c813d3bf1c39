"""The Chinese national format, after the one published message that is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.warning import WarningEvent
from tianmu.prevent.warning import national, publish
from tianmu.prevent.warning.national import NotNational
from tianmu.prevent.warning.state import of_events
from tianmu.sense.cap import national as reader
from tianmu.sense.cap.national import NotNational as NotReadable

from . import drafts
from .drafts import NOW

REAL = """<?xml version="1.0" encoding="UTF-8"?>
<alert>
<identifier>41000041600000_20200205105119</identifier>
<sender>河南省气象局</sender>
<senderCode>41000041600000</senderCode>
<sendTime>2020-02-05 10:45:00+08:00</sendTime>
<status>Actual</status>
<msgType>Update</msgType>
<scope>Public</scope>
<code><method><methodName>SPEAKER|SMS|WEB</methodName><message>…</message><audienceGrp>…</audienceGrp>
<audenceprt>,</audenceprt></method></code>
<secClassification>None</secClassification>
<note/>
<references>41000041600000_20200204121842</references>
<info>
<language>zh-CN</language>
<eventType>11B06</eventType>
<urgency>Unknown</urgency>
<severity>Blue</severity>
<certainty>Unknown</certainty>
<effective>2020-02-05 10:57:42+08:00</effective>
<onset/>
<expires/>
<senderName>李飞</senderName>
<headline>河南省气象局发布大风蓝色预警[IV级/一般]</headline>
<description>…</description>
<instruction/>
<web/>
<area><areaDesc>河南省,河南省</areaDesc><polygon/><circle/>
<geocode>410000000000,410000000000</geocode></area>
</info>
</alert>
"""


def test_the_published_message_is_read() -> None:
    read = reader.read(REAL.encode())
    assert (read.event, read.colour, read.kind) == ("11B06", "blue", "Update")
    assert read.references == ("41000041600000_20200204121842",)
    assert read.divisions == ("410000000000", "410000000000")
    assert read.sent == 1_580_870_700_000_000 and read.expires == 0


def coded() -> tuple[object, ...]:
    city = drafts.city()
    known = replace(city, warnings=replace(city.warnings, national="32048100000000"))
    state = drafts.published(drafts.drafted(), of=known)
    state = drafts.then(state, "update", NOW + 60_000_000, content=drafts.content(colour="orange"))
    return drafts.published(state, NOW + 60_000_000, of=known).messages


def test_ours_reads_back() -> None:
    first, second = coded()
    one, other = (reader.read(national.document(told)) for told in (first, second))
    assert one.identifier == "32048100000000_20261118190640"
    assert (one.colour, other.colour, one.event) == ("blue", "orange", "11B06")
    assert other.references == (one.identifier,)
    assert one.sent == NOW and one.headline == "大风蓝色预警"
    assert one.divisions == ("320481000000",)


def test_two_warnings_of_one_second_have_two_names() -> None:
    """The format names a message by its sender and the second of sending alone."""
    city = drafts.city()
    known = replace(city, warnings=replace(city.warnings, national="32048100000000"))
    first = drafts.published(drafts.drafted(), of=known).messages[0]
    event = WarningEvent(warning="w2", sequence=1, step="draft", at=NOW, actor="wang",
                         content=drafts.content())  # fmt: skip
    second = publish.message(known, of_events([event]), "li", NOW + 5, last=first.sent)
    assert second.sent == first.sent + 1_000_000
    assert national.document(first) != national.document(second)


def test_a_cancellation_tells_nobody_what_to_do() -> None:
    state = drafts.published(drafts.drafted(drafts.content(instruction={"zh": "远离广告牌"})))
    state = drafts.then(state, "cancel", NOW + 60_000_000, reason="over")
    over = drafts.published(state, NOW + 60_000_000).messages[-1]
    over = msgspec.structs.replace(over, national_sender="32048100000000", national_event="11B06")
    assert "远离广告牌" not in national.document(over).decode()
    assert "<urgency>Past</urgency>" in national.document(over).decode()


def test_without_codes_it_says_what_is_missing() -> None:
    with pytest.raises(NotNational) as refused:
        national.document(drafts.message())
    assert "warnings.toml" in refused.value.remedy
    city = drafts.city()
    known = replace(city, warnings=replace(city.warnings, national="32048100000000"))
    fire = drafts.content(event="forest_fire_danger")
    with pytest.raises(NotNational, match="forest_fire_danger"):
        national.document(drafts.message(fire, known))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"colour": "purple"}, "colour"),
        ({"status": "Draft"}, "status"),
        ({"divisions": ("w1",)}, "division"),
        ({"headline": {"en": "Gale"}}, ""),
        ({"headline": {"zh": " ", "en": " "}}, "headline"),
    ],
)
def test_what_the_format_cannot_say_is_named(more: dict[str, Any], what: str) -> None:
    first, _ = coded()
    told = msgspec.structs.replace(
        first,
        content=msgspec.structs.replace(first.content, **more),
    )
    if not what:  # one language is as good as another where there is only one
        assert reader.read(national.document(told)).headline == "Gale"
        return
    with pytest.raises(NotNational, match=what) as refused:
        national.document(told)
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("field", "code"), [("national_sender", "3204"), ("national_event", "gale")]
)
def test_codes_that_are_none_are_refused(field: str, code: str) -> None:
    first, _ = coded()
    with pytest.raises(NotNational, match=code):
        national.document(msgspec.structs.replace(first, **{field: code}))


def test_what_is_drawn_is_told_by_the_divisions_it_lies_in() -> None:
    city = drafts.city()
    known = replace(city, warnings=replace(city.warnings, national="32048100000000"))
    told = drafts.message(drafts.content(rings=(drafts.RING,)), known)
    said = national.document(told).decode()
    assert "<polygon />" in said and "<circle />" in said
    assert reader.read(said.encode()).divisions == ("320481000000",)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("<severity>Blue", "<severity>Minor", "severity"),
        ("2020-02-05 10:45", "2020-02-05T10:45", "sendTime"),
        ("_20200205105119", "", "identifier"),
        ("<alert>", '<alert xmlns="urn:x">', "not <alert>"),
        ("<eventType>11B06</eventType>", "", "eventType"),
    ],
)
def test_faults_name_the_element(old: str, new: str, what: str) -> None:
    with pytest.raises(NotReadable, match=what) as refused:
        reader.read(REAL.replace(old, new, 1).encode())
    assert refused.value.remedy


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(REAL) - 1), st.integers(0, 40), st.text(max_size=6))
def test_damaged_ones_are_read_or_refused(at: int, cut: int, new: str) -> None:
    try:
        reader.read((REAL[:at] + new + REAL[at + cut :]).encode("utf-8", "surrogatepass"))
    except NotReadable as error:
        assert str(error) and error.remedy
