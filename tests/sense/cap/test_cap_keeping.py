"""How long messages of others are kept: what is over goes, but for what somebody cites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from tianmu.facts.bulletin import Bulletin
from tianmu.sense.cap import held, keeping
from tianmu.store.records import Transaction

from ..door import run
from .bureau import Bureau, alert, info, reference, version_1

DAY = 86_400_000_000
DAYS = 400
"""of the pack"""


class Citing:
    """Says which are cited, and hears what it is asked of."""

    def __init__(self, *cited: str) -> None:
        self.cited = set(cited)
        self.asked: list[str] = []
        self.devices: list[str] = []
        self.away = False

    def __call__(self, messages: Sequence[Bulletin], devices: Sequence[str]) -> set[str]:
        if self.away:
            raise OSError("hub is away")
        self.asked += [one.identifier for one in messages]
        self.devices = list(devices)
        return {one.bulletin for one in messages if one.identifier in self.cited}


@run
async def _keeping(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    citing = Citing("kept")
    bureau.bulletins._cited = citing
    for name in ("old", "kept", "gone"):
        await bureau.tell(alert(name))
    await bureau.tell(alert("end", kind="Cancel", references=reference("kept")))
    for n in range(4):
        await bureau.tell(alert(f"more{n}"))
    assert await bureau.bulletins.let_go() == 0 and citing.asked == []
    bureau.now += (DAYS + 1) * DAY
    await bureau.tell(alert("new", info(expires=24 * (DAYS + 2)), hours=24 * (DAYS + 1)))
    citing.away = True
    with pytest.raises(OSError, match="away"):
        await bureau.bulletins.let_go()
    assert len(bureau.stages()) == 9, "what cannot be said to be free stays"
    citing.away = False
    assert await bureau.bulletins.let_go() == 6
    assert citing.devices == ["warned-city", "warned-east"]
    # what a kept one was ended by stays with it
    assert bureau.stages() == {"kept": "cancelled", "end": "cancel", "new": "in_force"}
    references = bureau.door.main.read(lambda c: c.execute(sa.select(held.REFERENCE)).all())
    assert [one.by for one in references] == ["b4"]
    assert await bureau.bulletins.let_go() == 0
    # a feed that still has it does not bring it back for ever
    assert await bureau.state(alert("old")) == "not_for_us"
    assert await bureau.state(alert("kept")) == "duplicate"
    assert await bureau.state(alert("x", kind="Cancel", references=reference("old"))) == (
        "not_for_us"
    )
    bureau.close()


def test_what_is_over_goes_but_for_what_is_cited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    _keeping(tmp_path)


@run
async def test_no_name_is_given_twice(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    bureau.bulletins._cited = Citing()
    for name in ("a", "b"):
        await bureau.tell(alert(name))
    bureau.now += (DAYS + 1) * DAY
    assert await bureau.bulletins.let_go() == 1
    hours = 24 * (DAYS + 1)
    _, answer = await bureau.tell(alert("c", info(expires=hours + 5), hours=hours))
    assert answer["alerts"][0]["bulletin"] == "b3"
    bureau.close()


@run
async def test_a_table_of_before_is_filled_in(tmp_path: Path) -> None:
    """Whom a message is for and since when it is over stood in its state alone."""
    bureau = Bureau(tmp_path)
    await bureau.tell(alert("a"))
    [one] = bureau.facts()
    # what an alert refers to was ended by it, and no list could be read any more
    again = msgspec.structs.replace(one, identifier="again", references=(one.key,), bulletin="")
    bureau.door.main.transact(lambda tx: held.take(tx, again))
    hidden = msgspec.structs.replace(one, identifier="hidden", public=False, bulletin="")
    bureau.door.main.transact(lambda tx: held.take(tx, hidden))

    def old(tx: Transaction) -> None:
        version_1(tx)
        connection = tx.connection
        connection.execute(
            sa.update(held.BULLETIN)
            .where(held.BULLETIN.c.serial == 1)
            .values(until=0, ended="Alert", ended_by="b2")
        )
        connection.exec_driver_sql("DROP INDEX bulletin_over")
        for column in ("public", "over"):
            connection.exec_driver_sql(f"ALTER TABLE bulletin DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE journal_schema SET version = 0 WHERE room = 'bulletin'")

    bureau.door.main.transact(old)
    bureau.close()
    newer = Bureau(tmp_path)
    rows = newer.door.main.read(
        lambda c: c.execute(sa.select(held.BULLETIN.c.public, held.BULLETIN.c.over)).all()
    )
    assert [tuple(row) for row in rows] == [(1, one.until), (1, one.until), (0, one.until)]
    assert set(newer.stages().values()) == {"in_force"}
    assert set(newer.stages(public=True).values()) == {"in_force"}
    newer.close()
