"""The tables from the events: after a restore, for bulk import, and as proof that they agree.

Rows are written in bulk without the indexes they do not need meanwhile, and those are made once,
behind them. Whoever is killed on the way begins anew; a start makes what indexes are missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from sqlalchemy import Connection, Index, delete, insert, select

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import decode
from tianmu.facts.topic import CASE
from tianmu.manage.actor import SYSTEM
from tianmu.manage.case.fold import evolve
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import ledger, query, table
from tianmu.manage.kept import search as case_search
from tianmu.store.journal.contract import Journal
from tianmu.store.records import Records, Transaction

TABLES = (
    table.case,
    table.bulk,
    table.event,
    table.member,
    table.party,
    table.order,
    table.sent,
    table.evidence,
    table.ruling,
    table.contact,
)
"""all that follows from the events"""


def rebuild(records: Records, journal: Journal, *, batch: int = 20_000) -> int:
    """Empty the tables and fill them again from topic ``case``; how many events were read. Only
    while nobody else writes cases; ``Manage.start`` comes after it."""
    records.transact(lambda tx: _strip(tx.connection))
    records.transact(lambda tx: _empty(tx.connection))
    after = total = 0
    states: dict[str, CaseState] = {}
    while entries := journal.read(CASE.name, after, entries=batch, size=64 << 20):
        written: list[tuple[CaseEvent, int]] = []
        for entry in entries:
            fact = decode(entry.payload)
            assert isinstance(fact, CaseEvent)
            written.append((fact, entry.position))
        records.transact(partial(_put, written=written, states=states))
        after = entries[-1].position
        total += len(entries)
    _dress(records)
    return total


def import_events(
    records: Records, events: Iterable[CaseEvent], *, batch: int = 20_000, bulk: bool = False
) -> int:
    """Cases from elsewhere or from before, as whole lives of events in their order; how many.
    Serial numbers must be free. ``bulk``: so many that indexes are better made anew behind them,
    and nobody asks meanwhile."""
    if bulk:
        records.transact(lambda tx: _strip(tx.connection))
    states: dict[str, CaseState] = {}
    total = 0
    waiting: list[CaseEvent] = []

    def put(tx: Transaction) -> None:
        _put(tx, ledger.append(tx, waiting), states)

    for event in events:
        waiting.append(event)
        if len(waiting) >= batch:
            records.transact(put)
            total += len(waiting)
            waiting = []
    if waiting:
        records.transact(put)
    if bulk:
        _dress(records)
    return total + len(waiting)


def _bare() -> list[Index]:
    """Indexes without which rows can be written: none that keeps rows unique."""
    return sorted(
        (one for one in table.case.indexes if not one.unique), key=lambda one: str(one.name)
    )


def _strip(connection: Connection) -> None:
    case_search.strip(connection)
    for index in _bare():
        index.drop(connection, checkfirst=True)


def _index(index: Index, tx: Transaction) -> None:
    index.create(tx.connection, checkfirst=True)


def _dress(records: Records) -> None:
    """What ``_strip`` took off, made anew, one index a commit."""
    for index in _bare():
        records.transact(partial(_index, index))
    records.transact(lambda tx: case_search.make(tx.connection))


def _empty(connection: Connection) -> None:
    for one in TABLES:
        connection.execute(delete(one))
    connection.execute(delete(table.counter))
    case_search.empty(connection)


def _put(
    tx: Transaction, written: list[tuple[CaseEvent, int]], states: dict[str, CaseState]
) -> None:
    connection = tx.connection
    before: dict[str, CaseState | None] = {}
    for event, _ in written:
        state = states.get(event.case)
        if state is None and event.sequence > 1:  # it had ended, and something came after
            state = query.read(connection, event.case)
        before.setdefault(event.case, state)
        states[event.case] = evolve(state, event)
    ledger.write_events(tx, written)
    ledger.write_states(tx, [(was, states[case]) for case, was in before.items()])
    counters = {table.SERIAL: max(table.serial_of(case) for case in before)}
    signals = sum(_new_signal(event) for event, _ in written)
    for case in before:
        day, last = _parts(states[case].number)
        counters[day] = max(counters.get(day, 0), last)
        if not states[case].open:
            del states[case]
    rows = connection.execute(select(table.counter.c.name, table.counter.c.value))
    known: dict[str, int] = {row.name: row.value for row in rows}
    merged: dict[str, Any] = {
        name: max(value, known.get(name, 0)) for name, value in counters.items()
    }
    merged[table.SIGNALS] = known.get(table.SIGNALS, 0) + signals
    merged[table.GENERATION] = known.get(table.GENERATION, 0) + 1
    connection.execute(delete(table.counter).where(table.counter.c.name.in_(merged)))
    connection.execute(
        insert(table.counter), [{"name": name, "value": value} for name, value in merged.items()]
    )


def _new_signal(event: CaseEvent) -> bool:
    """Whether the event took in a signal, rather than moved one from another case."""
    if event.probe or "member" not in event.data or event.step not in ("open", "join"):
        return False
    return not (
        event.actor != SYSTEM.account or "split_from" in event.data or "merged" in event.data
    )


def _parts(number: str) -> tuple[str, int]:
    """The day of a number (with the mark of a marked case) and its serial of that day."""
    head = 9 if number.startswith("P") else 8
    return number[:head], int(number[head:]) if number[head:].isdigit() else 0
