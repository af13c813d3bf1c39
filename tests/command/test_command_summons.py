"""Summons on their way to a gateway: persons do not wait for one another, and nobody is called
when nobody waits for an answer any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tianmu.command import delivery, provider, telling
from tianmu.command.delivery import Delivery
from tianmu.command.table import READER, metadata
from tianmu.facts.topic import CASE
from tianmu.manage.kept import table as case_table
from tianmu.store.records import Records

MINUTE = 60_000_000
HOUR = 60 * MINUTE


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    made = Records(tmp_path / "hub.sqlite")
    made.create(case_table.metadata)
    made.create(metadata, room="command")
    yield made
    made.close()


def of(position: int, type: str = "contact.message", contact: str = "k1", until: int = 0) -> Any:
    made = delivery.of_event("sms", 7, position, position, type, b"{}", 1)
    return msgspec.structs.replace(made, contact=contact, until=until)


def keep(records: Records, *some: Delivery) -> None:
    records.transact(lambda tx: delivery.keep(tx.connection, some))


def due(records: Records, now: int, *besides: Delivery) -> tuple[list[int], int]:
    names = [one.delivery for one in besides]
    found, later = records.read(lambda c: delivery.due(c, "sms", now, 10, names))
    return [one.position for one in found], later


def states(records: Records) -> dict[int, str]:
    found = records.read(lambda c: delivery.listed(c, "sms"))
    return {one.position: one.state for one in found}


def test_who_is_called_next_does_not_wait_for_a_number_that_is_refused(records: Records) -> None:
    first, second = of(10, contact="k1"), of(12, contact="k2")
    told, later = of(11, "case.file", ""), of(13, "case.order", "")
    keep(records, first, told, second, later)
    assert due(records, 5) == ([10, 11, 12], 0)
    # what tells of a case keeps its order, also while the first of it is under way
    assert due(records, 5, told) == ([10, 12], 0)
    records.transact(lambda tx: delivery.note(tx.connection, first, attempts=1, next_at=9 * HOUR))
    assert due(records, 5, first) == ([11, 12], 0)
    assert due(records, 5) == ([11, 12], 9 * HOUR)


def test_a_summons_is_dead_when_nobody_waits_for_its_answer(records: Records) -> None:
    keep(records, of(10, until=HOUR), of(11, "case.file", ""))
    assert due(records, MINUTE) == ([10, 11], HOUR)
    assert not records.read(lambda c: delivery.late(c, MINUTE))
    assert due(records, HOUR) == ([11], 0)
    assert records.read(lambda c: delivery.late(c, HOUR, "sms"))
    assert not records.read(lambda c: delivery.late(c, HOUR, "another"))
    assert records.transact(lambda tx: delivery.expire(tx.connection, HOUR)) == 1
    assert states(records) == {10: "dead", 11: "waiting"}

    def again(at: int) -> int:
        return records.transact(lambda tx: delivery.redeliver(tx.connection, "sms", [], "a", at))

    assert again(HOUR) == 0 and states(records)[10] == "dead"
    assert again(HOUR - 1) == 1 and states(records)[10] == "waiting"


def test_what_a_ladder_sent_before_it_moved_is_not_sent_any_more(records: Records) -> None:
    keep(records, of(10), of(11, contact="k2"), of(12), of(13, "case.file", ""))
    gone = records.transact(lambda tx: delivery.overtaken(tx.connection, "k1", 12, "moved", 99))
    assert gone == 1
    assert states(records) == {10: "discarded", 11: "waiting", 12: "waiting", 13: "waiting"}


def test_a_ladder_that_goes_over_to_another_case_keeps_its_name() -> None:
    assert telling.ladder("c7", "k1") == "c7-k1"
    assert telling.ladder("c9", "c7-k1") == "c7-k1"


def test_summons_are_found_by_their_indexes(records: Records) -> None:
    def plan(connection: Any) -> str:
        found = []
        for one in (delivery._late(5, "sms"), delivery._ladder("c7-k1", 5)):
            words = str(one.compile(compile_kwargs={"literal_binds": True}))
            asked = f"EXPLAIN QUERY PLAN SELECT 1 FROM webhook_delivery WHERE {words}"
            found += [str(row) for row in connection.exec_driver_sql(asked)]
        return " ".join(found)

    used = records.read(plan)
    assert "webhook_delivery_until" in used and "webhook_delivery_ladder" in used


def test_what_is_not_kept_any_more_is_not_said_to_wait(records: Records) -> None:
    def write(tx: Any) -> None:
        tx.connection.execute(
            case_table.event.insert(), [{"serial": 7, "sequence": n, "position": n} for n in (1, 9)]
        )
        tx.advance(READER, CASE.name, 5)

    records.transact(write)
    keep(records, of(1))
    case = case_table.case_id(7)

    def outcome(sequence: int) -> str:
        return records.read(lambda c: provider.outcome(c, "sms", case, sequence))

    assert outcome(1) == "waiting"
    settled = of(1)
    records.transact(
        lambda tx: delivery.note(tx.connection, settled, state="done", settled_at=HOUR)
    )
    assert outcome(1) == "done"
    records.transact(lambda tx: delivery.forget(tx.connection, 2 * HOUR))
    assert outcome(1) == "unknown"
    assert outcome(9) == "waiting"  # the event was not read yet
