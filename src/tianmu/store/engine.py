"""SQLAlchemy Core over our connections: a pool that only reads, and the writer's own one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy
from pysqlite3 import dbapi2
from sqlalchemy import event
from sqlalchemy.pool import QueuePool, StaticPool

from tianmu.store.journal.file import connect


def reading_engine(path: Path) -> sqlalchemy.Engine:
    """Read-only connections, each transaction one snapshot."""
    engine = sqlalchemy.create_engine(
        f"sqlite:///{path}",
        module=dbapi2,
        creator=lambda: connect(path, readonly=True),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=28,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


class _Held:
    """The writer's DBAPI connection, whose transactions belong to the writer thread alone."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def commit(self) -> None:
        raise RuntimeError("the writer thread commits: do not commit by tx.connection")

    def rollback(self) -> None:
        """Nothing: SQLAlchemy rolls back when it hands a connection back."""

    def close(self) -> None:
        """Nothing: ``Records`` closes it."""


def writing_engine(raw: Any) -> sqlalchemy.Engine:
    """Core inside the transaction that the writer thread has begun on ``raw``."""
    held = _Held(raw)
    return sqlalchemy.create_engine(
        "sqlite://", module=dbapi2, creator=lambda: held, poolclass=StaticPool
    )
