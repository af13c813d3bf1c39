"""Warnings as tables of ``hub.sqlite``: they follow from the events of topic ``warning`` and can be
made again from them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.facts.encoding import decode, encode
from tianmu.facts.topic import WARNING as TOPIC
from tianmu.facts.warning import Message, ProposalDismissed, WarningEvent
from tianmu.prevent.warning.state import CANCEL, Warning, fold, of_events
from tianmu.prevent.warning.step import LONGEST
from tianmu.store import steps
from tianmu.store.journal.contract import Journal
from tianmu.store.records import Transaction

metadata = sa.MetaData()
WARNING = sa.Table(
    "warning",
    metadata,
    sa.Column("serial", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("warning", sa.String, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("pending", sa.Integer, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),  # µs it is in force, 0: it is not
    sa.Column("changed_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
)
MESSAGE = sa.Table(
    "warning_message",
    metadata,
    sa.Column("identifier", sa.String, primary_key=True),
    sa.Column("warning", sa.String, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
)
DISMISSED = sa.Table(
    "warning_dismissed",
    metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("event", sa.String, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),  # µs, 0: for good
    sa.Column("state", sa.LargeBinary, nullable=False),
)
sa.Index("warning_until", WARNING.c.until)
sa.Index("warning_message_of", MESSAGE.c.warning, MESSAGE.c.number)

_states = msgspec.msgpack.Decoder(Warning)
_dismissals = msgspec.msgpack.Decoder(ProposalDismissed)
_encode = msgspec.msgpack.Encoder().encode
MOST = 200


class NoWarning(LookupError):
    """There is none of this name."""


class Changed(ValueError):
    """Somebody else has changed it; ``version`` is what it is in now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the warning is in version {version}")
        self.version = version


def next_name(connection: Connection) -> str:
    last = connection.scalar(sa.select(sa.func.max(WARNING.c.serial))) or 0
    return f"w{last + 1}"


def get(connection: Connection, warning: str) -> Warning:
    row = connection.scalar(sa.select(WARNING.c.state).where(WARNING.c.warning == warning))
    if row is None:
        raise NoWarning(f"there is no warning {warning!r}")
    return _states.decode(row)


def append(tx: Transaction, event: WarningEvent, key: bytes | None = None) -> Warning:
    """Append one step and write the tables that follow from it: one commit, so that both are there
    or neither is. With a ``key`` seen before nothing is done, and the warning is as it stands."""
    if key is not None and (first := tx.seen(TOPIC.name, key)) is not None:
        return get(tx.connection, _at(tx.connection, first).warning)
    state = (
        get(tx.connection, event.warning) if event.sequence > 1 else Warning(warning=event.warning)
    )
    if state.version != event.sequence - 1:
        raise Changed(state.version)
    position = tx.append(TOPIC.name, encode(event), key).position
    after = fold(state, event)
    _write(tx.connection, after, event, position)
    return after


def seen(tx: Transaction, key: bytes) -> Warning | None:
    """The warning whose step had this key, as it stands now; None where none had."""
    first = tx.seen(TOPIC.name, key)
    return None if first is None else get(tx.connection, _at(tx.connection, first).warning)


def _at(connection: Connection, position: int) -> WarningEvent:
    payload = connection.exec_driver_sql(
        "SELECT payload FROM journal_entry WHERE position = ?", (position,)
    ).scalar_one()
    event = decode(payload)
    assert isinstance(event, WarningEvent)
    return event


def _write(connection: Connection, state: Warning, event: WarningEvent, position: int) -> None:
    last = state.messages[-1] if state.messages else None
    in_force = last is not None and last.kind != CANCEL
    row = {
        "serial": int(state.warning.removeprefix("w")),
        "warning": state.warning,
        "version": state.version,
        "pending": int(state.pending is not None),
        "until": last.content.expires if last and in_force else 0,
        "changed_at": state.changed_at,
        "state": _encode(state),
    }
    connection.execute(sa.delete(WARNING).where(WARNING.c.warning == state.warning))
    connection.execute(sa.insert(WARNING).values(row))
    if event.message is not None:
        connection.execute(
            sa.insert(MESSAGE).values(
                identifier=event.message.identifier,
                warning=state.warning,
                number=event.message.number,
                position=position,
            )
        )


def in_force(connection: Connection, now: int) -> list[Warning]:
    """Warnings that hold, the newest first."""
    wanted = sa.select(WARNING.c.state).where(WARNING.c.until > now)
    rows = connection.execute(wanted.order_by(WARNING.c.serial.desc())).scalars()
    return [_states.decode(row) for row in rows]


def ended(connection: Connection, now: int) -> list[Warning]:
    """Warnings that were cancelled before their time was over, until it is: whoever asks for what
    holds once in a while learns by their last message that they do not."""
    wanted = sa.select(WARNING.c.state).where(
        WARNING.c.until == 0, WARNING.c.changed_at > now - LONGEST
    )
    rows = connection.execute(wanted.order_by(WARNING.c.serial.desc())).scalars()
    return [
        one
        for one in map(_states.decode, rows)
        if one.stage(now) == "cancelled" and one.content.expires > now
    ]


def waiting(connection: Connection) -> list[Warning]:
    """Warnings of which something waits for a second person, the newest first."""
    wanted = sa.select(WARNING.c.state).where(WARNING.c.pending == 1)
    rows = connection.execute(wanted.order_by(WARNING.c.serial.desc()).limit(MOST)).scalars()
    return [_states.decode(row) for row in rows]


def listed(connection: Connection, before: int, limit: int) -> list[tuple[int, Warning]]:
    """(serial, warning) of all, the newest first, below serial ``before`` where it is not 0."""
    wanted = sa.select(WARNING.c.serial, WARNING.c.state)
    if before:
        wanted = wanted.where(WARNING.c.serial < before)
    rows = connection.execute(wanted.order_by(WARNING.c.serial.desc()).limit(limit))
    return [(serial, _states.decode(state)) for serial, state in rows]


def last_sent(connection: Connection) -> int:
    """µs at which the last message of any warning was sent; 0: none was."""
    newest = sa.select(WARNING.c.state).where(
        WARNING.c.warning.in_(
            sa.select(MESSAGE.c.warning).order_by(MESSAGE.c.position.desc()).limit(1)
        )
    )
    state = connection.scalar(newest)
    return 0 if state is None else _states.decode(state).messages[-1].sent


def sources(connection: Connection) -> set[str]:
    """What all warnings and drafts say they were drafted from."""
    found: set[str] = set()
    for state in connection.execute(sa.select(WARNING.c.state)).scalars():
        one = _states.decode(state)
        said = [message.content for message in one.messages]
        said += [one.pending.content] if one.pending else []
        found |= {content.source for content in said if content.source}
    return found


def message(connection: Connection, identifier: str) -> Message:
    """A published message. Raises ``NoWarning``."""
    row = connection.execute(
        sa.select(MESSAGE.c.warning, MESSAGE.c.number).where(MESSAGE.c.identifier == identifier)
    ).first()
    if row is None:
        raise NoWarning(f"no message is {identifier!r}")
    found: Message = get(connection, row.warning).messages[row.number - 1]
    return found


def dismiss(tx: Transaction, told: ProposalDismissed) -> None:
    """Keep that somebody will not warn of what is proposed."""
    tx.append(TOPIC.name, encode(told))
    d = DISMISSED.c
    tx.connection.execute(
        sa.delete(DISMISSED).where(d.source == told.source, d.event == told.event)
    )
    row = {
        "source": told.source, "event": told.event, "until": told.until, "state": _encode(told),
    }  # fmt: skip
    tx.connection.execute(sa.insert(DISMISSED).values(row))


def dismissed(connection: Connection, now: int) -> dict[tuple[str, str], ProposalDismissed]:
    """(source, event) → what was dismissed and still is."""
    d = DISMISSED.c
    rows = connection.execute(
        sa.select(d.state).where(sa.or_(d.until == 0, d.until > now))
    ).scalars()
    return {(one.source, one.event): one for one in map(_dismissals.decode, rows)}


def events(journal: Journal) -> list[WarningEvent]:
    """All steps of all warnings, oldest first."""
    return steps.read(journal, TOPIC.name, WarningEvent)


def states(told: Iterable[WarningEvent]) -> dict[str, Warning]:
    """What the events make of each warning."""
    return steps.states(told, "warning", of_events)


def held(connection: Connection) -> dict[str, Warning]:
    """What the tables hold, to be compared with ``states``."""
    return steps.held(connection, WARNING.c.state, Warning, "warning")
