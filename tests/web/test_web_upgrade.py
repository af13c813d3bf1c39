"""Files of other processes that are still of an older release, while hub answers already."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from tianmu.sense import hold
from tianmu.store.records import Records
from tianmu.web import hub as hub_of
from tianmu.web.answer.problem import Problem
from tianmu.web.hub import Hub

NEW = "restricted"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Records]:
    """Without a column that this release added."""
    with Records(tmp_path / "gate.sqlite") as made:
        made.create(hold.metadata)
        made.transact(
            lambda tx: tx.connection.exec_driver_sql(f"ALTER TABLE quarantine DROP COLUMN {NEW}")
        )
        yield made


def ask(gate: Records) -> Any:
    """What hub reads of it."""
    there: Any = SimpleNamespace(other=lambda name: gate)
    statement = sa.select(hold.quarantine)
    return partial(Hub.ask, there, "gate", lambda c: c.execute(statement).all(), None)


def test_it_is_waited_for_until_it_is_brought_up(
    gate: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_of, "WIDENED", 60.0)
    timer = threading.Timer(0.2, gate.create, (hold.metadata,))
    timer.start()
    assert ask(gate)() == []
    timer.join()


def test_what_it_would_say_is_not_known_until_then(
    gate: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is not what it holds: it may be asked whether something is for the public."""
    monkeypatch.setattr(hub_of, "WIDENED", 0.0)
    with pytest.raises(Problem, match="gate has not brought") as told:
        ask(gate)()
    assert (told.value.status, told.value.headers) == (503, {"Retry-After": "2"})
    gate.create(hold.metadata)
    assert ask(gate)() == []
