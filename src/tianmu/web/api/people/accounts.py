"""Accounts and their links: three administrators, each with a part of it.

The system administrator makes and disables accounts and gives out links; the security
administrator grants roles (``roles.py``) and makes no account; neither does anything to their own.
A link into an account in use asks for its second factor, or was allowed by a reset of that
(``factors.py``): neither of the two takes an account over alone.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query
from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access import audit, identity
from tianmu.access import token as tokens
from tianmu.access.account import Account, AccountTaken, Changed, NoAccount
from tianmu.access.masking import mask
from tianmu.access.role import RoleConflict
from tianmu.store.records import Transaction
from tianmu.web.answer import moment, page
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Cursor, Limit, Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("accounts")


class AccountSaid(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    name: str
    language: str
    phone: str
    """masked"""
    division: str
    department: str
    tier: int
    level: int
    """highest data level it sees: 1 public, 2 internal, 3 sensitive, 4 personal"""
    probe: str
    active: bool
    roles: list[str]
    factors: list[str]
    """kinds of second factors in force"""
    has_password: bool
    locked_until: Instant | None
    created_at: Instant | None
    seen_at: Instant | None
    version: int


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    language: str = "zh"
    phone: Annotated[str, msgspec.Meta(max_length=40)] = ""
    division: str = ""
    """empty: the whole city"""
    department: str = ""
    tier: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    language: str | None = None
    phone: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    division: str | None = None
    department: str | None = None
    tier: Annotated[int, msgspec.Meta(ge=1, le=9)] | None = None


class LinkMade(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    secret: str
    path: str
    """opens the pages signed in; works once"""
    expires_at: Instant | None


def said(found: Account) -> AccountSaid:
    """An account as administrators see it."""
    return AccountSaid(
        account=found.account,
        name=found.name,
        language=found.language,
        phone=mask("phone", found.phone),
        division=found.division,
        department=found.department,
        tier=found.tier,
        level=found.level,
        probe=found.probe,
        active=found.active,
        roles=list(found.roles),
        factors=list(found.factors),
        has_password=found.has_password,
        locked_until=moment.say(found.locked_until),
        created_at=moment.say(found.created_at),
        # dormancy counts from the making of an account; that is no sign-in
        seen_at=moment.say(found.seen_at if found.seen_at != found.created_at else 0),
        version=found.version,
    )


@routes("GET", "/api/accounts", may="account.read", gives=Page[AccountSaid])
def list_accounts(
    ask: Asking,
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AccountSaid]:
    """Accounts by name."""
    after = page.read(cursor, str)

    def find(connection: Connection) -> tuple[list[Account], int]:
        found = accounts.page(connection, after=after[0] if after else "", limit=limit + 1, q=q)
        return found, accounts.count(connection)

    found, total = ask.hub.records.read(find)
    more = len(found) > limit
    return Page(
        items=[said(one) for one in found[:limit]],
        next=page.write(found[limit - 1].account) if more else None,
        total=None if q else total,
    )


def held_account(ask: Ask, name: str) -> Account:
    """The account; 404 where there is none."""
    try:
        return ask.hub.records.read(lambda connection: accounts.get(connection, name))
    except NoAccount as error:
        raise not_found("account", name) from error


@routes("GET", "/api/accounts/{account}", may="account.read", gives=AccountSaid)
def get_account(ask: Asking, account: str) -> Reply:
    """One account."""
    found = held_account(ask, account)
    return Reply(said(found), etag=found.version)


def _check_place(ask: Ask, division: str | None, department: str | None) -> None:
    city = ask.hub.city
    if division and division not in city.divisions:
        raise Problem(422, "invalid", f"{division!r} is no division", "see GET /api/city")
    if department and department not in city.departments:
        raise Problem(422, "invalid", f"{department!r} is no department", "see GET /api/city")


def not_oneself(ask: Ask, name: str, what: str) -> None:
    """403, and a line in the trail, where somebody would ``what`` their own account."""
    if name == ask.who.account:
        ask.refused("account.refused", name, what=what)
        raise Problem(
            403,
            "own-account",
            f"nobody may {what} their own account",
            "ask another administrator",
        )


@routes(
    "POST",
    "/api/accounts",
    may="account.write",
    takes=NewAccount,
    gives=AccountSaid,
    status=201,
    example={"account": "wang", "name": "Wang Wei", "department": "fire"},
)
def create_account(ask: Asking, body: Annotated[NewAccount, Depends(taken(NewAccount))]) -> Reply:
    """Make an account without roles: a security administrator grants those."""
    _check_place(ask, body.division, body.department)

    def make(tx: Transaction) -> Account:
        made = accounts.create(
            tx.connection,
            body.account,
            body.name,
            at=ask.hub.clock(),
            language=body.language,
            phone=body.phone,
            division=body.division,
            department=body.department,
            tier=body.tier,
        )
        ask.note(
            tx,
            "account.create",
            body.account,
            division=body.division,
            department=body.department,
        )
        return made

    try:
        made = ask.hub.records.transact(make)
    except AccountTaken as error:
        raise Problem(409, "taken", str(error), "choose another name") from error
    return Reply(
        said(made), etag=made.version, headers={"Location": f"/api/accounts/{made.account}"}
    )


def change_held(ask: Ask, name: str, verb: str, do: Any, **detail: Any) -> Reply:
    """Change an account and write it to the trail in one transaction; ``do`` makes the change."""
    hub = ask.hub

    def write(tx: Transaction) -> Account:
        before = accounts.get(tx.connection, name)
        after: Account = do(tx)
        ask.note(tx, verb, name, version=before.version, **detail)
        return after

    try:
        after = hub.records.transact(write)
    except NoAccount as error:
        raise not_found("account", name) from error
    except Changed as error:
        raise Problem(
            412, "changed", str(error), "read it again, then decide again with its new ETag"
        ) from error
    except RoleConflict as error:
        ask.refused(verb, name, why=str(error), **detail)
        raise Problem(409, "role-conflict", str(error), "give it to another person") from error
    hub.sessions.forget(name)
    return Reply(said(after), etag=after.version)


@routes(
    "POST",
    "/api/accounts/{account}/change",
    may="account.write",
    takes=AccountChange,
    gives=AccountSaid,
    example={"department": "fire", "tier": 2},
)
def change_account(
    ask: Asking, account: str, body: Annotated[AccountChange, Depends(taken(AccountChange))]
) -> Reply:
    """Change name, language, phone, division, department or tier; `If-Match` guards it."""
    _check_place(ask, body.division, body.department)
    values = {
        key: value for key, value in msgspec.structs.asdict(body).items() if value is not None
    }
    if {"division", "department", "tier"} & values.keys():
        not_oneself(ask, account, "change the scope of")
    version = ask.if_match()
    told = {key: value for key, value in values.items() if key not in {"name", "phone"}}
    return change_held(
        ask,
        account,
        "account.change",
        lambda tx: accounts.change(tx.connection, account, version=version, **values),
        fields=sorted(values),
        **told,
    )


@routes("POST", "/api/accounts/{account}/disable", may="account.write", gives=AccountSaid)
def disable_account(ask: Asking, account: str) -> Reply:
    """Shut an account out: its sessions and tokens end at once."""
    not_oneself(ask, account, "disable")
    at = ask.hub.clock()
    return change_held(
        ask,
        account,
        "account.disable",
        lambda tx: accounts.disable(tx.connection, account, at=at),
    )


@routes("POST", "/api/accounts/{account}/enable", may="account.write", gives=AccountSaid)
def enable_account(ask: Asking, account: str) -> Reply:
    """Let an account in again: also ends a lock and a dormancy."""
    at = ask.hub.clock()
    return change_held(
        ask,
        account,
        "account.enable",
        lambda tx: accounts.enable(tx.connection, account, at=at),
    )


@routes("POST", "/api/accounts/{account}/link", may="account.write", gives=LinkMade)
def make_account_link(ask: Asking, account: str) -> LinkMade:
    """A one-time link that lets the account's owner in to set a password; good for a day. The
    second factor is asked for as with a password; an account in use that has none needs a security
    administrator's reset in the day before, one for each link."""
    held = held_account(ask, account)
    if {"security_admin", "audit_admin"} & set(held.roles) and held.has_password:
        # else the system administrator could take over the two others
        ask.refused("link.create", account, why="another administrator's")
        raise Problem(
            403,
            "forbidden",
            "links for the other administrators are not given out here",
            "they change their own password; for one who lost it make another account, to which a "
            "security administrator grants the role",
        )
    at = ask.hub.clock()

    def make(tx: Transaction) -> str:
        if not _may_be_let_in(tx.connection, account, at):  # asked here: one link for each reset
            return ""
        ask.note(tx, "link.create", account)
        return tokens.make_link(tx.connection, account, at=at, actor=ask.who.account)

    secret = ask.hub.records.transact(make)
    if not secret:
        ask.refused("link.create", account, why="in use, without a second factor")
        raise Problem(
            403,
            "needs-reset",
            "the account is in use and has no second factor: a link alone would let anybody in",
            "have a security administrator make sure who asks and reset its second factor; a link "
            "can be made within a day after that",
        )
    return LinkMade(
        account=account,
        secret=secret,
        path=f"/open#{secret}",
        expires_at=moment.say(at + 24 * tokens.HOUR),
    )


def _may_be_let_in(connection: Connection, account: str, at: int) -> bool:
    """Whether a link is not the only thing between anybody and the account: it is new, its second
    factor will be asked for, or it was reset within a day and no link made since."""
    held = accounts.get(connection, account)
    if held.factors or not (held.has_password or identity.held(connection, account)):
        return True

    def last(verb: str) -> int:
        since = at - 24 * tokens.HOUR
        found = audit.query(
            connection, object=account, verb=verb, outcome="done", since=since, limit=1
        )
        return found[0].sequence if found else 0

    return last("factor.reset") > last("link.create")
