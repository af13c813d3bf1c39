"""Writing cases: events to topic ``case`` and to the tables, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Table, bindparam, delete, insert, update

from tianmu.facts.case import CaseEvent
from tianmu.facts.encoding import encode
from tianmu.facts.topic import CASE
from tianmu.manage.case.parties import parties
from tianmu.manage.case.plain import plain
from tianmu.manage.case.state import CaseState, Ruling
from tianmu.manage.kept import search as case_search
from tianmu.manage.kept import table
from tianmu.manage.kept.state_bytes import bulk, head, same_bulk
from tianmu.store import rows
from tianmu.store.records import Transaction

Row: TypeAlias = tuple[Any, ...]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CaseState)


def decode_state(data: bytes) -> CaseState:
    return _decoder.decode(data)


_told_decoder = msgspec.msgpack.Decoder(tuple[dict[str, Any], list[Any]])


def decode_member(data: bytes) -> tuple[dict[str, Any], list[Any]]:
    """What a member row keeps: the signal as told, and the reasons it joined for."""
    return _told_decoder.decode(data)


_SHOWN = tuple(column.name for column in table.case.c)[1:-4]
_asked_for: Callable[[CaseState], Row] = attrgetter(*_SHOWN[:-1])


def _shown(state: CaseState) -> Row:
    """All that a row of ``case_state`` shows of a state but its serial, its nearest limit, its
    words and itself, in the order of the columns."""
    return (*_asked_for(state), 0 if state.open else state.closed_at)


def _words(state: CaseState) -> str:
    title = " ".join(dict.fromkeys(state.title.values()))
    return plain(f"{state.number} {title} {state.text}")


def row(state: CaseState) -> Row:
    """The row of ``case_state`` for a state, in the order of the columns."""
    serial = table.serial_of(state.case)
    return (serial, *_shown(state), *_limit(state), _words(state), head(state))


def _limit(state: CaseState) -> tuple[int, int]:
    """When its nearest limit ends, and from when on that is due soon."""
    nearest = state.nearest
    return (nearest.due, nearest.soon_at) if nearest is not None else (table.NEVER, table.NEVER)


def _changed(before: CaseState, after: CaseState) -> tuple[tuple[str, ...], Row]:
    """The columns that are others now, and their values with the serial number behind them: the
    less of a row is touched the fewer indexes are, and that is most of the work of a storm."""
    old, new = _shown(before), _shown(after)
    names: tuple[str, ...] = ("state",)
    values: list[Any] = [head(after)]
    if old != new:
        other = [place for place, value in enumerate(new) if value != old[place]]
        names += tuple([_SHOWN[place] for place in other])
        values += [new[place] for place in other]
    if not after.runs_as(before):
        names += ("due", "soon")
        values += _limit(after)
    if before.title != after.title or before.text != after.text:
        names += ("words",)
        values.append(_words(after))
    return names, (*values, table.serial_of(after.case))


def _others_concerned(before: CaseState, after: CaseState) -> bool:
    same = (
        before.orders is after.orders
        and before.calls is after.calls
        and before.told is after.told
        and before.tasks is after.tasks
        and before.kept is after.kept
        and before.lead == after.lead
        and before.joint == after.joint
    )
    return not same and parties(before) != parties(after)


def members_of(events: Iterable[CaseEvent]) -> tuple[list[Row], list[CaseEvent]]:
    """Rows (in the order of the columns) of the members that ``open`` and ``join`` events bring,
    and the events that change members which are there already (``leave``, ``returned``)."""
    rows: list[Row] = []
    changes: list[CaseEvent] = []
    for event in events:
        if event.step in ("open", "join") and "member" in event.data:
            told = event.data["member"]
            rows.append(
                (
                    told["kind"],
                    told["id"],
                    table.serial_of(event.case),
                    event.sequence,
                    event.at,
                    event.data.get("score", 1.0),
                    int(bool(told.get("returned"))),
                    _encoder.encode((told, event.data.get("reasons", []))),
                )
            )
        elif event.step in ("leave", "returned"):
            changes.append(event)
    return rows, changes


@cache
def _columns(target: Table) -> tuple[str, ...]:
    return tuple(column.name for column in target.columns)


def _insert(tx: Transaction, target: Table, made: Sequence[Row]) -> None:
    """Whole rows, their values in the order of the columns."""
    rows.insert(tx.raw, target.name, _columns(target), made)


def _delete(tx: Transaction, target: Table, gone: Sequence[Row]) -> None:
    keys = [column.name for column in target.primary_key]
    places = [_columns(target).index(name) for name in keys]
    rows.delete(tx.raw, target.name, keys, [tuple([one[at] for at in places]) for one in gone])


_count = (
    update(table.counter)
    .where(table.counter.c.name == bindparam("key"))
    .values(value=bindparam("value"))
)
_new_count = insert(table.counter)
_end_member = (
    update(table.member)
    .where(table.member.c.kind == bindparam("k"), table.member.c.id == bindparam("i"))
    .values(returned=1)
)
_drop_member = delete(table.member).where(
    table.member.c.kind == bindparam("k"),
    table.member.c.id == bindparam("i"),
    table.member.c.serial == bindparam("s"),
)


def append(tx: Transaction, events: Sequence[CaseEvent]) -> list[tuple[CaseEvent, int]]:
    """Append to topic ``case``; each event with its position."""
    positions = tx.append_all(CASE.name, [encode(event) for event in events])
    return list(zip(events, positions, strict=True))


def write_events(tx: Transaction, written: Sequence[tuple[CaseEvent, int]]) -> None:
    """Rows of ``case_event``, ``case_member`` and ``case_evidence`` for appended events, in their
    order. A signal that moves from one case to another leaves before it joins."""
    connection = tx.connection
    _insert(
        tx,
        table.event,
        [(table.serial_of(event.case), event.sequence, position) for event, position in written],
    )
    events = [event for event, _ in written]
    for run in _runs(events):
        came, changes = members_of(run)
        _insert(tx, table.member, came)
        left = [event for event in changes if event.step == "leave"]
        if left:
            connection.execute(_drop_member, [_member_key(event) for event in left])
        ended = [event for event in changes if event.step == "returned"]
        if ended:
            keys = [{"k": "alarm", "i": event.data["member"]["id"]} for event in ended]
            connection.execute(_end_member, keys)
    attached = [event for event in events if event.step == "evidence"]
    if attached:
        connection.execute(
            insert(table.evidence),
            [
                {
                    "serial": table.serial_of(event.case),
                    "digest": event.data["digest"],
                    "at": event.at,
                    "told": {**event.data, "actor": event.actor},
                }
                for event in attached
            ],
        )


def _runs(events: list[CaseEvent]) -> Iterable[list[CaseEvent]]:
    """Runs in which members only come (with their returns), cut where some leave."""
    run: list[CaseEvent] = []
    kinds = {"open": 0, "join": 0, "returned": 0, "leave": 1}
    last = 0
    for event in events:
        kind = kinds.get(event.step)
        if kind is None:
            continue
        if run and kind != last:
            yield run
            run = []
        last = kind
        run.append(event)
    if run:
        yield run


def _member_key(event: CaseEvent) -> dict[str, Any]:
    told = event.data["member"]
    return {"k": told["kind"], "i": told["id"], "s": table.serial_of(event.case)}


def write_counters(connection: Connection, counters: Mapping[str, int]) -> None:
    """Rows of ``case_counter``."""
    for name, value in counters.items():
        changed = connection.execute(_count, {"key": name, "value": value})
        if not changed.rowcount:
            connection.execute(_new_count, {"name": name, "value": value})


def write_states(tx: Transaction, changed: Iterable[tuple[CaseState | None, CaseState]]) -> None:
    """Rows of ``case_state``, ``case_party`` and ``case_order`` for cases that were (None: were
    not there) and now are."""
    new: list[Row] = []
    old: dict[tuple[str, ...], list[Row]] = {}
    bulky: list[tuple[CaseState | None, CaseState]] = []
    orders: list[tuple[CaseState | None, CaseState]] = []
    concerned: list[tuple[CaseState | None, CaseState]] = []
    ruled: list[tuple[CaseState | None, CaseState]] = []
    called: list[tuple[CaseState | None, CaseState]] = []
    for before, after in changed:
        if before is None:
            new.append(row(after))
        else:
            names, told = _changed(before, after)
            old.setdefault(names, []).append(told)
        if before is None or not same_bulk(before, after):
            bulky.append((before, after))
        if before is None or before.orders is not after.orders:
            orders.append((before, after))
        if before is None or _others_concerned(before, after):
            concerned.append((before, after))
        if _ruling(before) != _ruling(after):
            ruled.append((before, after))
        if (before.contacts if before else ()) != after.contacts:
            called.append((before, after))
    _insert(tx, table.case, new)
    case_search.learn(tx.raw, [(one[0], one[-2]) for one in new])
    for names, values in old.items():
        rows.update(tx.raw, table.case.name, "serial", names, values)
        if names[-1] == "words":
            case_search.change(tx.raw, [(one[-1], one[-2]) for one in values])
    _write_bulk(tx, bulky)
    _replace(tx, table.order, orders, _order_rows)
    sent = [pair for pair in orders if any(_forces(state) for state in pair)]
    _replace(tx, table.sent, sent, _sent_rows)
    _replace(tx, table.party, concerned, _party_rows)
    _replace(tx, table.ruling, ruled, _ruling_rows)
    _replace(tx, table.contact, called, _contact_rows)


def _write_bulk(tx: Transaction, changed: Sequence[tuple[CaseState | None, CaseState]]) -> None:
    """Rows of ``case_bulk`` for cases that have another bulk now, or none."""
    told = [(table.serial_of(after.case), bulk(after)) for _, after in changed]
    rows.put(tx.raw, table.bulk.name, _columns(table.bulk), [one for one in told if one[1]])
    gone = [(serial,) for serial, said in told if not said]
    rows.delete(tx.raw, table.bulk.name, ("serial",), gone)


def _replace(
    tx: Transaction,
    target: Table,
    changed: Sequence[tuple[CaseState | None, CaseState]],
    following: Callable[[CaseState], list[Row]],
) -> None:
    """The rows of ``target`` that follow from cases, put in the place of those that did before;
    those that did already stay untouched."""
    gone: list[Row] = []
    new: list[Row] = []
    for before, after in changed:
        held = following(before) if before else []
        wanted = following(after)
        gone += [one for one in held if one not in wanted]
        new += [one for one in wanted if one not in held]
    if gone:
        _delete(tx, target, gone)
    _insert(tx, target, new)


def _order_rows(state: CaseState) -> list[Row]:
    serial = table.serial_of(state.case)
    return [(one.order, serial, one.unit, one.state, one.due) for one in state.orders]


def _sent_rows(state: CaseState) -> list[Row]:
    serial = table.serial_of(state.case)
    return [(one.order, serial, one.force, one.state) for one in state.orders if one.force]


def _forces(state: CaseState | None) -> bool:
    """Whether an order names the unit that goes; it may have gone over to another case."""
    return state is not None and any(one.force for one in state.orders)


def _contact_rows(state: CaseState) -> list[Row]:
    serial = table.serial_of(state.case)
    return [(serial, one.contact, one.state, one.account, one.due) for one in state.contacts]


def _ruling(state: CaseState | None) -> Ruling | None:
    return state.ruling if state else None


def _ruling_rows(state: CaseState) -> list[Row]:
    found = state.ruling
    if found is None:
        return []
    return [(table.serial_of(state.case), found.at, found.withdrawn_at)]


def _party_rows(state: CaseState) -> list[Row]:
    serial = table.serial_of(state.case)
    return [(department, serial) for department in parties(state)]
