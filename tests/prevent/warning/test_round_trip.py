"""What the city publishes, read by the city's own reader, says the same: by its feed, its CAP
documents and the national format, for each event, colour and step."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city.city import City
from tianmu.city.level.plan import COLOURS
from tianmu.city.level.warning import CERTAINTIES, URGENCIES
from tianmu.facts.bulletin import Bulletin
from tianmu.facts.warning import Content, Message
from tianmu.prevent.warning import cap, feed, national
from tianmu.prevent.warning.state import Warning
from tianmu.prevent.warning.step import STATUSES
from tianmu.sense.cap import codec, meaning
from tianmu.sense.cap import feed as feed_read
from tianmu.sense.cap import national as national_read

from . import drafts
from .drafts import HOUR, NOW
from .test_cap import sayable, schema

BASE = "https://city.example"
PACKS = ("liyang", "port_ellery")


@cache
def city(name: str) -> City:
    """A pack with a code for the national system."""
    known = drafts.city(name)
    return replace(known, warnings=replace(known.warnings, national="32048100000000"))


def drawn(of: City, code: str) -> tuple[tuple[float, float], ...]:
    """A small outline in a town."""
    middle = of.places.areas("towns")[code].representative_point()
    return tuple(
        (round(x, 6), round(y, 6)) for x, y in middle.buffer(0.0005, quad_segs=2).exterior.coords
    )


@st.composite
def contents(draw: st.DrawFn, name: str) -> Content:
    of = city(name)
    words = st.fixed_dictionaries(dict.fromkeys(of.languages, sayable))
    onset = draw(st.sampled_from([0, NOW + HOUR, NOW + 3 * HOUR]))
    towns = sorted(of.places.areas("towns"))
    divisions: tuple[str, ...] = tuple(
        draw(st.lists(st.sampled_from(sorted(of.divisions)), min_size=1, max_size=4, unique=True))
    )
    rings: tuple[Any, ...] = ()
    if draw(st.booleans()):
        divisions = (draw(st.sampled_from(towns)),)
        rings = (drawn(of, divisions[0]),)
    return Content(
        event=draw(st.sampled_from(sorted(of.warnings.events))),
        colour=draw(st.sampled_from(COLOURS)),
        status=draw(st.sampled_from(STATUSES)),
        urgency=draw(st.sampled_from(URGENCIES)),
        certainty=draw(st.sampled_from(CERTAINTIES)),
        headline=draw(words),
        description=draw(words),
        instruction=draw(words),
        onset=onset,
        expires=NOW + draw(st.integers(4 * 3600, 700 * 3600)) * 1_000_000,
        divisions=divisions,
        rings=rings,
    )


@st.composite
def lives(draw: st.DrawFn) -> tuple[str, Warning]:
    """A warning that was published, perhaps updated, perhaps cancelled."""
    name = draw(st.sampled_from(PACKS))
    of = city(name)
    state = drafts.published(drafts.drafted(draw(contents(name))), of=of)
    for n in range(draw(st.integers(0, 2))):
        at = NOW + n * HOUR
        state = drafts.then(state, "update", at, content=draw(contents(name)), reason="it changes")
        state = drafts.published(state, at, "zhao", of)
    if draw(st.booleans()):
        state = drafts.then(state, "cancel", NOW + 2 * HOUR, reason="over")
        state = drafts.published(state, NOW + 2 * HOUR, "zhao", of)
    return name, state


def read(of: City, message: Message) -> Bulletin:
    document = cap.document(message)
    schema().validate(document.decode())
    found = meaning.bulletin(of, "own", codec.read(document), message.sent)
    assert not isinstance(found, str), found
    return found


def whole(of: City, divisions: tuple[str, ...]) -> set[str]:
    """What divisions stand for: the city for all that lie in it."""
    return {of.root.code} if of.root.code in divisions else set(divisions)


@settings(max_examples=40, deadline=None)
@given(lives())
def test_our_own_reader_gives_the_same_facts(life: tuple[str, Warning]) -> None:
    name, state = life
    of = city(name)
    for n, message in enumerate(state.messages):
        told, content = read(of, message), message.content
        assert told.key == (message.sender, message.identifier, message.sent)
        assert (told.kind, told.status, told.note) == (message.kind, content.status, message.note)
        assert told.public and told.references == message.references
        assert told.references == tuple(
            (one.sender, one.identifier, one.sent) for one in state.messages[:n]
        )
        (part,) = told.parts
        assert (part.event, part.colour) == (content.event, content.colour)
        assert (part.severity, part.certainty) == (message.severity, content.certainty)
        assert set(part.divisions) == whole(of, content.divisions)
        assert (part.start, part.until) == (message.sent, content.expires)
        assert part.headline == content.headline and part.description == content.description
        assert part.event_name == message.event_name
        if message.kind == "Cancel":
            assert (part.urgency, part.instruction, told.until) == ("Past", {}, 0)
        else:
            assert (part.urgency, part.instruction) == (content.urgency, content.instruction)
            assert part.onset == (content.onset if content.onset > message.sent or n == 0 else 0)
        if content.rings:
            assert [one.rings for one in part.areas] == [content.rings]


@settings(max_examples=15, deadline=None)
@given(lives(), st.sampled_from(["zh", "en"]))
def test_our_own_feed_leads_to_each_document(life: tuple[str, Warning], language: str) -> None:
    name, state = life
    of = city(name)
    last = state.messages[-1]
    body = feed.document(
        [last], name=of.name, author=of.warnings.name, language=language, base=BASE, updated=NOW
    )
    listed = feed_read.read(body, f"{BASE}/api/warnings/feed.atom")
    assert listed.alerts == () and listed.links == (feed.address(BASE, last),)
    assert listed.links[0].isascii() and " " not in listed.links[0]


@settings(max_examples=25, deadline=None)
@given(lives())
def test_the_national_format_says_the_same_where_it_can(life: tuple[str, Warning]) -> None:
    name, state = life
    of = city(name)
    names: list[str] = []
    for message in state.messages:
        content = message.content
        try:
            found = national_read.read(national.document(message))
        except national.NotNational as error:
            assert error.remedy
            continue
        assert (found.colour, found.event) == (content.colour, message.national_event)
        assert (found.kind, found.status) == (message.kind, content.status)
        assert (found.sent, found.expires) == (message.sent, content.expires)
        assert found.divisions == content.divisions
        assert found.headline == content.headline[of.languages[0]].strip()
        if names:
            assert found.references == (names[-1],)
        names.append(found.identifier)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", PACKS)
def test_each_event_of_a_pack_is_known_again_by_its_name_and_codes(name: str) -> None:
    of = city(name)
    for code, kind in of.warnings.events.items():
        told = drafts.content(
            event=code, headline=dict.fromkeys(of.languages, "x"), divisions=(of.root.code,)
        )
        info = codec.read(cap.document(drafts.message(told, of))).infos[0]
        for words in (code, kind.national, *kind.name.values(), *kind.others):
            if words:
                other = msgspec.structs.replace(info, event=words, codes=())
                assert meaning.event(of, other) == code
