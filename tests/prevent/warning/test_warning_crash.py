"""Killed at any moment: what was acknowledged is published once, and the tables say what the
journal says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tianmu.facts.warning import WarningEvent
from tianmu.prevent.warning import table
from tianmu.prevent.warning.table import Changed
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

from . import drafts

CHILD = Path(__file__).parent / "hub_child.py"


def test_nothing_is_lost_or_published_twice_by_kill_9(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    for life, wanted in enumerate((3, 11)):
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(tmp_path), str(life)], stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert child.stdout is not None
        for line in child.stdout:
            acknowledged.append(line.strip())
            if len(acknowledged) >= wanted:
                child.kill()
                break
        rest = child.stdout.read()
        acknowledged += rest.split()
        assert child.wait(10) == -9
    told = table.events(SqliteJournal(tmp_path))
    states = table.states(told)
    with Records(tmp_path / "hub.sqlite", readonly=True) as records:
        assert records.read(table.held) == states
        serials = records.read(
            lambda c: c.execute(sa.select(table.WARNING.c.serial)).scalars().all()
        )
        rows = records.read(lambda c: c.execute(sa.select(table.MESSAGE)).mappings().all())
    assert len(acknowledged) == len(set(acknowledged)) >= 11
    assert all(states[name].messages for name in acknowledged)
    assert sorted(serials) == list(range(1, len(states) + 1)), "none twice, none left out"
    # each message stands in the journal once, where its row says
    published = [one.message.identifier for one in told if one.message]
    assert sorted(published) == sorted({row["identifier"] for row in rows})


def test_two_who_act_at_once_are_not_both_obeyed(tmp_path: Path) -> None:
    with Records(tmp_path / "hub.sqlite") as records:
        records.create(table.metadata, room="warning")

        def step(sequence: int, what: str) -> None:
            event = WarningEvent(
                warning="w1", sequence=sequence, step=what, at=drafts.NOW, actor="wang",
                content=drafts.content(),
            )  # fmt: skip
            records.transact(lambda tx: table.append(tx, event))

        step(1, "draft")
        step(2, "revise")
        with pytest.raises(Changed):
            step(2, "revise")
    assert [one.sequence for one in table.events(SqliteJournal(tmp_path))] == [1, 2]
