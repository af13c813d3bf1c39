"""How long a session lasts: what a phone took along is locked from then on."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tianmu.access.session import FOREVER
from tianmu.access.table import session as table


def ends_at(connection: Connection, session: str) -> int:
    """µs: when a session (by digest) ends whatever is done; 0 for what is none or does not end."""
    found = connection.scalar(select(table.c.expires_at).where(table.c.digest == session))
    return 0 if found is None or found >= FOREVER else int(found)
