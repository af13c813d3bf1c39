"""Hub as it starts: what is on disk is in force before the first case moves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tianmu.app import hub
from tianmu.app.settings import Settings
from tianmu.city.pack import load
from tianmu.manage.duty import absence
from tianmu.store.records import Records

DAY = 86_400_000_000


def test_absences_are_in_force_before_the_first_case_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = load("liyang")
    account, now = city.shifts[0].person.account, time.time_ns() // 1000
    records = Records(tmp_path / "hub.sqlite")
    records.create(absence.metadata)
    row = {
        "absence": 1, "account": account, "since": now - DAY, "until": now + DAY,
        "substitute": "", "why": "ill", "at": now, "actor": "a", "undone_at": 0, "undone_by": "",
    }  # fmt: skip
    records.transact(lambda tx: tx.connection.execute(absence.absence.insert(), [row]))
    records.close()
    found: list[list[str]] = []

    def work(manage: Any, stop: asyncio.Event) -> None:
        found.append([one.account for one in manage.city.absences])

    async def start() -> None:
        stop = asyncio.Event()
        stop.set()
        settings = Settings(pack="liyang", data=str(tmp_path), port=0)
        await hub.serve(settings, city, stop)

    monkeypatch.setattr(hub, "_work", work)
    asyncio.run(start())
    assert found == [[account]]
