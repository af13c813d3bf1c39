"""Tables as older releases left them, brought to what this one expects: at a start, once.

Steps take them from version to version (``Records.create``); what follows from a case is written
anew from its state, as ``rebuild`` would from its events.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from tianmu.manage.case import ledger, table

CHUNK = 2000
"""cases that are read at a time"""


def drop_old_indexes(connection: Connection) -> None:
    """Version 0 to 1: indexes that did not begin with the probe."""
    for name in ("due", "gravity", "open", "stage", "division", "level", "opened", "closed"):
        connection.execute(text(f"DROP INDEX IF EXISTS case_state_{name}"))


def settle(connection: Connection) -> None:
    """Version 1 to 2: from when on a limit is due soon, in a column that counts are read by; and
    the departments that cases concern, which were only some of them."""
    connection.execute(text("DROP INDEX IF EXISTS case_state_count"))
    found = connection.execute(text("SELECT name FROM pragma_table_info('case_state')"))
    columns = set(found.scalars())
    if not columns:
        return
    if table.case.c.soon.name not in columns:
        added = f"ALTER TABLE case_state ADD COLUMN soon BIGINT DEFAULT {table.NEVER} NOT NULL"
        connection.execute(text(added))
    table.party.create(connection, checkfirst=True)
    after = 0
    while after := _some(connection, after):
        pass


def _some(connection: Connection, after: int) -> int:
    """Cases from the serial number after this one on; the last one, 0 where there are no more."""
    c = table.case.c
    rows = connection.execute(
        select(c.serial, c.state).where(c.serial > after).order_by(c.serial).limit(CHUNK)
    ).all()
    if not rows:
        return 0
    last = int(rows[-1].serial)
    p = table.party.c
    held = connection.execute(
        select(p.department, p.serial).where(p.serial > after, p.serial <= last)
    )
    were = {(department, serial) for department, serial in held}
    wanted: set[tuple[str, int]] = set()
    running = []
    for serial, data in rows:
        state = ledger.decode_state(data)
        wanted |= {(department, serial) for department in ledger.parties(state)}
        if state.open and state.nearest is not None:
            running.append({"of": serial, "at": state.nearest.soon_at})
    gone = [{"d": department, "s": serial} for department, serial in were - wanted]
    new = [{"department": department, "serial": serial} for department, serial in wanted - were]
    if gone:
        key = (p.department == bindparam("d"), p.serial == bindparam("s"))
        connection.execute(delete(table.party).where(*key), gone)
    if new:
        connection.execute(insert(table.party), new)
    if running:
        mine = c.serial == bindparam("of")
        connection.execute(update(table.case).where(mine).values(soon=bindparam("at")), running)
    return last
