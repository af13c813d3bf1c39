"""Words in number, title and text of cases, found without looking at every case.

An FTS5 index of trigrams over ``case_state.words``, kept by triggers and therefore never another
than the table. Words of fewer than three characters are looked for case by case.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, column, select, table, text

from tianmu.manage import case_table

SHORTEST = 3
"""characters that a trigram needs"""

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


def make(connection: Connection) -> None:
    """The index, where it is not there yet; of the cases that are."""
    known = text("SELECT 1 FROM sqlite_master WHERE name = 'case_words'")
    if connection.scalar(known) is None:
        for statement in _MAKE:
            connection.exec_driver_sql(statement)


def found(words: str) -> ColumnElement[bool]:
    """Cases whose words hold ``words`` (folded as they are)."""
    c = case_table.case.c
    if len(words) < SHORTEST:
        return c.words.contains(words, autoescape=True)
    index = table("case_words", column("rowid"), column("case_words"))
    phrase = '"' + words.replace('"', '""') + '"'
    return c.serial.in_(select(index.c.rowid).where(index.c.case_words.match(phrase)))
