"""Whether two cities hold the same facts and the same tables."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Any

from tianmu.store.identifier import listed, quoted
from tianmu.store.journal.file import connect


def files(data: Path) -> list[Path]:
    """A city's SQLite files, in the one order in which they are locked."""
    return sorted(data.glob("*.sqlite"))


def digest(data: Path) -> dict[str, str]:
    """``topic <name>`` and ``table <file>.<name>`` → number of entries or rows, and a SHA-256 of
    all they hold. Empty ones are left out. Takes as long as reading everything."""
    found: dict[str, str] = {}
    for path in files(data):
        with contextlib.closing(connect(path, readonly=True)) as connection:
            connection.execute("BEGIN")
            found.update(_topics(connection))
            found.update(_tables(connection, path.stem))
            connection.execute("ROLLBACK")
    return found


def _topics(connection: Any) -> dict[str, str]:
    found = {}
    for number, name in connection.execute("SELECT id, name FROM journal_topic").fetchall():
        state, count = hashlib.sha256(), 0
        for position, at, payload in connection.execute(
            "SELECT position, at, payload FROM journal_entry WHERE topic = ? ORDER BY position",
            (number,),
        ):
            state.update(b"%d %d %d\n" % (position, at, len(payload)))
            state.update(payload)
            count += 1
        if count:
            found[f"topic {name}"] = f"{count} {state.hexdigest()}"
    return found


def _tables(connection: Any, stem: str) -> dict[str, str]:
    found = {}
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        " AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        " AND name NOT IN ('journal_entry', 'journal_topic', 'journal_setting') ORDER BY name"
    ).fetchall()
    for (name,) in names:
        keys = connection.execute(
            "SELECT name FROM pragma_table_info(?) ORDER BY pk = 0, pk, cid", (name,)
        ).fetchall()
        order = listed(key for (key,) in keys)
        state, count = hashlib.sha256(), 0
        query = " ".join(("SELECT * FROM", quoted(name), "ORDER BY", order))
        for row in connection.execute(query):
            state.update(repr(row).encode("utf-8", "surrogatepass"))
            count += 1
        if count:
            found[f"table {stem}.{name}"] = f"{count} {state.hexdigest()}"
    return found
