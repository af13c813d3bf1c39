"""The trail shows every change, gap, insertion and cut."""

from __future__ import annotations

import hashlib
import json
from functools import partial

import msgspec
import pytest
from pysqlite3 import dbapi2
from sqlalchemy import Executable, delete, update

from tianmu.access import audit
from tianmu.access.keys import Keys
from tianmu.access.table import audit as table
from tianmu.access.table import metadata
from tianmu.store.records import Records, Transaction


def write(records: Records, count: int) -> None:
    records.create(metadata)

    def some(tx: Transaction) -> None:
        for n in range(count):
            audit.append(
                tx.connection,
                at=n,
                actor="a",
                role="r",
                address="::1",
                verb="alarm.shelve",
                object=f"o{n}",
                detail={"why": "检修", "n": n},
            )

    records.transact(some)


def tamper(records: Records, statement: str) -> None:
    path = records.path
    records.close()
    raw = dbapi2.connect(str(path))
    raw.execute("DROP TRIGGER audit_no_update")
    raw.execute("DROP TRIGGER audit_no_delete")
    raw.execute(statement)
    raw.commit()
    raw.close()


def test_a_whole_trail_holds(records: Records) -> None:
    write(records, 4100)
    assert audit.verify(records) is None
    assert audit.verify(records, noted=audit.head(records)) is None
    assert audit.head(records)[0] == 4100


def run(statement: Executable, tx: Transaction) -> None:
    tx.connection.execute(statement)


def test_nothing_can_be_changed_by_sql(records: Records) -> None:
    write(records, 3)
    for statement in (
        update(table).values(actor="someone else"),
        delete(table).where(table.c.sequence == 2),
    ):
        with pytest.raises(Exception, match="append-only"):
            records.transact(partial(run, statement))
    assert audit.verify(records) is None


@pytest.mark.parametrize("column", ["at", "actor", "role", "address", "verb", "object", "outcome"])
def test_a_changed_field_shows(records: Records, column: str) -> None:
    write(records, 5)
    tamper(records, f"UPDATE audit SET {column} = 7 WHERE sequence = 3")
    again = Records(records.path)
    bad = audit.verify(again)
    assert bad is not None
    assert bad.sequence == 3
    again.close()


def test_a_gap_and_a_cut_show(records: Records) -> None:
    write(records, 6)
    noted = audit.head(records)
    tamper(records, "DELETE FROM audit WHERE sequence = 4")
    again = Records(records.path)
    bad = audit.verify(again)
    assert bad is not None and bad.sequence == 4
    again.close()
    raw = dbapi2.connect(str(records.path))
    raw.execute("DELETE FROM audit WHERE sequence >= 3")
    raw.commit()
    raw.close()
    again = Records(records.path)
    assert audit.verify(again) is None  # the chain alone cannot show a cut end …
    assert audit.verify(again, noted=noted) is not None  # … a head noted elsewhere does
    again.close()


def test_the_export_can_be_checked_without_us(records: Records) -> None:
    write(records, 30)
    previous = "0" * 64
    keys = Keys(records.path.parent / "keys")
    *lines, head = b"".join(audit.export(records, 99, keys)).splitlines()
    assert len(lines) == 30
    for line in lines:
        record = json.loads(line)
        body = [
            record[key]
            for key in (
                "sequence", "at", "actor", "role", "address", "verb", "object", "outcome", "detail",
            )
        ]  # fmt: skip
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        assert record["hash"] == hashlib.sha256((previous + text).encode()).hexdigest()
        assert record["previous"] == previous
        previous = record["hash"]
    assert json.loads(head)["head"]["hash"] == previous


def test_a_record_falls_with_what_it_records(records: Records) -> None:
    write(records, 1)

    def fails(tx: Transaction) -> None:
        audit.append(tx.connection, at=9, actor="a", verb="x")
        raise RuntimeError("the change did not work")

    with pytest.raises(RuntimeError):
        records.transact(fails)
    assert audit.head(records)[0] == 1
    assert audit.verify(records) is None


def test_queries_go_newest_first(records: Records) -> None:
    write(records, 10)
    first = records.read(lambda c: audit.query(c, limit=4))
    assert [r.sequence for r in first] == [10, 9, 8, 7]
    after = records.read(lambda c: audit.query(c, before=7, limit=4, verb="alarm."))
    assert [r.sequence for r in after] == [6, 5, 4, 3]
    assert records.read(lambda c: audit.query(c, verb="case.")) == []
    assert msgspec.json.decode(first[0].detail) == {"n": 9, "why": "检修"}
