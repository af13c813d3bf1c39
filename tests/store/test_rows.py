"""Many rows in few statements are the rows that were given."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pysqlite3 import dbapi2

from tianmu.store import rows

VALUES = st.tuples(st.text(max_size=5), st.binary(max_size=5) | st.none())


@settings(max_examples=30, deadline=None)
@given(st.lists(VALUES, max_size=150), st.lists(VALUES, max_size=150))
def test_all_rows_are_written_and_changed(
    before: list[tuple[str, bytes | None]], after: list[tuple[str, bytes | None]]
) -> None:
    raw = dbapi2.connect(":memory:")
    raw.execute('CREATE TABLE t (key INTEGER PRIMARY KEY, "order" TEXT, data BLOB) STRICT')
    rows.insert(raw, "t", ("key", "order", "data"), [(n, *one) for n, one in enumerate(before)])
    assert raw.execute("SELECT * FROM t").fetchall() == [(n, *one) for n, one in enumerate(before)]
    changed = [(*one, n) for n, one in enumerate(after)]
    rows.update(raw, "t", "key", ("order", "data"), changed)  # those not there stay away
    whole = [*after[: len(before)], *before[len(after) :]]
    assert raw.execute("SELECT * FROM t").fetchall() == [(n, *one) for n, one in enumerate(whole)]
    rows.put(raw, "t", ("key", "order", "data"), [(n, *one) for n, one in enumerate(after)])
    whole = [*after, *before[len(after) :]]
    assert raw.execute("SELECT * FROM t").fetchall() == [(n, *one) for n, one in enumerate(whole)]
    raw.close()


PAIRS = st.tuples(st.text(max_size=2), st.integers(0, 5))


@settings(max_examples=30, deadline=None)
@given(st.sets(PAIRS, max_size=150), st.sets(PAIRS, max_size=150))
def test_rows_are_taken_away_by_all_of_their_keys(
    there: set[tuple[str, int]], gone: set[tuple[str, int]]
) -> None:
    raw = dbapi2.connect(":memory:")
    raw.execute('CREATE TABLE t ("order" TEXT, n INTEGER, PRIMARY KEY ("order", n)) STRICT')
    rows.insert(raw, "t", ("order", "n"), sorted(there))
    rows.delete(raw, "t", ("order", "n"), sorted(gone))
    assert set(raw.execute("SELECT * FROM t").fetchall()) == there - gone
    raw.close()
