"""Tables as older releases left them, brought to what this one expects: at a start, once.

Steps take them from version to version (``Records.create``); what follows from a case is written
anew from its state, as ``rebuild`` would from its events. Of open cases that is done at the start;
of ended ones, of which there may be a million, while hub works and has nothing else to do.
"""

from __future__ import annotations

from sqlalchemy import Connection, Select, bindparam, delete, insert, select, text, update

from tianmu.manage.case.parties import parties
from tianmu.manage.kept import ledger, table
from tianmu.manage.kept.state_bytes import bulk, head

CHUNK = 1000
"""cases that are read at a time"""
OLDER = "older"
"""counter, while there are such cases: the serial number up to which they have been gone through"""


def drop_old_indexes(connection: Connection) -> None:
    """Version 0 to 1: indexes that did not begin with the probe."""
    for name in ("due", "gravity", "open", "stage", "division", "level", "opened", "closed"):
        connection.execute(text(f"DROP INDEX IF EXISTS case_state_{name}"))


def settle(connection: Connection) -> None:
    """Version 1 to 2: from when on a limit is due soon, in a column that counts are read by; and
    the departments that cases concern, which were only some of them. Ended cases wait for
    ``some``."""
    connection.execute(text("DROP INDEX IF EXISTS case_state_count"))
    columns = _columns(connection)
    if not columns:
        return
    if table.case.c.soon.name not in columns:
        added = f"ALTER TABLE case_state ADD COLUMN soon BIGINT DEFAULT {table.NEVER} NOT NULL"
        connection.execute(text(added))
    for one in (table.party, table.counter):
        one.create(connection, checkfirst=True)
    c = table.case.c
    after, begun = 0, select(c.serial, c.state).where(table.OPEN).order_by(c.serial)
    while rows := connection.execute(begun.where(c.serial > after).limit(CHUNK)).all():
        after = _settle(connection, [(int(serial), state) for serial, state in rows])
    ledger.write_counters(connection, {OLDER: 0})


def part(connection: Connection) -> None:
    """Version 2 to 3: what seldom changes of an open case stands in a row of its own. Ended cases
    are as they were."""
    if not _columns(connection):
        return
    table.bulk.create(connection, checkfirst=True)
    c, b = table.case.c, table.bulk.c
    after, begun = 0, select(c.serial, c.state).where(table.OPEN).order_by(c.serial)
    mine = c.serial == bindparam("of")
    while rows := connection.execute(begun.where(c.serial > after).limit(CHUNK)).all():
        states = [(int(serial), ledger.decode_state(data)) for serial, data in rows]
        heads = [{"of": serial, "bytes": head(state)} for serial, state in states]
        connection.execute(update(table.case).where(mine).values(state=bindparam("bytes")), heads)
        bulks = [{"serial": serial, "bytes": bulk(state)} for serial, state in states]
        serials = [serial for serial, _ in states]
        connection.execute(delete(table.bulk).where(b.serial.in_(serials)))
        if told := [one for one in bulks if one["bytes"]]:
            connection.execute(insert(table.bulk), told)
        after = serials[-1]


def narrow(connection: Connection) -> None:
    """Version 3 to 4: a case concerns nobody any more whose orders were all returned or taken back;
    4 to 5: not for a point that was done before, either. Ended cases wait for ``some``."""
    if not _columns(connection):
        return
    for one in (table.party, table.counter):
        one.create(connection, checkfirst=True)
    c = table.case.c
    after, begun = 0, select(c.serial, table.STATE).where(table.OPEN).order_by(c.serial)
    while rows := connection.execute(begun.where(c.serial > after).limit(CHUNK)).all():
        after = _settle(connection, [(int(serial), state) for serial, state in rows])
    ledger.write_counters(connection, {OLDER: 0})


MIGRATIONS = (drop_old_indexes, settle, part, narrow, narrow)
"""what takes the tables from each version to the next"""


def _columns(connection: Connection) -> set[str]:
    """Of the table of cases; none where there is no such table yet."""
    found = connection.execute(text("SELECT name FROM pragma_table_info('case_state')"))
    return set(found.scalars())


def waits(connection: Connection) -> bool:
    """Whether there may be cases that ``settle`` has left for later."""
    return connection.scalar(_reached()) is not None


def some(connection: Connection) -> bool:
    """Go through some of the cases that were left; whether there are more."""
    after = connection.scalar(_reached())
    if after is None:
        return False
    c = table.case.c
    asked = select(c.serial, table.STATE).where(c.serial > after).order_by(c.serial).limit(CHUNK)
    rows = connection.execute(asked).all()
    if not rows:
        connection.execute(delete(table.counter).where(table.counter.c.name == OLDER))
        return False
    last = _settle(connection, [(int(serial), state) for serial, state in rows])
    ledger.write_counters(connection, {OLDER: last})
    return True


def _reached() -> Select[tuple[int]]:
    return select(table.counter.c.value).where(table.counter.c.name == OLDER)


def _settle(connection: Connection, rows: list[tuple[int, bytes]]) -> int:
    """What follows from these cases, each with its serial number; the last number."""
    serials = [serial for serial, _ in rows]
    c, p = table.case.c, table.party.c
    held = connection.execute(select(p.department, p.serial).where(p.serial.in_(serials)))
    were = {(department, serial) for department, serial in held}
    wanted: set[tuple[str, int]] = set()
    running = []
    for serial, data in rows:
        state = ledger.decode_state(data)
        wanted |= {(department, serial) for department in parties(state)}
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
    return serials[-1]
