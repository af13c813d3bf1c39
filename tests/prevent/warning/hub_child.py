"""Somebody who drafts and publishes warnings until killed: ``hub_child.py DATA``. Says each warning
on standard output once its publication is acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from prevent.warning import drafts
from tianmu.facts.warning import WarningEvent
from tianmu.prevent.warning import publish, table
from tianmu.store.records import Records, Transaction

with Records(Path(sys.argv[1]) / "hub.sqlite") as records:
    records.create(table.metadata, room="warning")
    city, n = drafts.city(), 0
    while True:
        n += 1
        key = f"key {sys.argv[2]} {n}".encode()

        def draft(tx: Transaction, key: bytes = key) -> str:
            name = table.next_name(tx.connection)
            event = WarningEvent(
                warning=name, sequence=1, step="draft", at=drafts.NOW, actor="wang",
                content=drafts.content(),
            )  # fmt: skip
            return table.append(tx, event, key).warning

        name = records.transact(draft)
        assert records.transact(draft) == name, "sent again, it is the same"

        def confirm(tx: Transaction, name: str = name) -> None:
            state = table.get(tx.connection, name)
            told = publish.message(city, state, "li", drafts.NOW)
            event = WarningEvent(
                warning=name, sequence=2, step="publish", at=drafts.NOW, actor="li", message=told
            )
            table.append(tx, event)

        records.transact(confirm)
        print(name, flush=True)
