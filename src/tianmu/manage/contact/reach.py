"""What is there to reach somebody by: who is signed in to the app, and which gateways are set for
messages and calls. What is not there is said, never made believe."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from tianmu.access.role import ROLES
from tianmu.access.scope import Extent, Scope, covers, scope_of
from tianmu.access.table import account as account_table
from tianmu.access.table import account_role, session
from tianmu.city.people.roster import Person
from tianmu.manage.duty.handover import withdrawn
from tianmu.manage.kept.table import handover

if TYPE_CHECKING:
    from tianmu.city.city import City

PERMISSION, COMMANDS = "contact.answer", "case.command"
"""to answer what looks for oneself or one's department; to answer for anybody"""
MINUTE = 60_000_000
KEEP = 5_000_000
"""µs that a look holds: many cases ask the same in a storm"""

SHOWN, DESK, NOBODY_IN = "shown", "desk", "nobody_in_app"
NO_ACCOUNT = "no_account"
"""whoever the roster names there is no account of this city: nobody can be signed in as them"""
HANDED, NO_PROVIDER, NO_NUMBER = "handed_over", "no_provider", "no_number"
WAITS = (SHOWN, DESK, HANDED)
"""outcomes after which an answer is waited for"""
CANNOT = frozenset((NO_ACCOUNT, NO_PROVIDER, NO_NUMBER))
"""outcomes that are so until somebody sets something up, whoever is there"""

Providers = Callable[[Connection], Mapping[str, str]]
"""``message`` and ``call`` → the gateway that is set and on"""


@dataclass(frozen=True)
class Presence:
    """Who is signed in to the app now, of those who may answer."""

    accounts: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    """of these accounts: each may answer for their own"""
    desk: frozenset[Scope] = frozenset()
    """what those who command cases see: they may answer for all of it"""
    known: frozenset[str] | None = None
    """the accounts that there are; None: it is not known"""

    def serves(self, unit: str, extent: Extent) -> bool:
        """Whether somebody may answer for ``unit`` about what stands there."""
        return unit in self.departments or any(covers(one, extent) for one in self.desk)


Present = Callable[[Connection, int, "City"], Presence]
"""who is there at a time (µs)"""


def none(connection: Connection) -> Mapping[str, str]:
    """An installation without gateways."""
    return {}


def nobody(connection: Connection, now: int, city: City) -> Presence:
    """An installation without an app."""
    return Presence()


@dataclass(frozen=True)
class Tried:
    """One rung tried for one person."""

    by: str
    outcome: str
    via: str = ""
    """the gateway that it was handed to"""


class Reach:
    """One look at what is there, kept for some seconds. Not safe between threads: it lives where
    cases are written."""

    def __init__(self, providers: Providers = none, present: Present = nobody) -> None:
        self._providers, self._present = providers, present
        self._looked = -KEEP - 1
        self._in = Presence()
        self._gateways: Mapping[str, str] = {}
        self.unrelieved: frozenset[str] = frozenset()
        """accounts whose hand-over nobody has confirmed yet: they are still responsible"""
        self.begun: dict[Hashable, Any] = {}
        """how ladders begin, for whom it was asked since this look"""
        self.there: dict[tuple[str, str, int], list[Person]] = {}
        """who is to be called at a unit for a division in a minute, as asked since this look"""
        self._city: City | None = None

    def look(self, connection: Connection, now: int, city: City) -> Reach:
        if not 0 <= now - self._looked <= KEEP:
            self._in = self._present(connection, now, city)
            self._gateways = dict(self._providers(connection))
            self.unrelieved = unrelieved(connection)
            self._looked = now
            self.begun, self.there = {}, {}
        if self._city is not city:  # others are on duty, or something else was ruled
            self._city, self.begun, self.there = city, {}, {}
        return self

    def forget(self) -> None:
        """Look again the next time: somebody has changed what is there."""
        self._looked = -KEEP - 1

    def gateway(self, by: str) -> str:
        """The gateway that is set for messages or calls and is on; empty: none."""
        return self._gateways.get(by, "")

    def attempt(self, by: str, person: Person, unit: str, extent: Extent) -> Tried:
        """What comes of reaching ``person`` on duty at ``unit`` by this means, for what stands
        there."""
        if by == "app":
            if person.account in self._in.accounts:
                return Tried(by, SHOWN)
            if self._in.serves(unit, extent):
                return Tried(by, DESK)
            known = self._in.known
            return Tried(by, NOBODY_IN if known is None or person.account in known else NO_ACCOUNT)
        via = self.gateway(by)
        if not via:
            return Tried(by, NO_PROVIDER)
        return Tried(by, HANDED, via) if person.phone else Tried(by, NO_NUMBER)


def unrelieved(connection: Connection) -> frozenset[str]:
    """Accounts whose newest hand-over nobody has confirmed: one before it, which was never taken,
    is over with the shift that it was of. One that was withdrawn is none."""
    c = handover.c
    stand = c.number.not_in(withdrawn())
    newest = select(func.max(c.number)).where(stand).group_by(c.from_account)
    waiting = select(c.from_account).where(c.taken_at == 0, c.number.in_(newest))
    return frozenset(connection.scalars(waiting))


def accounts_of(connection: Connection) -> frozenset[str]:
    """The accounts of persons that are in use."""
    c = account_table.c
    return frozenset(connection.scalars(select(c.account).where(c.active == 1, c.probe == "")))


def present(connection: Connection, now: int, city: City) -> Presence:
    """Who has a session, was there of late, and may answer."""
    seen = round(city.contact.calling.seen_min * MINUTE)
    may = {role.code: role for role in ROLES.values() if PERMISSION in role.permissions}
    rows = connection.execute(
        select(
            session.c.account,
            account_table.c.department,
            account_table.c.division,
            account_role.c.role,
        )
        .join(account_role, account_role.c.account == session.c.account)
        .join(account_table, account_table.c.account == session.c.account)
        .where(
            session.c.revoked_at == 0,
            session.c.expires_at > now,
            session.c.seen_at > now - seen,
            account_table.c.active == 1,
            account_table.c.probe == "",
        )
        .distinct()
    ).all()
    answers = [row for row in rows if row.role in may]
    commanding = {row.account for row in answers if COMMANDS in may[row.role].permissions}
    held: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.account in commanding:
            held.setdefault((row.account, row.division, row.department), []).append(row.role)
    divisions = {one.code: one.parent for one in city.divisions.values()}
    return Presence(
        known=accounts_of(connection),
        accounts=frozenset(row.account for row in answers),
        departments=frozenset(row.department for row in answers) - {""},
        desk=frozenset(
            scope_of(held_by, division, department, "", divisions=divisions, departments=city.above)
            for (_, division, department), held_by in held.items()
        ),
    )
