"""Signing in, in one step or two, and out."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from tianmu.access import account as accounts
from tianmu.access import identity, lock
from tianmu.access import password as passwords
from tianmu.access.entrance import SecondStep, SignInRefused
from tianmu.access.passkey import Site
from tianmu.access.scope import Principal
from tianmu.facts.text import Text
from tianmu.store.records import Transaction
from tianmu.web.answer.moment import Instant, say
from tianmu.web.answer.problem import Problem
from tianmu.web.bounds.limit import COOKIE
from tianmu.web.hub import Hub
from tianmu.web.route.route import PUBLIC, SIGNED_IN, Ask, Asking, Reply, Routes, taken
from tianmu.web.route.turn import turn

routes = Routes("session")
HASHES = os.cpu_count() or 1
"""passwords that are looked at a time: each takes 64 MB, and anybody may ask"""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    password: str


class OneToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: str


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    new: str
    old: str = ""
    """needed where there is one already, but in the first minutes after a one-time link, a passkey
    or the city's sign-on that asked anew (``fresh``)"""
    code: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """of an app, or a recovery code: in its place where the account has no password"""


class SecondAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What came first was right; ``POST /api/session/second`` or a passkey opens the session."""

    ticket: str
    """good for five minutes"""
    ways: list[str]
    """``totp``, ``passkey``, ``recovery``: those this account has; ``password``, where the city's
    sign-on names the account for the first time and it has none of these"""


class SecondGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ticket: str
    way: Annotated[str, msgspec.Meta(pattern="^(totp|recovery|password)$")]
    code: Annotated[str, msgspec.Meta(max_length=256)]


class PasskeyAsked(msgspec.Struct, frozen=True, kw_only=True):
    ticket: str
    options: dict[str, Any]
    """for ``navigator.credentials`` (WebAuthn, as JSON)"""


class PasskeyGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ticket: str
    credential: dict[str, Any]
    """as the browser made it (``toJSON``)"""
    second: str = ""
    """the ticket of the sign-in that this is the second step of"""


class WaysSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Which ways in there are, beside a password, and what one must be like."""

    passkey: bool
    """whether the address that was asked can have passkeys: a name, and TLS or localhost"""
    sign_on: Text | None
    """what the city's own sign-on is called, where there is one"""
    password_length: int
    """characters that a password has at least"""
    password_classes: int
    """and sorts of them: small letters, capitals, digits, others"""


class ScopeSaid(msgspec.Struct, frozen=True, kw_only=True):
    division: str
    """empty: the whole city"""
    department: str
    tier: int


class SessionSaid(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in, and what they may do; ``at``: the city's time, maybe that of a drill."""

    at: Instant
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
    factor: str
    """``good``, ``asked`` (its roles need one soon) or ``needed`` (nothing else before it)"""


EXAMPLE = {
    "at": "2026-11-04T03:12:00.000Z",
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
    "factor": "good",
}


def said(who: Principal, at: int) -> SessionSaid:
    """A principal as its own browser sees it; ``at``: the city's time, µs."""
    return SessionSaid(
        at=say(at),
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
        factor=who.factor,
    )


def opened(hub: Hub, secret: str) -> Reply:
    """The answer that carries a new session's cookie."""
    who = hub.sessions.principal(secret)
    if who is None:
        raise Problem(401, "signed-out", "the session ended at once", "sign in again")
    year = 365 * 86_400 if who.kind == "kiosk" else round(hub.sessions.policy.lasts / 1e6)
    cookie = f"{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={year}"
    cookie += "; Secure" if hub.secure else ""
    return Reply(said(who, hub.clock()), headers={"Set-Cookie": cookie})


def site_of(request: Request) -> Site:
    """Where the browser thinks it is."""
    return Site(request.headers.get("host", ""))


def _refuse(error: SignInRefused) -> Problem:
    return Problem(
        401,
        "sign-in-refused",
        str(error),
        "try again; a system administrator can make a new one-time link",
    )


def _let_in(ask: Ask, come: Callable[..., str], *given: Any) -> Reply:
    """A session for whoever comes, or what is asked of them next."""
    agent = ask.request.headers.get("user-agent", "")
    try:
        return opened(ask.hub, come(*given, address=ask.address, agent=agent))
    except SecondStep as step:
        return Reply(SecondAsked(ticket=step.ticket, ways=list(step.ways)), status=202)
    except SignInRefused as error:
        raise _refuse(error) from error


@routes(
    "POST",
    "/api/session",
    may=PUBLIC,
    takes=SignIn,
    gives=SessionSaid,
    also={202: SecondAsked},
    example={"account": "duty", "password": "…"},
    given=EXAMPLE,
)
async def sign_in(ask: Asking, body: Annotated[SignIn, Depends(taken(SignIn))]) -> Reply:
    """Sign in by password; the session is the cookie that comes back. 202: a second step is asked
    for."""
    come = ask.hub.entrance.by_password
    async with turn(ask.hub, "password", HASHES, "many are signing in"):
        return await run_in_threadpool(_let_in, ask, come, body.account, body.password)


@routes(
    "POST",
    "/api/session/link",
    may=PUBLIC,
    takes=OneToken,
    gives=SessionSaid,
    also={202: SecondAsked},
    example={"token": "…"},
    given=EXAMPLE,
)
def sign_in_by_link(ask: Asking, body: Annotated[OneToken, Depends(taken(OneToken))]) -> Reply:
    """Sign in by a one-time link, which is used up by it. 202: a second step is asked for."""
    return _let_in(ask, ask.hub.entrance.by_link, body.token)


@routes(
    "POST",
    "/api/session/second",
    may=PUBLIC,
    takes=SecondGiven,
    gives=SessionSaid,
    example={"ticket": "…", "way": "totp", "code": "123456"},
    given=EXAMPLE,
)
def sign_in_second(ask: Asking, body: Annotated[SecondGiven, Depends(taken(SecondGiven))]) -> Reply:
    """The second step: a code of an authenticator app, a recovery code, or the password, whichever
    was asked for."""
    return _let_in(ask, ask.hub.entrance.second, body.ticket, body.way, body.code)


@routes("GET", "/api/session/ways", may=PUBLIC, gives=WaysSaid)
def list_ways(ask: Asking) -> WaysSaid:
    """Which ways in there are, beside a password, and what one must be like."""
    site, provider = site_of(ask.request), ask.hub.sign_on
    policy = ask.hub.sessions.policy
    return WaysSaid(
        passkey=bool(site.name),
        sign_on=provider.settings.name if provider else None,
        password_length=policy.length,
        password_classes=policy.classes,
    )


@routes("POST", "/api/session/passkey/request", may=PUBLIC, gives=PasskeyAsked)
def ask_passkey(ask: Asking) -> PasskeyAsked:
    """What the browser is to be asked for to sign in by a passkey."""
    site = site_of(ask.request)
    if not site.name:
        raise no_site()
    ticket, options = ask.hub.entrance.passkey_request(site)
    return PasskeyAsked(ticket=ticket, options=options)


def no_site() -> Problem:
    """Browsers make passkeys for names only."""
    return Problem(
        409,
        "no-passkeys-here",
        "browsers have passkeys for a name only, and this page was opened by an address",
        "open it by its name (--tls-name, or that of the certificate), or use an app's code",
    )


@routes(
    "POST",
    "/api/session/passkey",
    may=PUBLIC,
    takes=PasskeyGiven,
    gives=SessionSaid,
    example={"ticket": "…", "credential": {"id": "…", "type": "public-key"}},
    given=EXAMPLE,
)
def sign_in_by_passkey(
    ask: Asking, body: Annotated[PasskeyGiven, Depends(taken(PasskeyGiven))]
) -> Reply:
    """Sign in by a passkey, which is two factors in itself."""
    come = partial(ask.hub.entrance.by_passkey, second=body.second)
    return _let_in(ask, come, body.ticket, body.credential, site_of(ask.request))


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
    return _let_in(ask, ask.hub.entrance.by_kiosk, body.token)


@routes("GET", "/api/session", may=SIGNED_IN, gives=SessionSaid, given=EXAMPLE)
def get_session(ask: Asking) -> SessionSaid:
    """Who is signed in."""
    return said(ask.who, ask.hub.clock())


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


def confirm(ask: Ask, password: str, code: str, verb: str) -> str:
    """Make sure that whoever holds the session is the account's person, before ``verb`` changes
    how one gets in: having come just now by what proves them, else by the password, or, where
    there is none, by a code of a second factor. How it was."""
    hub, name = ask.hub, ask.who.account
    if ask.who.kind != "person":
        raise Problem(403, "forbidden", "screens and programs sign in by tokens", "use tokens")
    if not (password or code) and hub.sessions.fresh(ask.who.session):
        return "fresh"
    kept = hub.records.read(lambda c: accounts.kept_password(c, name))
    if not kept:
        return _confirm_without(ask, code, verb)
    try:
        hub.entrance.not_locked(name, lock.PASSWORD, ask.address)
        same = passwords.matches(kept, password)
        right = hub.entrance.judged(name, lock.PASSWORD, ask.address, lambda tx: same)
    except SignInRefused as error:
        raise _locked(error) from error
    if not right:
        ask.refused(verb, name, reason="the password is wrong")
        raise Problem(403, "wrong-password", "the old password is wrong", "try again")
    return "password"


def _confirm_without(ask: Ask, code: str, verb: str) -> str:
    """The same for an account that has no password."""
    hub, name = ask.hub, ask.who.account
    held = hub.records.read(lambda c: accounts.get(c, name))
    if not held.factors and not hub.records.read(lambda c: identity.held(c, name)):
        return "link"  # it has nothing else yet: it came by a one-time link to get something
    try:
        if code and hub.entrance.proven(name, code, address=ask.address):
            return "code"
    except SignInRefused as error:
        raise _locked(error) from error
    ask.refused(verb, name, reason="the code is wrong" if code else "no fresh proof")
    raise Problem(
        403,
        "proof-needed",
        "the code is wrong or was used already"
        if code
        else "whoever changes how this account is signed in to has to prove who they are anew",
        "send a code of the app or a recovery code, or sign in again by passkey, by a one-time "
        "link or by GET /api/session/sign-on?fresh=true",
    )


def _locked(error: SignInRefused) -> Problem:
    return Problem(403, "locked", str(error), "wait, or sign in again another way")


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
    way = confirm(ask, body.old, body.code, "account.password")
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
        ask.note(tx, "account.password", name, by=way)

    hub.records.transact(change)
    hub.sessions.forget(name)
