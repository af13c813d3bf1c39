"""Tables of the rooms: made when missing, widened, and brought from version to version."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy
from sqlalchemy.schema import CreateColumn

from tianmu.store.journal.file import Unusable


def bring_up(
    connection: sqlalchemy.Connection,
    metadata: sqlalchemy.MetaData,
    room: str,
    migrations: Sequence[Callable[[sqlalchemy.Connection], None]],
) -> None:
    """See ``Records.create``."""
    if migrations and not room:
        raise ValueError("migrations need the name of the room whose tables they change")
    present = set(sqlalchemy.inspect(connection).get_table_names())
    if room:
        _migrate(connection, room, migrations, bool(present & set(metadata.tables)))
        present = set(sqlalchemy.inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in present:
            _widen(connection, table)
    metadata.create_all(connection, checkfirst=True)


def _migrate(
    connection: sqlalchemy.Connection,
    room: str,
    migrations: Sequence[Callable[[sqlalchemy.Connection], None]],
    old: bool,
) -> None:
    row = connection.exec_driver_sql(
        "SELECT version FROM journal_schema WHERE room = ?", (room,)
    ).fetchone()
    version = row[0] if row else (0 if old else len(migrations))
    if version > len(migrations):
        raise Unusable(
            f"the tables of {room} were written by a newer release (version {version}, this one "
            f"knows {len(migrations)}): start that release, or restore an older backup"
        )
    for step in migrations[version:]:
        step(connection)
    connection.exec_driver_sql(
        "INSERT INTO journal_schema (room, version) VALUES (?, ?)"
        " ON CONFLICT (room) DO UPDATE SET version = excluded.version",
        (room, len(migrations)),
    )


def _widen(connection: sqlalchemy.Connection, table: sqlalchemy.Table) -> None:
    """Columns and indexes that a newer release added to a table which is there already."""
    inspector = sqlalchemy.inspect(connection)
    have = {column["name"] for column in inspector.get_columns(table.name)}
    for column in table.columns:
        if column.name in have:
            continue
        if not column.nullable and column.server_default is None:
            raise Unusable(
                f"column {table.name}.{column.name} is new and neither nullable nor has a server "
                "default: give it one, or write a migration"
            )
        text = CreateColumn(column).compile(connection)
        name = connection.dialect.identifier_preparer.quote(table.name)
        connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {text}")
    indexes = {index["name"] for index in inspector.get_indexes(table.name)}
    for index in table.indexes:
        if index.name not in indexes:
            index.create(connection)
