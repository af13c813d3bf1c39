"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends, Request

from tianmu.access import account as accounts
from tianmu.access import password as passwords
from tianmu.access.scope import Principal
from tianmu.access.session import SignInRefused
from tianmu.store.records import Transaction
from tianmu.web.hub import Hub
from tianmu.web.limit import COOKIE
from tianmu.web.problem import Problem
from tianmu.web.route import PUBLIC, SIGNED_IN, Asking, Reply, Routes, taken

routes = Routes("session")


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    password: str


class OneToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    new: str
    old: str = ""
    """needed where there is one already, but in the first minutes after a one-time link"""


class ScopeSaid(msgspec.Struct, frozen=True, kw_only=True):
    division: str
    """empty: the whole city"""
    department: str
    tier: int


class SessionSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and what they may do."""

    account: str
    name: str
    role: str
    roles: list[str]
    scope: ScopeSaid
    permissions: list[str]
    language: str
    kiosk: bool
    probe: str
    password: str
    """``good``, ``none`` (came by a link: set one) or ``expired`` (nothing else is allowed)"""


EXAMPLE = {
    "account": "duty",
    "name": "Duty officer",
    "role": "duty_officer",
    "roles": ["duty_officer"],
    "scope": {"division": "", "department": "", "tier": 1},
    "permissions": ["alarm.acknowledge", "alarm.read", "case.command"],
    "language": "zh",
    "kiosk": False,
    "probe": "",
    "password": "good",
}


def said(who: Principal) -> SessionSaid:
    """A principal as its own browser sees it."""
    return SessionSaid(
        account=who.account,
        name=who.name,
        role=who.role,
        roles=list(who.roles),
        scope=ScopeSaid(division=who.division, department=who.department, tier=who.tier),
        permissions=sorted(who.permissions),
        language=who.language,
        kiosk=who.kind == "kiosk",
        probe=who.probe,
        password=who.password,
    )


def _opened(hub: Hub, secret: str) -> Reply:
    who = hub.sessions.principal(secret)
    if who is None:
        raise Problem(401, "signed-out", "the session ended at once", "sign in again")
    year = 365 * 86_400 if who.kind == "kiosk" else 12 * 3_600
    cookie = f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={year}"
    return Reply(said(who), headers={"Set-Cookie": cookie + ("; Secure" if hub.secure else "")})


def _refuse(error: SignInRefused) -> Problem:
    return Problem(
        401,
        "sign-in-refused",
        str(error),
        "try again; a system administrator can make a new one-time link",
    )


def _address(request: Request) -> tuple[str, str]:
    return (
        request.client.host if request.client else "",
        request.headers.get("user-agent", ""),
    )


@routes(
    "POST",
    "/api/session",
    may=PUBLIC,
    takes=SignIn,
    gives=SessionSaid,
    example={"account": "duty", "password": "…"},
    given=EXAMPLE,
)
def sign_in(ask: Asking, body: Annotated[SignIn, Depends(taken(SignIn))]) -> Reply:
    """Sign in by password; the session is the cookie that comes back."""
    address, agent = _address(ask.request)
    try:
        secret = ask.hub.sessions.sign_in(body.account, body.password, address=address, agent=agent)
    except SignInRefused as error:
        raise _refuse(error) from error
    return _opened(ask.hub, secret)


@routes(
    "POST",
    "/api/session/link",
    may=PUBLIC,
    takes=OneToken,
    gives=SessionSaid,
    example={"token": "…"},
    given=EXAMPLE,
)
def sign_in_by_link(ask: Asking, body: Annotated[OneToken, Depends(taken(OneToken))]) -> Reply:
    """Sign in by a one-time link, which is used up by it."""
    address, agent = _address(ask.request)
    try:
        secret = ask.hub.sessions.sign_in_by_link(body.token, address=address, agent=agent)
    except SignInRefused as error:
        raise _refuse(error) from error
    return _opened(ask.hub, secret)


@routes(
    "POST",
    "/api/session/kiosk",
    may=PUBLIC,
    takes=OneToken,
    gives=SessionSaid,
    example={"token": "…"},
)
def sign_in_kiosk(ask: Asking, body: Annotated[OneToken, Depends(taken(OneToken))]) -> Reply:
    """Sign a wall screen in by its read-only kiosk token."""
    address, agent = _address(ask.request)
    try:
        secret = ask.hub.sessions.sign_in_kiosk(body.token, address=address, agent=agent)
    except SignInRefused as error:
        raise _refuse(error) from error
    return _opened(ask.hub, secret)


@routes("GET", "/api/session", may=SIGNED_IN, gives=SessionSaid, given=EXAMPLE)
def get_session(ask: Asking) -> SessionSaid:
    """Who is signed in."""
    return said(ask.who)


@routes("DELETE", "/api/session", may=SIGNED_IN)
def sign_out(ask: Asking) -> Reply:
    """Sign out; the session cannot be used again."""
    secret = ask.request.cookies.get(COOKIE, "")
    if secret:
        ask.hub.sessions.sign_out(secret, address=ask.address)
    return Reply(
        headers={
            "Set-Cookie": f"{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
            "Clear-Site-Data": '"cache", "storage"',
        }
    )


@routes(
    "POST",
    "/api/session/password",
    may=SIGNED_IN,
    takes=PasswordChange,
    example={"old": "…", "new": "…"},
)
def set_password(
    ask: Asking, body: Annotated[PasswordChange, Depends(taken(PasswordChange))]
) -> None:
    """Set one's own password; other sessions of the account end."""
    hub, name = ask.hub, ask.who.account
    if ask.who.kind != "person":
        raise Problem(403, "forbidden", "screens and programs have no password", "use tokens")
    kept = hub.records.read(lambda c: accounts.kept_password(c, name))
    by_link = not body.old and hub.sessions.fresh_from_link(ask.who.session)
    if kept and not by_link and not passwords.matches(kept, body.old):
        ask.refused("account.password", name, reason="the old password is wrong")
        raise Problem(403, "wrong-password", "the old password is wrong", "try again")
    past = hub.records.read(lambda c: accounts.past_passwords(c, name))
    try:
        passwords.check(body.new, name, past)
    except passwords.WeakPassword as error:
        raise Problem(422, "weak-password", str(error), "choose another one") from error
    fresh = passwords.digest(body.new)

    def change(tx: Transaction) -> None:
        at = hub.clock()
        accounts.set_password(tx.connection, name, fresh, at=at)
        hub.sessions.end_all(tx.connection, name, at=at, but=ask.who.session)
        ask.note(tx, "account.password", name, by="link" if by_link else "password")

    hub.records.transact(change)
    hub.sessions.forget(name)
