"""One's own second factors: an app's codes, passkeys, recovery codes."""

from __future__ import annotations

import io
from typing import Annotated, Any

import msgspec
from fastapi import Depends
from sqlalchemy import Connection

from tianmu.access import account as accounts
from tianmu.access import factor, identity, passkey, token, totp
from tianmu.access.factor import Factor, NoFactor
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.people.accounts import held_account
from tianmu.web.api.people.session import PasskeyAsked, confirm, no_site, site_of
from tianmu.web.route.route import SIGNED_IN, Ask, Asking, Routes, taken

routes = Routes("factors")


class FactorSaid(msgspec.Struct, frozen=True, kw_only=True):
    factor: str
    """its public name"""
    kind: str
    name: str
    created_at: Instant | None
    used_at: Instant | None


class FactorsSaid(msgspec.Struct, frozen=True, kw_only=True):
    needed: bool
    """whether the account's roles need a second factor"""
    until: Instant | None
    """until when it may do without"""
    factors: list[FactorSaid]
    recovery_left: int
    passkey: bool
    """whether a passkey can be made for the address that was asked"""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    password: Annotated[str, msgspec.Meta(max_length=256)] = ""
    """needed but in the first minutes after a one-time link, a passkey or the city's sign-on that
    asked anew"""
    code: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """of an app, or a recovery code: in its place where the account has no password"""


class AppBegun(msgspec.Struct, frozen=True, kw_only=True):
    secret: str
    """base32, to be typed where no camera is at hand"""
    uri: str
    qr: str
    """the URI as a QR code: SVG"""


class CodeGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(max_length=20)]


class PasskeyMade(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ticket: str
    credential: dict[str, Any]
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    """what its owner calls it"""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    codes: list[str]
    """each works once, in place of a second factor; shown this once, empty where there are some"""


class WhyReset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=2, max_length=500)]


class ResetDone(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    removed: int


def _said(found: Factor) -> FactorSaid:
    return FactorSaid(
        factor=found.factor,
        kind=found.kind,
        name=found.name,
        created_at=moment.say(found.created_at),
        used_at=moment.say(found.used_at),
    )


@routes("GET", "/api/session/factors", may=SIGNED_IN, gives=FactorsSaid)
def list_factors(ask: Asking) -> FactorsSaid:
    """One's own second factors."""
    name, policy = ask.who.account, ask.hub.sessions.policy

    def read(connection: Connection) -> tuple[list[Factor], int, int]:
        return (
            factor.listed(connection, name),
            factor.recovery_left(connection, name),
            accounts.get(connection, name).created_at,
        )

    held, left, since = ask.hub.records.read(read)
    needed = ask.who.kind == "person" and not policy.second_factor.isdisjoint(ask.who.roles)
    return FactorsSaid(
        needed=needed,
        until=moment.say(since + policy.grace) if needed and not held else None,
        factors=[_said(one) for one in held],
        recovery_left=left,
        passkey=bool(site_of(ask.request).name),
    )


@routes(
    "POST",
    "/api/session/factors/totp",
    may=SIGNED_IN,
    takes=Confirmation,
    gives=AppBegun,
    example={"password": "…"},
)
def begin_app(ask: Asking, body: Annotated[Confirmation, Depends(taken(Confirmation))]) -> AppBegun:
    """Begin to enrol an authenticator app: counts once a code of it was seen."""
    import segno

    confirm(ask, body.password, body.code, "factor.add")
    hub, name = ask.hub, ask.who.account
    secret = hub.records.transact(
        lambda tx: factor.begin_totp(tx.connection, name, hub.keys, at=hub.clock())
    )
    # a label of other letters than these makes a code that is hard to read for a camera
    uri = totp.uri(secret, name, hub.city.name.get("en") or "Tianmu")
    drawn = io.BytesIO()
    segno.make(uri, error="m").save(
        drawn, kind="svg", scale=4, border=4, light="#fff", xmldecl=False
    )
    return AppBegun(secret=secret, uri=uri, qr=drawn.getvalue().decode())


def _in_force(ask: Ask, tx: Transaction, kind: str) -> list[str]:
    """A factor came into force: other sessions of the account end, and with the first one come
    recovery codes."""
    hub, name = ask.hub, ask.who.account
    at = hub.clock()
    hub.sessions.end_all(tx.connection, name, at=at, but=ask.who.session)
    ask.note(tx, "factor.add", name, kind=kind)
    if factor.recovery_left(tx.connection, name):
        return []
    return factor.make_recovery(tx.connection, name, at=at)


@routes(
    "POST",
    "/api/session/factors/totp/confirm",
    may=SIGNED_IN,
    takes=CodeGiven,
    gives=Recovery,
    example={"code": "123456"},
)
def confirm_app(ask: Asking, body: Annotated[CodeGiven, Depends(taken(CodeGiven))]) -> Recovery:
    """Put the app in force by a code of it; other sessions of the account end."""
    hub, name = ask.hub, ask.who.account

    def put(tx: Transaction) -> list[str]:
        at = hub.clock()
        if not factor.confirm_totp(tx.connection, name, body.code, hub.keys, at=at):
            raise Problem(
                422,
                "wrong-code",
                "this is no code of the app now",
                "check that the clock of the phone is right, and type the newest code",
            )
        return _in_force(ask, tx, "totp")

    try:
        codes = hub.records.transact(put)
    except NoFactor as error:
        raise Problem(409, "not-begun", str(error), "POST /api/session/factors/totp") from error
    hub.sessions.forget(name)
    return Recovery(codes=codes)


@routes(
    "POST",
    "/api/session/factors/passkey/request",
    may=SIGNED_IN,
    takes=Confirmation,
    gives=PasskeyAsked,
    example={"password": "…"},
)
def begin_passkey(
    ask: Asking, body: Annotated[Confirmation, Depends(taken(Confirmation))]
) -> PasskeyAsked:
    """Begin to make a passkey: what the browser is to be asked for."""
    site, hub, name = site_of(ask.request), ask.hub, ask.who.account
    if not site.name:
        raise no_site()
    confirm(ask, body.password, body.code, "factor.add")
    held = hub.records.read(lambda c: factor.credentials(c, name))
    challenge = token.secret().encode()
    return PasskeyAsked(
        ticket=hub.entrance.tickets.give("new passkey", (name, challenge), name),
        options=passkey.creation(site, name, ask.who.name, held, challenge),
    )


@routes(
    "POST",
    "/api/session/factors/passkey",
    may=SIGNED_IN,
    takes=PasskeyMade,
    gives=Recovery,
    example={"ticket": "…", "credential": {"id": "…", "type": "public-key"}, "name": "phone"},
)
def add_passkey(ask: Asking, body: Annotated[PasskeyMade, Depends(taken(PasskeyMade))]) -> Recovery:
    """Put a passkey in force; other sessions of the account end."""
    hub, name, site = ask.hub, ask.who.account, site_of(ask.request)
    begun = hub.entrance.tickets.take("new passkey", body.ticket)
    if begun is None or begun[0] != name:
        raise Problem(409, "not-begun", "this took too long, or was not begun", "begin again")
    try:
        made = passkey.made(site, body.credential, begun[1])
    except passkey.Refused as error:
        raise Problem(422, "bad-passkey", str(error), "begin again, with this page") from error

    def put(tx: Transaction) -> list[str]:
        factor.add_passkey(
            tx.connection,
            name,
            credential=made.credential,
            public=made.public,
            count=made.count,
            site=site.name,
            name=body.name,
            at=hub.clock(),
        )
        return _in_force(ask, tx, "passkey")

    codes = hub.records.transact(put)
    hub.sessions.forget(name)
    return Recovery(codes=codes)


@routes(
    "POST",
    "/api/session/factors/recovery",
    may=SIGNED_IN,
    takes=Confirmation,
    gives=Recovery,
    example={"password": "…"},
)
def renew_recovery(
    ask: Asking, body: Annotated[Confirmation, Depends(taken(Confirmation))]
) -> Recovery:
    """Fresh recovery codes in place of all earlier ones."""
    confirm(ask, body.password, body.code, "factor.recovery")
    hub, name = ask.hub, ask.who.account

    def make(tx: Transaction) -> list[str]:
        if not factor.listed(tx.connection, name):
            raise Problem(409, "no-factor", "there is no second factor yet", "enrol one first")
        ask.note(tx, "factor.recovery", name)
        return factor.make_recovery(tx.connection, name, at=hub.clock())

    return Recovery(codes=hub.records.transact(make))


@routes(
    "POST",
    "/api/session/factors/{held}/remove",
    may=SIGNED_IN,
    takes=Confirmation,
    example={"password": "…"},
)
def remove_factor(
    ask: Asking, held: str, body: Annotated[Confirmation, Depends(taken(Confirmation))]
) -> None:
    """Take one of one's own second factors away."""
    confirm(ask, body.password, body.code, "factor.remove")
    hub, name = ask.hub, ask.who.account

    def take(tx: Transaction) -> None:
        gone = factor.remove(tx.connection, name, held)
        ask.note(tx, "factor.remove", name, kind=gone.kind)

    try:
        hub.records.transact(take)
    except NoFactor as error:
        raise not_found("second factor", held) from error
    hub.sessions.forget(name)


@routes(
    "POST",
    "/api/accounts/{account}/factors/reset",
    may="factor.reset",
    takes=WhyReset,
    gives=ResetDone,
    example={"reason": "the phone was lost; seen in person"},
)
def reset_factors(
    ask: Asking, account: str, body: Annotated[WhyReset, Depends(taken(WhyReset))]
) -> ResetDone:
    """Take all second factors of somebody else's account away, and who it is at the city's sign-on;
    its sessions end. A way in is given
    by the system administrator alone, so neither takes an account over."""
    if account == ask.who.account:
        ask.refused("factor.reset", account, why="own account")
        raise Problem(
            403,
            "own-account",
            "nobody may reset the second factor of their own account",
            "ask another security administrator",
        )
    held_account(ask, account)
    hub = ask.hub

    def take(tx: Transaction) -> int:
        count = factor.reset(tx.connection, account) + identity.forget(tx.connection, account)
        hub.sessions.end_all(tx.connection, account, at=hub.clock())
        ask.note(tx, "factor.reset", account, reason=body.reason, removed=count)
        return count

    removed = hub.records.transact(take)
    hub.sessions.forget(account)
    return ResetDone(account=account, removed=removed)
