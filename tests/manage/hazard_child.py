"""Somebody who enters and checks hazards until killed: ``hazard_child.py DATA``. Begins anew with
the same keys; says each hazard once its check is acknowledged."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from manage import test_hazard as ledger
from tianmu.facts.hazard import HazardEvent
from tianmu.manage.hazard import table
from tianmu.manage.hazard.state import Hazard
from tianmu.store.records import Records, Transaction

with Records(Path(sys.argv[1]) / "hub.sqlite") as records:
    records.create(table.metadata, room="hazard")
    n = 0
    while True:
        n += 1
        title, key = f"hazard {n}", f"key {n}".encode()

        def enter(tx: Transaction, title: str = title, key: bytes = key) -> Hazard:
            before = table.seen(tx, key)
            if before is not None:
                return before
            event = HazardEvent(
                hazard=f"h{table.next_serial(tx.connection)}", sequence=1, step="enter",
                at=ledger.NOW, actor="wang", data=ledger.entered(title=title),
            )  # fmt: skip
            return table.append(tx, event, key)

        state = records.transact(enter)
        check = HazardEvent(
            hazard=state.hazard, sequence=state.version + 1, step="check", at=ledger.NOW,
            actor="li", data={"result": "better"},
        )  # fmt: skip
        records.transact(partial(table.append, event=check))
        print(state.hazard, flush=True)
