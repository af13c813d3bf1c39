"""Messages of another body at the door: verified, placed, kept once, ended by reference, told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from tianmu.sense import hold
from tianmu.sense.cap import held
from tianmu.sense.cap.connector import address

from ..door import run
from .bureau import EAST, HOUR, ROOT, WEST, Bureau, alert, area, info, reference


@run
async def test_an_alert_is_told_while_it_holds(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    await bureau.bulletins.look()
    assert bureau.levels("warned-city/rainstorm") == [0], "that none holds is told, too"
    status, answer = await bureau.tell(alert())
    assert status == 200
    (said,) = answer["alerts"]
    assert said == {
        "identifier": "a1", "state": "taken", "bulletin": "b1", "divisions": [EAST]
    }  # fmt: skip
    (fact,) = bureau.facts()
    (part,) = fact.parts
    assert (part.event, part.colour, part.divisions) == ("rainstorm", "orange", (EAST,))
    assert part.headline == {"zh": "暴雨橙色预警"}
    assert bureau.levels("warned-city/rainstorm") == [0, 3]
    assert bureau.levels("warned-east/rainstorm") == [0, 3]
    assert bureau.levels("warned-east/gale") == [0]
    assert await bureau.bulletins.look() == 0
    bureau.now += 7 * HOUR
    assert await bureau.bulletins.look() == 2, "it is over by itself"
    assert bureau.levels("warned-east/rainstorm") == [0, 3, 0]
    assert bureau.stages() == {"a1": "expired"}
    bureau.close()


@run
async def test_an_update_takes_its_place_and_a_cancellation_ends_it(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    await bureau.tell(alert())
    red = info(severity="Extreme", areas=area(WEST))
    update = alert("a2", red, kind="Update", hours=0.05, references=reference("a1"))
    assert await bureau.state(update) == "taken"
    assert bureau.stages() == {"a1": "updated", "a2": "in_force"}
    assert bureau.levels("warned-city/rainstorm") == [3, 4]
    assert bureau.levels("warned-east/rainstorm") == [3, 0], "it moved to the west"
    both = f"{reference('a1')}\n  {reference('a2', 0.05)}"
    assert await bureau.state(alert("a3", kind="Cancel", hours=0.1, references=both)) == "taken"
    assert bureau.stages() == {"a1": "cancelled", "a2": "cancelled", "a3": "cancel"}
    assert bureau.levels("warned-city/rainstorm") == [3, 4, 0]
    bureau.close()


@run
async def test_what_ends_it_may_come_before_it(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    cancel = alert("a2", kind="Cancel", hours=0.05, references=reference("a1"))
    assert await bureau.state(cancel) == "taken"
    assert await bureau.state(alert()) == "taken"
    assert bureau.stages() == {"a1": "cancelled", "a2": "cancel"}
    # after an update came, a late cancellation of the same says more
    other = alert("b2", kind="Update", hours=0.05, references=reference("b1"))
    for one in (other, alert("b3", kind="Cancel", references=reference("b1")), alert("b1")):
        assert await bureau.state(one) == "taken"
    assert bureau.stages()["b1"] == "cancelled" and bureau.stages()["b2"] == "in_force"
    bureau.close()


@run
async def test_an_update_that_went_elsewhere_ends_what_was_here(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    await bureau.tell(alert())
    far = info(areas=area(polygon="10,10 10,11 11,11 10,10"))
    moved = alert("a2", far, kind="Update", hours=0.05, references=reference("a1"))
    assert await bureau.state(moved) == "taken"
    assert bureau.stages() == {"a1": "updated", "a2": "expired"}
    assert bureau.levels("warned-city/rainstorm") == [3, 0]
    # of what was never here it ends nothing
    other = alert("x2", far, kind="Update", hours=0.05, references=reference("x1"))
    assert await bureau.state(other) == "not_for_us"
    bureau.close()


@run
async def test_lists_go_on_and_their_count_is_exact(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    await bureau.tell(alert())
    hidden = "<scope>Restricted</scope><restriction>offices</restriction>"
    for n in range(4):
        scope = hidden if n == 2 else "<scope>Public</scope>"
        await bureau.tell(alert(f"b{n}", info("大风", areas=area(WEST)), scope=scope))
    await bureau.tell(alert("b4", kind="Cancel", references=reference("b0")))
    read, now = bureau.door.main.read, bureau.now
    for state, public, wanted in (
        (0, False, ["b4", "b3", "b2", "b1", "b0", "a1"]),
        (0, True, ["b4", "b3", "b1", "b0", "a1"]),
        (now, False, ["b3", "b2", "b1", "a1"]),
        (now, True, ["b3", "b1", "a1"]),
    ):
        found: list[str] = []
        before = 0
        while page := read(partial(held.listed, before=before, limit=2, now=state, public=public)):
            found += [one.bulletin.identifier for one in page]
            before = int(page[-1].bulletin.bulletin[1:])
        assert found == wanted
        assert read(partial(held.count, now=state, public=public)) == len(wanted)
    assert bureau.levels("warned-east/rainstorm") == [3]
    bureau.close()


@run
async def test_a_message_counts_once_and_ends_those_of_its_own_source_alone(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    assert [await bureau.state(alert()) for _ in range(3)] == ["taken", "duplicate", "duplicate"]
    # the same name from another sender, or of another time, is another message
    assert await bureau.state(alert(sender="other@example")) == "taken"
    assert await bureau.state(alert(hours=-0.5)) == "taken"
    assert [one.bulletin for one in bureau.facts()] == ["b1", "b2", "b3"]
    assert bureau.levels("warned-city/rainstorm") == [3]
    from tianmu.facts.registry import SourceChanged
    from tianmu.sense.source import digest

    stranger = SourceChanged(
        source="stranger", number=8, protocol="cap", at=0, actor="test",
        token_digest=digest("stranger"),
    )  # fmt: skip
    bureau.door.sources.apply(stranger)
    cancel = alert("x", kind="Cancel", references=reference("a1"))
    assert (await bureau.bulletins.put(cancel, stranger, "test"))["state"] == "taken"
    assert bureau.levels("warned-city/rainstorm") == [3], "no stranger ends it"
    bureau.close()


@run
async def test_what_is_not_to_be_acted_on_is_not(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    await bureau.bulletins.look()
    for status, state in (("Draft", "not_for_us"), ("System", "not_for_us"), ("Test", "taken"),
                          ("Exercise", "taken")):  # fmt: skip
        assert await bureau.state(alert(f"s-{status}", status=status)) == state
    for kind in ("Ack", "Error"):
        assert await bureau.state(alert(f"k-{kind}", kind=kind)) == "not_for_us"
    far = info(areas=area(polygon="10,10 10,11 11,11 10,10"))
    assert await bureau.state(alert("far", far)) == "not_for_us"
    past = info(effective=-3, expires=-2)
    assert await bureau.state(alert("past", past, hours=-3)) == "taken"
    ahead = info(effective=2)
    assert await bureau.state(alert("ahead", ahead)) == "taken"
    assert bureau.levels("warned-city/rainstorm") == [0]
    assert bureau.stages()["past"] == "expired" and bureau.stages()["ahead"] == "ahead"
    bureau.now += 3 * HOUR
    await bureau.bulletins.look()
    assert bureau.levels("warned-city/rainstorm") == [0, 3], "it has begun"
    bureau.close()


BOMB = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><alert>&b;</alert>'
REFUSED: list[tuple[bytes, str]] = [
    (BOMB, "document type"),
    (b"<html/>", "neither an alert nor a feed"),
    (b"x" * (3 << 20), "bytes"),
    (b"<a>" * 60 + b"</a>" * 60, "nested"),
    (alert(hours=2), "clock"),
    (alert(kind="Update"), "refers to no message"),
    (alert("a1", info(effective=3, expires=2)), "before it takes effect"),
    (alert(scope="<scope>Restricted</scope>"), "restriction"),
    (alert().replace(b"<headline>", b"<headlines>").replace(b"</headline>", b"</headlines>"),
     "schema"),
    (alert().replace(b"<status>Actual</status>", b"")
     .replace(b"</alert>", b"<status>Actual</status></alert>"), "schema"),
    (alert().replace(b"Severe", b"Grave"), "severity"),
]  # fmt: skip


@run
async def _refused(body: bytes, what: str, path: Path) -> None:
    bureau = Bureau(path)
    status, answer = await bureau.tell(body)
    assert status in {400, 413, 422}, answer
    assert what in answer["detail"] and answer["remedy"]
    rows = bureau.door.main.read(lambda c: c.execute(sa.select(hold.quarantine)).all())
    assert [row.source for row in rows] == ["bureau"] and what in rows[0].reason
    assert not bureau.facts()
    bureau.close()


@pytest.mark.parametrize(("body", "what"), REFUSED, ids=[what for _, what in REFUSED])
def test_what_is_refused_says_why_and_is_kept(body: bytes, what: str, tmp_path: Path) -> None:
    _refused(body, what, tmp_path)


@run
async def test_a_source_speaks_for_its_senders_alone_and_the_quarantine_plays_again(
    tmp_path: Path,
) -> None:
    bureau = Bureau(tmp_path, allow=("bureau@example",))
    assert (await bureau.tell(alert(sender="mallory@example")))[0] == 422
    early = alert("early", hours=1)
    assert (await bureau.tell(early))[0] == 422
    assert not await bureau.http.replay(early, source="bureau", peer="test")
    bureau.now += 2 * HOUR
    assert await bureau.http.replay(early, source="bureau", peer="test")
    assert bureau.stages() == {"early": "in_force"}
    bureau.close()


@run
async def test_an_unregistered_place_is_offered_and_told_once_it_is_registered(
    tmp_path: Path,
) -> None:
    bureau = Bureau(tmp_path, registered=False)
    assert await bureau.state(alert()) == "taken"
    rows = bureau.door.main.read(lambda c: c.execute(sa.select(hold.unknown)).all())
    assert [row.unknown for row in rows] == [address(ROOT)]
    bureau.register()
    assert await bureau.bulletins.look() == 4
    assert bureau.levels("warned-east/rainstorm") == [3]
    bureau.close()


@run
async def test_several_dangers_in_two_languages(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    west = area(WEST)
    colour = (
        "<parameter><valueName>awareness_level</valueName><value>2; yellow; x</value></parameter>"
    )
    infos = (
        info(), info("大风", "Minor", areas=west, headline="大风", more=colour),
        info("Rainstorm", language="en-GB", headline="Rain"),
        info("Gale", "Minor", "en-GB", areas=west, headline="Gale", more=colour),
    )  # fmt: skip
    assert await bureau.state(alert("a1", *infos)) == "taken"
    rain, gale = bureau.facts()[0].parts
    assert rain.headline == {"zh": "暴雨橙色预警", "en": "Rain"}
    assert (gale.event, gale.colour, gale.divisions) == ("gale", "yellow", (WEST,))
    assert bureau.levels("warned-city/gale") == [2] and bureau.levels("warned-east/gale") == [0]
    bureau.close()


@run
async def test_one_that_says_no_end_holds_for_as_long_as_its_source_says(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"hours": 3})
    assert await bureau.state(alert("a1", info(expires=None))) == "taken"
    assert bureau.facts()[0].parts[0].until == bureau.now + 3 * HOUR
    for_ever = info(expires=24 * 365 * 50)
    assert await bureau.state(alert("a2", for_ever)) == "taken"
    assert bureau.facts()[1].parts[0].until == bureau.now + 31 * 24 * HOUR
    bureau.close()
