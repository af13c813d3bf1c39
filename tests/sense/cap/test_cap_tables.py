"""What becomes of a message by the tables of CAP 1.2: status, scope, msgType."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from tianmu.sense.cap import held
from tianmu.sense.cap.codec import KINDS, SCOPES, STATUSES, names, read
from tianmu.sense.cap.meaning import bulletin

from ..door import NOW, run
from .bureau import Bureau, alert, city, info, reference, version_1

SCOPE = {
    "Public": "<scope>Public</scope>",
    "Restricted": "<scope>Restricted</scope><restriction>offices alone</restriction>",
    "Private": '<scope>Private</scope><addresses>other@x "city centre"</addresses>',
}
TAKEN = {"Actual", "Exercise", "Test"}
"""statuses of messages that are for people"""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_becomes_of_each(status: str, scope: str, kind: str) -> None:
    told = read(
        alert("a1", info(), status=status, kind=kind, scope=SCOPE[scope],
              references=reference("a0"))
    )  # fmt: skip
    ours = bulletin(city(), "s", told, NOW, addresses=("city centre",))
    if status not in TAKEN or kind in {"Ack", "Error"}:
        assert isinstance(ours, str) and ours
        return
    assert not isinstance(ours, str)
    assert (ours.status, ours.kind, ours.public) == (status, kind, scope == "Public")
    wanted = {"Public": "", "Restricted": "offices alone", "Private": "other@x city centre"}
    assert ours.restriction == wanted[scope]
    theirs = bulletin(city(), "s", told, NOW)
    assert isinstance(theirs, str) == (scope == "Private"), "addressed to others"
    if scope == "Private":
        assert "addresses" in str(theirs)


def test_addresses_with_blanks_stand_in_quotes() -> None:
    assert names('a@b "city centre" c') == ("a@b", "city centre", "c")
    assert names("") == ()


@run
async def test_what_is_not_for_the_public_is_no_observation(tmp_path: Path) -> None:
    """Whoever reads observations, alarms and cases would read it there."""
    bureau = Bureau(tmp_path, settings={"addresses": ["city centre"]})
    await bureau.bulletins.look()
    for name in ("Restricted", "Private"):
        assert await bureau.state(alert(name, scope=SCOPE[name])) == "taken"
    await bureau.bulletins.look()
    assert bureau.levels("warned-city/rainstorm") == [0]
    assert await bureau.state(alert("open")) == "taken"
    assert bureau.levels("warned-city/rainstorm") == [0, 3]
    bureau.close()


@run
async def test_an_alert_that_names_another_does_not_end_it(tmp_path: Path) -> None:
    """The standard lets any message have references; only updates and cancellations end."""
    bureau = Bureau(tmp_path)
    await bureau.tell(alert("a1"))
    assert await bureau.state(alert("a2", hours=0.05, references=reference("a1"))) == "taken"
    assert bureau.stages() == {"a1": "in_force", "a2": "in_force"}
    bureau.close()


@run
async def test_what_is_not_for_the_public_ends_nothing_for_it(tmp_path: Path) -> None:
    """The public never gets it: what it was told holds until it is told otherwise."""
    bureau = Bureau(tmp_path)
    await bureau.bulletins.look()
    for name, kind, ended in (("u", "Update", "updated"), ("c", "Cancel", "cancelled")):
        for early in (False, True):
            open_, end = f"{name}{early}", f"{name}-end{early}"
            told = [
                alert(open_, info("大风" if name == "u" else "暴雨")),
                alert(end, kind=kind, references=reference(open_), scope=SCOPE["Restricted"]),
            ]
            for one in reversed(told) if early else told:
                assert await bureau.state(one) == "taken"
            assert bureau.stages()[open_] == ended
            assert bureau.stages(public=True)[open_] == "in_force"
            assert end not in bureau.stages(public=True)
            # in the middle of an update and of nothing: each is ended for all by a public one
            over = alert(f"{name}-over{early}", kind="Cancel", references=reference(open_))
            assert await bureau.state(over) == "taken"
            assert {bureau.stages(public=p)[open_] for p in (True, False)} == {"cancelled"}
    assert bureau.levels("warned-city/rainstorm") == [0, 3, 0, 3, 0], "until the public is told"
    bureau.close()


@run
async def test_a_file_of_before_gives_the_public_back_what_was_ended(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    for name in ("a", "b", "c"):
        await bureau.tell(alert(name))
    await bureau.tell(
        alert("hidden", kind="Cancel", references=f"{reference('a')} {reference('b')}",
              scope=SCOPE["Restricted"])
    )  # fmt: skip
    for name in ("b", "c"):
        await bureau.tell(alert(f"over-{name}", kind="Cancel", references=reference(name)))
    main, wanted = bureau.door.main, bureau.stages(public=True)
    assert wanted == {"a": "in_force", "b": "cancelled", "c": "cancelled",
                      "over-b": "cancel", "over-c": "cancel"}  # fmt: skip

    references = main.read(lambda c: set(c.execute(sa.select(held.PUBLIC_REFERENCE)).all()))
    main.transact(version_1)
    main.create(held.metadata, room="bulletin", migrations=held.MIGRATIONS)
    assert bureau.stages(public=True) == wanted
    assert main.read(lambda c: set(c.execute(sa.select(held.PUBLIC_REFERENCE)).all())) == references
    bureau.close()
