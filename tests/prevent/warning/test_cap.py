"""CAP as it is written: valid against the schema of OASIS, the same when it is read back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from xml.etree import ElementTree as ET

import msgspec
import pytest
import shapely
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city.level.warning import (
    CATEGORIES,
    CERTAINTIES,
    NAMESPACE,
    RESPONSES,
    SEVERITIES,
    URGENCIES,
)
from tianmu.facts.warning import Area, Content, Message
from tianmu.prevent.warning import cap, feed
from tianmu.prevent.warning.step import STATUSES, Refused, check, permit
from tianmu.sense.cap import codec
from tianmu.sense.cap.codec import NotCap

from . import drafts
from .drafts import HOUR, NOW, RING


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(files("tianmu.sense.cap") / "CAP-v1.2.xsd"))


def valid(data: bytes) -> codec.CapAlert:
    schema().validate(data.decode())
    return codec.read(data)


sayable = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=40
).filter(lambda words: words.strip() == words)
names = st.text(st.sampled_from("abcdefgh-_.@0123456789"), min_size=1, max_size=20)
texts = st.fixed_dictionaries({"zh": sayable, "en": sayable})
times = st.integers(0, 4_000_000_000).map(lambda at: at * 1_000_000)
longitudes = st.floats(-180, 180).map(lambda x: round(x, 6))
latitudes = st.floats(-90, 90).map(lambda x: round(x, 6))
points = st.tuples(longitudes, latitudes)
rings = st.lists(points, min_size=3, max_size=6).map(lambda ps: (*ps, ps[0]))
areas = st.builds(
    Area,
    name=texts,
    code=names,
    rings=st.lists(rings, max_size=2).map(tuple),
    circles=st.lists(st.tuples(longitudes, latitudes, st.integers(0, 500)), max_size=2).map(tuple),
)
contents = st.builds(
    Content,
    event=names,
    colour=st.sampled_from(["blue", "yellow", "orange", "red"]),
    status=st.sampled_from(STATUSES),
    urgency=st.sampled_from(URGENCIES),
    certainty=st.sampled_from(CERTAINTIES),
    headline=texts,
    description=texts,
    instruction=texts,
    onset=times,
    expires=times,
    divisions=st.just(("x",)),
)
messages = st.builds(
    Message,
    number=st.integers(1, 9),
    kind=st.sampled_from(["Alert"]),
    identifier=names,
    sender=names,
    sent=times,
    references=st.lists(st.tuples(names, names, times), max_size=3).map(tuple),
    content=contents,
    note=sayable,
    drafted_by=st.just("a"),
    confirmed_by=st.just("b"),
    offset=st.sampled_from([480, 0, -210, 345, -720, 840]),
    areas=st.lists(areas, max_size=3).map(tuple),
    event_name=texts,
    categories=st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=3).map(tuple),
    responses=st.lists(st.sampled_from(RESPONSES), max_size=2).map(tuple),
    severity=st.sampled_from(SEVERITIES),
    colour_name=texts,
    languages=st.just({"zh": "zh-CN", "en": "en"}),
    sender_name=texts,
    geocode=names,
    national_event=st.sampled_from(["", "11B06"]),
)


@settings(max_examples=60, deadline=None)
@given(messages)
def test_whatever_is_published_is_valid_and_reads_back(told: Message) -> None:
    read = valid(cap.document(told))
    assert read.key == (told.sender, told.identifier, told.sent)
    assert read.references == told.references
    assert [one.language for one in read.infos] == ["zh-CN", "en"]
    for language, info in zip(("zh", "en"), read.infos, strict=True):
        assert info.headline == told.content.headline[language]
        assert info.event == told.event_name[language]
        assert (info.severity, info.categories) == (told.severity, told.categories)
        assert (info.onset, info.expires) == (told.content.onset, told.content.expires)
        assert [one.rings for one in info.areas] == [one.rings for one in told.areas]
        assert [one.circles for one in info.areas] == [one.circles for one in told.areas]


def test_a_published_warning_of_the_pack_is_valid() -> None:
    told = drafts.message()
    read = valid(cap.document(told))
    assert (read.kind, read.scope, read.status) == ("Alert", "Public", "Actual")
    assert [one.headline for one in read.infos] == ["大风蓝色预警", "Blue warning: gale"]
    chinese = read.infos[0]
    assert (chinese.severity, chinese.event) == ("Minor", "大风")
    assert chinese.areas[0].codes == (("GB/T 2260", "320481000000"),)
    assert len(chinese.areas[0].rings[0]) > 20
    assert chinese.instruction, "the pack's words stand in where nobody wrote any"
    assert b"+08:00" in cap.document(told)


def test_a_city_of_one_language_far_west() -> None:
    ellery = drafts.city("port_ellery")
    told = drafts.content(event="fire", headline={"en": "Fire at the <docks> & quay"},
                          divisions=("PE-HAR", "PE-OLD"))  # fmt: skip
    read = valid(cap.document(drafts.message(told, ellery)))
    assert [one.language for one in read.infos] == ["en"]
    assert read.infos[0].headline == "Fire at the <docks> & quay"
    assert [one.name for one in read.infos[0].areas] == ["Harbour Ward", "Old Town Ward"]


def test_what_is_drawn_stands_for_the_outlines() -> None:
    towns = ("320481001000", "320481002000")
    read = valid(cap.document(drafts.message(drafts.content(divisions=towns, rings=(RING,)))))
    (area,) = read.infos[1].areas
    assert area.rings == (RING,)
    assert area.name == "Kunlun Subdistrict, Licheng Subdistrict"
    assert area.codes == (), "a code beside it would warn all of the town"


def test_updates_and_cancellations_name_what_they_follow() -> None:
    state = drafts.published(drafts.drafted())
    higher = drafts.content(colour="red")
    state = drafts.then(state, "update", NOW + HOUR, content=higher, reason="it grows")
    assert state.stage(NOW + HOUR) == "in_force" and state.content.colour == "blue"
    state = drafts.published(state, NOW + HOUR, "zhao")
    state = drafts.then(state, "cancel", NOW + 2 * HOUR, reason="over")
    state = drafts.published(state, NOW + 2 * HOUR, "zhao")
    alert, update, cancel = (valid(cap.document(one)) for one in state.messages)
    assert update.kind == "Update" and update.references == (alert.key,)
    assert cancel.kind == "Cancel" and cancel.references == (alert.key, update.key)
    assert cancel.infos[0].responses == ("AllClear",) and cancel.infos[0].urgency == "Past"
    assert (update.note, cancel.note) == ("it grows", "over")
    assert state.stage(NOW + 2 * HOUR) == "cancelled"


def test_two_messages_of_one_second_differ_in_time() -> None:
    state = drafts.published(drafts.drafted())
    state = drafts.then(state, "update", NOW + 1, content=drafts.content())
    state = drafts.published(state, NOW + 2)
    assert state.messages[1].sent == state.messages[0].sent + 1_000_000


def test_a_warning_ends_by_itself() -> None:
    state = drafts.published(drafts.drafted())
    assert state.stage(NOW + 6 * HOUR - 1) == "in_force"
    assert state.stage(NOW + 6 * HOUR) == "expired"
    with pytest.raises(Refused, match="expired"):
        permit(state, "update", "wang", NOW + 6 * HOUR)
    waits = drafts.then(state, "update", NOW + HOUR, content=drafts.content(expires=NOW + 9 * HOUR))
    with pytest.raises(Refused, match="expired"):
        permit(waits, "publish", "zhao", NOW + 7 * HOUR)


def test_whoever_wrote_it_does_not_confirm_it() -> None:
    state = drafts.drafted()
    with pytest.raises(Refused) as refused:
        permit(state, "publish", "wang", NOW)
    assert refused.value.code == "second-person"
    permit(state, "publish", "li", NOW)
    for more, code in (
        ({"alone": True}, "second-person"),
        ({"emergency": True, "reason": "alone here"}, "second-person"),
        ({"alone": True, "emergency": True, "reason": " "}, "reason-needed"),
    ):
        with pytest.raises(Refused) as refused:
            permit(state, "publish", "wang", NOW, **more)
        assert refused.value.code == code
    permit(state, "publish", "wang", NOW, alone=True, emergency=True, reason="alone here")
    revised = drafts.then(state, "revise", NOW, "li", content=drafts.content(colour="red"))
    permit(revised, "publish", "wang", NOW)
    with pytest.raises(Refused):
        permit(revised, "publish", "li", NOW)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"event": "nothing"}, "event"),
        ({"colour": "green"}, "colour"),
        ({"status": "Draft"}, "status"),
        ({"headline": {"zh": "大风"}}, "headline"),
        ({"headline": {"zh": "大风", "en": "a\x0bb"}}, "headline"),
        ({"headline": {"zh": "大风", "en": "a", "fr": "b"}}, "headline"),
        ({"expires": NOW}, "expires"),
        ({"onset": NOW + 7 * HOUR}, "expires"),
        ({"expires": NOW + 800 * HOUR}, "expires"),
        ({"divisions": ("999",)}, "divisions"),
        ({"divisions": ()}, "divisions"),
        ({"rings": (RING[:3],)}, "rings"),
        ({"rings": ((*RING[:3], (119.0, 31.0)),)}, "rings"),
        ({"rings": (((0, 0), (1, 1), (1, 0), (0, 1), (0, 0)),)}, "rings"),
        ({"rings": (((0, 91), (1, 92), (1, 91), (0, 91)),)}, "rings"),
    ],
)
def test_what_cannot_be_published_is_named(more: dict[str, object], where: str) -> None:
    with pytest.raises(Refused) as refused:
        check(drafts.city(), drafts.content(**more), NOW)
    assert refused.value.where == where and refused.value.remedy
    check(drafts.city(), drafts.content(), NOW)


def test_what_is_drawn_lies_in_what_is_named() -> None:
    """A town warns its own: an outline in the next one is that one's, or the city's, to draw."""
    city = drafts.city()
    towns = city.places.areas("towns")
    (here, mine), (there, other) = list(towns.items())[:2]

    def drawn(shape: shapely.Geometry, *named: str) -> None:
        middle = shape.representative_point()
        ring = tuple(middle.buffer(0.0005, quad_segs=2).exterior.coords)
        check(city, drafts.content(divisions=named, rings=(ring,)), NOW)

    village = next(one.code for one in city.divisions.values() if one.parent == here)
    for named in ((here,), (village,), (city.root.code,), (there, here)):
        drawn(mine, *named)
    with pytest.raises(Refused, match=f"reaches into {there}"):
        drawn(other, here)
    with pytest.raises(Refused, match="outside"):
        drawn(shapely.Point(0, 0).buffer(1), village)


def test_what_holds_can_be_ended_whatever_the_pack_has_left_out() -> None:
    city = drafts.city()
    state = drafts.then(drafts.published(drafts.drafted()), "cancel", NOW + HOUR, "wang")
    bare = replace(city, warnings=replace(city.warnings, events={}), divisions={})
    [first, last] = drafts.published(state, NOW + 2 * HOUR, of=bare).messages
    assert last.kind == "Cancel" and last.responses == ("AllClear",)
    assert (last.areas, last.event_name) == (first.areas, first.event_name) != ((), {})
    read = valid(cap.document(last))
    assert read.references == (valid(cap.document(first)).key,)


def test_a_message_is_referred_to_by_the_time_that_it_named_itself() -> None:
    """A receiver compares letters: ``sent`` of a summer's message is in summer time for ever."""
    told = drafts.message()
    text = cap.document(
        msgspec.structs.replace(
            told, kind="Update", offset=0, offsets=(60, -210),
            references=(("a", "b", NOW), ("c", "d", NOW)),
        )
    ).decode()  # fmt: skip
    assert "a,b,2026-11-18T12:06:40+01:00 c,d,2026-11-18T07:36:40-03:30<" in text
    state = drafts.then(drafts.published(drafts.drafted()), "cancel", NOW + HOUR, "wang")
    summer = msgspec.structs.replace(state.messages[0], offset=540)
    state = msgspec.structs.replace(state, messages=(summer,))
    last = drafts.published(state, NOW + HOUR).messages[-1]
    assert (last.offset, last.offsets) == (480, (540,))
    assert f",{cap.moment(NOW, 540)}<" in cap.document(last).decode()


def test_a_pack_without_the_file_does_not_warn() -> None:
    silent = replace(drafts.city(), warnings=type(drafts.city().warnings)())
    with pytest.raises(Refused, match=r"warnings\.toml"):
        check(silent, drafts.content(), NOW)


BROKEN = [
    (b"<alert", "no XML"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
    (b"<html/>", "not an alert"),
    (b"<a>" * 50 + b"</a>" * 50, "nested"),
    (b"x" * (3 << 20), "bytes"),
]


@pytest.mark.parametrize(("data", "what"), BROKEN)
def test_what_is_no_cap_is_refused(data: bytes, what: str) -> None:
    with pytest.raises(NotCap, match=what) as refused:
        codec.read(data)
    assert refused.value.remedy


GOOD = cap.document(drafts.message()).decode()


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("+08:00</sent>", "Z</sent>", "sent"),
        ("<msgType>Alert<", "<msgType>Alarm<", "msgType"),
        ("<msgType>Alert<", "<msgType>Update<", "refers to no message"),
        ("<scope>Public<", "<scope>Private<", "addresses"),
        ("<identifier>", "<identifier>a b ", "identifier"),
        ("<severity>Minor<", "<severity>Blue<", "severity"),
        ("<category>Met</category>", "", "category"),
        ("<polygon>31", "<polygon>131", "polygon"),
        ("<polygon>", "<polygon>1,2 ", "polygon"),
        ("</language>", "</language><language>zh</language>", "2 language"),
    ],
)
def test_a_fault_of_others_names_its_element(old: str, new: str, what: str) -> None:
    assert old in GOOD
    with pytest.raises(NotCap, match=what) as refused:
        codec.read(GOOD.replace(old, new).encode())
    assert refused.value.remedy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_documents_are_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        cut = data.draw(st.integers(0, 30))
        raw[at : at + cut] = data.draw(st.binary(max_size=6) | st.sampled_from([b"<x/>", b"\x00"]))
    try:
        codec.read(bytes(raw))
    except NotCap as error:
        assert str(error) and error.remedy


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(raw: bytes) -> None:
    with pytest.raises(NotCap):
        codec.read(raw)


def test_latin_letters_a_byte_order_mark_and_lines_in_references() -> None:
    told = drafts.message()
    update = msgspec.structs.replace(
        told, kind="Update", references=(("a", "b", NOW), ("c", "d", NOW)), languages={"en": "en"}
    )
    text = cap.document(update).decode()
    text = text.replace(" c,d", "\n      c,d").replace("gale", "gäle")
    assert [one[0] for one in codec.read(b"\xef\xbb\xbf" + text.encode()).references] == [
        "a",
        "c",
    ]
    latin = text.replace("utf-8", "iso-8859-1").encode("iso-8859-1", "xmlcharrefreplace")
    assert codec.read(latin).infos[0].headline == "Blue warning: gäle"


def test_the_feed_is_atom_with_a_link_to_each() -> None:
    told = drafts.message()
    body = feed.document(
        [told], name={"en": "Warnings"}, author={"en": "Centre"}, language="en",
        base="https://city.example", updated=NOW,
    )  # fmt: skip
    root = ET.fromstring(body)
    atom = {"a": feed.ATOM, "cap": NAMESPACE}
    assert root.findtext("a:updated", namespaces=atom) == "2026-11-18T11:06:40Z"
    (entry,) = root.findall("a:entry", atom)
    assert entry.findtext("a:title", namespaces=atom) == "Blue warning: gale"
    link = entry.find("a:link", atom)
    assert link is not None and link.get("type") == cap.MEDIA
    assert link.get("href") == (
        f"https://city.example/api/warnings/cap/{told.identifier}.xml"
    ) == entry.findtext("a:id", namespaces=atom)  # fmt: skip
    assert entry.findtext("cap:severity", namespaces=atom) == "Minor"
    for one in (root, entry):
        for needed in ("id", "title", "updated", "author"):
            assert one.find(f"a:{needed}", atom) is not None
