"""Who is told of what: a department's own system, its address, its secrets, whether it is on.

An address is proposed by one person and approved by another before anything is sent there.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from tianmu.access.keys import Keys
from tianmu.command import signing
from tianmu.command.table import READER
from tianmu.command.table import host as host_table
from tianmu.command.table import webhook as table
from tianmu.facts.address import Allowed
from tianmu.facts.topic import CASE, WARNING
from tianmu.store.records import Transaction

HOUR = 3_600_000_000
SETTING = "the allowed hosts of /admin, Connections (POST /api/webhooks/hosts)"
"""what names receivers that are not public"""
T = TypeVar("T")


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver. The secrets are sealed: ``secrets`` opens them."""

    webhook: str
    name: str
    department: str
    url: str
    """empty: none was approved yet"""
    events: list[str]
    on: bool
    note: str
    since: int
    secret: str
    older: str
    older_until: int
    created_at: int
    actor: str
    version: int
    proposed: str = ""
    """an address that waits for approval"""
    proposed_by: str = ""

    def wants(self, step: str) -> bool:
        return not self.events or step in self.events or step == "withdrawn"


class NoWebhook(LookupError):
    """There is none of this name."""


class NotApproved(ValueError):
    """It has no address that a second person approved; or there is nothing for this one to
    approve."""


class Changed(ValueError):
    """Somebody else has changed it; ``version`` is what it is in now."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the webhook is in version {version}")
        self.version = version


def listed(connection: Connection, *, on: bool | None = None) -> list[Webhook]:
    """All receivers, or those that are (not) on, oldest first."""
    wanted = select(table).order_by(table.c.created_at, table.c.webhook)
    if on is not None:
        wanted = wanted.where(table.c.on == int(on))
    return [_webhook(row) for row in connection.execute(wanted).mappings()]


def get(connection: Connection, webhook: str) -> Webhook:
    row = connection.execute(select(table).where(table.c.webhook == webhook)).mappings().first()
    if row is None:
        raise NoWebhook(f"there is no webhook {webhook!r}")
    return _webhook(row)


def make(
    tx: Transaction,
    keys: Keys,
    *,
    name: str,
    department: str,
    url: str,
    events: Sequence[str],
    actor: str,
    at: int,
) -> tuple[Webhook, str]:
    """A receiver that is off until its address is approved; its secret, shown this once."""
    plain = signing.new_secret()
    code = f"w{random.token_hex(5)}"
    made = Webhook(
        webhook=code,
        name=name,
        department=department,
        url="",
        events=sorted(set(events)),
        on=False,
        note="",
        since=0,
        secret=keys.seal(plain, _about(code)),
        older="",
        older_until=0,
        created_at=at,
        actor=actor,
        version=1,
        proposed=url,
        proposed_by=actor,
    )
    tx.connection.execute(insert(table).values(msgspec.structs.asdict(made)))
    return made, plain


def begin(tx: Transaction, head: int) -> None:
    """Before one is switched on: where none was, nothing was read, and nothing of that is told."""
    c = tx.connection
    if c.execute(select(table.c.webhook).where(table.c.on == 1).limit(1)).first() is None:
        for topic in (CASE.name, WARNING.name):  # of one file: positions of both are in one row
            tx.advance(READER, topic, max(head, tx.position(READER, topic)))


def change(
    tx: Transaction,
    webhook: str,
    *,
    head: int,
    actor: str,
    version: int | None = None,
    **values: Any,
) -> Webhook:
    """Other values of ``name``, ``url``, ``events``, ``on``, ``note``. Another address is proposed
    by this; the one in force stays until it is approved. Switched on again, it is told of what
    comes after ``head``; what was waiting goes out. Raises ``NoWebhook``, ``NotApproved`` or
    ``Changed``."""
    before = get(tx.connection, webhook)
    if version is not None and version != before.version:
        raise Changed(before.version)
    if (url := values.pop("url", None)) is not None:
        same = url == before.url
        values |= {"proposed": "" if same else url, "proposed_by": "" if same else actor}
    if "on" in values:
        if values["on"] and not before.url:
            raise NotApproved("its address waits for a second person's approval")
        values["on"] = bool(values["on"])
        if values["on"] and not before.on:
            begin(tx, head)
            values |= {"since": head, "note": ""}
    return _write(tx.connection, before, values)


def approve(tx: Transaction, webhook: str, url: str, *, actor: str, head: int) -> Webhook:
    """Send to the address that somebody else proposed, which is ``url``; the first one switches it
    on, told of what comes after ``head``. Raises ``NoWebhook`` or ``NotApproved``."""
    before = get(tx.connection, webhook)
    if not before.proposed or before.proposed != url:
        raise NotApproved("this is not the address that waits for approval: look at it again")
    if before.proposed_by == actor:
        raise NotApproved("whoever proposed an address does not approve it")
    values: dict[str, Any] = {"url": url, "proposed": "", "proposed_by": ""}
    if not before.url:
        begin(tx, head)
        values |= {"on": True, "since": head}
    return _write(tx.connection, before, values)


def switch_off(connection: Connection, webhook: str, note: str) -> Webhook:
    """Off, and why; what waits for it stays."""
    return _write(connection, get(connection, webhook), {"on": False, "note": note})


def rotate(
    connection: Connection, keys: Keys, webhook: str, *, at: int, old_for_h: float
) -> tuple[Webhook, str]:
    """A new secret, shown this once; the one before is valid beside it for ``old_for_h``: messages
    carry a signature of each."""
    before = get(connection, webhook)
    plain = signing.new_secret()
    older_until = at + round(old_for_h * HOUR)
    values = {
        "secret": keys.seal(plain, _about(webhook)),
        "older": before.secret if old_for_h else "",
        "older_until": older_until if old_for_h else 0,
    }
    return _write(connection, before, values), plain


def secrets(keys: Keys, one: Webhook, at: int) -> list[str]:
    """The secrets that are valid now, newest first. Raises ``NotOurs``."""
    sealed = [one.secret]
    if one.older and at < one.older_until:
        sealed.append(one.older)
    return [keys.open(kept, _about(one.webhook)) for kept in sealed]


def allowed(connection: Connection) -> Allowed:
    """What may be called though it is not public."""
    return Allowed.of(connection.execute(select(host_table.c.host)).scalars(), SETTING)


def hosts(connection: Connection) -> list[str]:
    return list(connection.execute(select(host_table.c.host).order_by(host_table.c.host)).scalars())


def set_hosts(connection: Connection, listed: Sequence[str], *, at: int, actor: str) -> None:
    """Let these, as ``address.entry`` gave them, and no others be called."""
    connection.execute(delete(host_table))
    if listed:
        connection.execute(
            insert(host_table), [{"host": one, "at": at, "actor": actor} for one in set(listed)]
        )


def _about(webhook: str) -> str:
    return f"webhook {webhook}"


def _write(connection: Connection, before: Webhook, values: dict[str, Any]) -> Webhook:
    after = msgspec.structs.replace(before, **values, version=before.version + 1)
    connection.execute(
        update(table).where(table.c.webhook == before.webhook).values(msgspec.structs.asdict(after))
    )
    return after


def _webhook(row: Any) -> Webhook:
    return Webhook(**{**row, "on": bool(row["on"])})
