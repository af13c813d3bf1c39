"""Words in number, title and text of cases, found without looking at every case.

Two FTS5 indexes over ``case_state.words``. One of trigrams, kept by triggers and therefore never
another than the table, finds three characters and more. Words of one or two, which is what most
Chinese words are, are found by pairs: each character with the one behind it. Those are told to
SQLite as numbers of one length, because its tokenisers know no pairs and not all characters; the
ledger keeps them (``learn``, ``change``) in the same commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    column,
    func,
    select,
    table,
    text,
)

from tianmu.manage.kept import table as case_table
from tianmu.store import rows

SHORTEST = 3
"""characters that a trigram needs"""
SIGN = 8
"""digits by which a character is told"""
COMMON = 10_000
"""cases that hold the same words, from which on they are common"""
CHUNK = 5_000
"""cases whose pairs are written at once"""

_FORGET = (
    "INSERT INTO case_words (case_words, rowid, words) VALUES ('delete', old.serial, old.words)"
)
_LEARN = "INSERT INTO case_words (rowid, words) VALUES (new.serial, new.words)"
_MAKE = (
    "CREATE VIRTUAL TABLE case_words USING fts5"
    " (words, content='case_state', content_rowid='serial', tokenize='trigram')",
    f"CREATE TRIGGER case_words_new AFTER INSERT ON case_state BEGIN {_LEARN}; END",
    f"CREATE TRIGGER case_words_gone AFTER DELETE ON case_state BEGIN {_FORGET}; END",
    "CREATE TRIGGER case_words_changed AFTER UPDATE OF words ON case_state"
    f" WHEN old.words <> new.words BEGIN {_FORGET}; {_LEARN}; END",
    "INSERT INTO case_words (case_words) VALUES ('rebuild')",
)
_MAKE_PAIRS = (
    "CREATE VIRTUAL TABLE case_pairs USING fts5"
    " (pairs, content='', contentless_delete=1, detail='none', prefix='8', tokenize='ascii')"
)
_COLUMNS = ("rowid", "pairs")
_NO_PAIRS = "DELETE FROM case_pairs WHERE rowid = ?"

Words = tuple[int, str]
"""serial number of a case, and its words as ``case_state`` has them"""


def make(connection: Connection) -> None:
    """The indexes, where they are not there yet; of the cases that are."""
    if not _is_there(connection, "case_words"):
        for statement in _MAKE:
            connection.exec_driver_sql(statement)
    if not _is_there(connection, "case_pairs"):
        connection.exec_driver_sql(_MAKE_PAIRS)
        _learn_all(connection)


def strip(connection: Connection) -> None:
    """Without trigrams rows are written much faster: ``make`` them again behind them."""
    make(connection)
    for name in ("new", "gone", "changed"):
        connection.exec_driver_sql(f"DROP TRIGGER case_words_{name}")
    connection.exec_driver_sql("DROP TABLE case_words")


def empty(connection: Connection) -> None:
    """No case has words any more."""
    connection.exec_driver_sql("INSERT INTO case_pairs (case_pairs) VALUES ('delete-all')")


def learn(raw: Any, cases: Iterable[Words]) -> None:
    """The words of cases that are new; ``raw`` is the DBAPI connection that writes them."""
    rows.insert(raw, "case_pairs", _COLUMNS, [(serial, _pairs(words)) for serial, words in cases])


def change(raw: Any, cases: list[Words]) -> None:
    """Cases that have other words now."""
    raw.executemany(_NO_PAIRS, [(serial,) for serial, _ in cases])
    learn(raw, cases)


def look(connection: Connection, words: str) -> list[int] | None:
    """Serial numbers of the cases whose words hold ``words`` (folded as they are); None where they
    are more than ``COMMON``."""
    found = connection.scalars(_holding(words).limit(COMMON + 1)).all()
    return None if len(found) > COMMON else list(found)


def found(words: str, held: Sequence[int] | None) -> ColumnElement[bool]:
    """Cases whose words hold ``words``, of which ``look`` has said ``held``. Common ones are soon
    met in whatever order cases are walked, and the index would be longer than the walk."""
    c = case_table.case.c
    if held is None:
        return c.words.contains(words, autoescape=True)
    serials = func.json_each(json.dumps(held)).table_valued("value")
    return c.serial.in_(select(serials.c.value))


def _holding(words: str) -> Select[Any]:
    """Serial numbers of the cases that hold ``words``."""
    name, wanted = "case_words", '"' + words.replace('"', '""') + '"'
    if len(words) < SHORTEST:
        name, wanted = "case_pairs", _signs(words) + "*" * (len(words) < 2)
    index = table(name, column("rowid"), column(name))
    return select(index.c.rowid).where(index.c[name].match(wanted))


def _is_there(connection: Connection, name: str) -> bool:
    known = text("SELECT 1 FROM sqlite_master WHERE name = :name")
    return connection.scalar(known, {"name": name}) is not None


def _learn_all(connection: Connection) -> None:
    c, after = case_table.case.c, -1
    raw = connection.connection
    while some := connection.execute(
        select(c.serial, c.words).where(c.serial > after).order_by(c.serial).limit(CHUNK)
    ).all():
        learn(raw, [(serial, words) for serial, words in some])
        after = some[-1].serial


def _pairs(words: str) -> str:
    told = _signs(words) + _signs("\0")
    return " ".join({told[at : at + 2 * SIGN] for at in range(0, len(told) - SIGN, SIGN)})


def _signs(words: str) -> str:
    return words.encode("utf-32-be", "surrogatepass").hex()
