"""Facts as journal bytes: each comes back as itself, and those of release 0.1 stay readable."""

from __future__ import annotations

import typing

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts import encoding, topic
from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.encoding import decode, encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, DevicesRegistered
from tianmu.facts.text import say

KINDS = typing.get_args(encoding.Fact)


@st.composite
def values(draw: st.DrawFn, kind: typing.Any) -> typing.Any:
    """Anything of a field's type."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Place:
        if draw(st.booleans()):
            return Place(division=draw(st.text(max_size=5)))
        return Place(
            longitude=draw(st.floats(-180, 180)),
            latitude=draw(st.floats(-90, 90)),
            precision=draw(st.none() | st.floats(0, 1e6)),
        )
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return draw(facts(kind))
    if isinstance(kind, type) and issubclass(kind, (AlarmState, Origin)):
        return draw(st.sampled_from(list(kind)))
    plain = {
        int: st.integers(-(1 << 62), 1 << 62),
        float: st.floats(allow_nan=False),
        str: st.text(max_size=8),
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
        typing.Any: st.none() | st.text(max_size=5) | st.lists(st.integers(0, 9), max_size=2),
    }
    if kind in plain:
        return draw(plain[kind])
    if origin is tuple and args[-1] is not ...:
        return tuple(draw(values(one)) for one in args)
    if origin is tuple:
        return tuple(draw(st.lists(values(args[0]), max_size=2)))
    if origin is dict:
        return draw(st.dictionaries(values(args[0]), values(args[1]), max_size=2))
    return draw(st.none() | values(next(a for a in args if a is not type(None))))


@st.composite
def facts(draw: st.DrawFn, kind: typing.Any) -> typing.Any:
    hints = typing.get_type_hints(kind)
    return kind(**{name: draw(values(hints[name])) for name in kind.__struct_fields__})


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_fact_comes_back_as_itself(kind: typing.Any, data: st.DataObject) -> None:
    fact = data.draw(facts(kind))
    assert decode(encode(fact)) == fact
    assert type(decode(memoryview(encode(fact)))) is kind


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    try:
        fact = decode(data)
    except (msgspec.DecodeError, ValueError):
        return
    assert decode(encode(fact)) == fact


def test_tags_carry_a_version_and_differ() -> None:
    tags = [kind.__struct_config__.tag for kind in KINDS]
    assert len(set(tags)) == len(tags)
    for tag in tags:
        name, _, version = tag.partition("/")
        assert name and int(version) >= 1


def test_facts_of_release_0_1_stay_readable() -> None:
    """Fields may be added with a default; a journal of that release has none of them."""
    alarm = msgspec.msgpack.encode(
        {
            "type": "alarm/1",
            "alarm": "a",
            "identity": "fire@1/state",
            "transition": "raise",
            "state": "unacknowledged",
            "before": "normal",
            "at": 2,
            "observed_at": 1,
            "rule": "fire",
            "priority": 1,
            "device": "1",
        }
    )
    found = decode(alarm)
    assert isinstance(found, AlarmEvent)
    assert (found.state, found.count, found.probe) == (AlarmState.UNACKNOWLEDGED, 1, "")
    devices = msgspec.msgpack.encode(
        {
            "type": "devices/1",
            "first_device": 0,
            "first_datastream": 0,
            "at": 1,
            "actor": "a",
            "devices": [{"device": "d", "kind": "k", "properties": ["p"]}],
            "count_devices": 1,
            "count_datastreams": 1,
        }
    )
    assert decode(devices) == DevicesRegistered(
        first_device=0,
        first_datastream=0,
        at=1,
        actor="a",
        devices=(Device(device="d", kind="k", properties=("p",)),),
        count_devices=1,
        count_datastreams=1,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"longitude": 1.0},
        {"latitude": 1.0},
        {"longitude": 181.0, "latitude": 0.0},
        {"longitude": 0.0, "latitude": -90.5},
    ],
)
def test_a_place_is_whole_and_on_earth(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"longitude|latitude"):
        Place(**wrong)


def test_each_topic_has_one_file_and_what_matters_is_never_purged() -> None:
    assert {t.name for t in topic.TOPICS.values() if t.purge} == {
        "observation",
        "bulletin",
        "intake",
        "history",
        "unit",
        "finding",
    }
    assert topic.OBSERVATION_LIFE.file != topic.OBSERVATION.file
    assert all(name == t.name for name, t in topic.TOPICS.items())


def test_words_fall_back_to_a_language_there_is() -> None:
    assert say({"zh": "火", "en": "fire"}, "en") == "fire"
    assert say({"zh": "火"}, "en") == "火"
    assert say({}, "en") == ""
