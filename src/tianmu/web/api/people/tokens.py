"""Tokens of accounts: for wall screens and for programs. Persons sign in themselves."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access import token as tokens
from tianmu.access.role import ROLES
from tianmu.access.token import NoToken
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.api.people.accounts import held_account
from tianmu.web.route.route import Asking, Routes, taken

routes = Routes("accounts")


class TokenAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Annotated[str, msgspec.Meta(pattern="^(kiosk|api)$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    days: Annotated[int, msgspec.Meta(ge=0, le=3650)] = 0
    """0: until it is revoked"""


class TokenSaid(msgspec.Struct, frozen=True, kw_only=True):
    token: str
    """its public name"""
    kind: str
    account: str
    name: str
    actor: str
    created_at: Instant | None
    expires_at: Instant | None
    revoked_at: Instant | None


class TokenMade(msgspec.Struct, frozen=True, kw_only=True):
    token: TokenSaid
    secret: str
    """shown this once"""


def _token(found: tokens.Token) -> TokenSaid:
    return TokenSaid(
        token=found.token,
        kind=found.kind,
        account=found.account,
        name=found.name,
        actor=found.actor,
        created_at=moment.say(found.created_at),
        expires_at=moment.say(found.expires_at),
        revoked_at=moment.say(found.revoked_at),
    )


@routes("GET", "/api/accounts/{account}/tokens", may="account.read", gives=Page[TokenSaid])
def list_tokens(ask: Asking, account: str) -> Page[TokenSaid]:
    """The tokens of an account, never their secrets."""
    held_account(ask, account)
    found = ask.hub.records.read(lambda connection: tokens.listed(connection, account))
    return Page(items=[_token(one) for one in found], total=len(found))


@routes(
    "POST",
    "/api/accounts/{account}/tokens",
    may="account.write",
    takes=TokenAsked,
    gives=TokenMade,
    status=201,
    example={"kind": "kiosk", "name": "hall, left screen"},
)
def make_token(
    ask: Asking, account: str, body: Annotated[TokenAsked, Depends(taken(TokenAsked))]
) -> TokenMade:
    """A token for a wall screen or a program; its secret is shown this once."""
    held = held_account(ask, account)
    fits = bool(held.roles) and all(
        role in ROLES and ROLES[role].machine and (role == "kiosk") == (body.kind == "kiosk")
        for role in held.roles
    )
    if not fits:
        ask.refused("token.create", account, kind=body.kind, why="not a machine's account")
        raise Problem(
            409,
            "not-a-machine",
            f"account {account} is not a {'screen' if body.kind == 'kiosk' else 'program'}'s",
            "make one for it and have a security administrator grant the role "
            f"{'kiosk' if body.kind == 'kiosk' else 'integrator'}; persons sign in themselves",
        )

    def make(tx: Transaction) -> tuple[tokens.Token, str]:
        made = tokens.issue(
            tx.connection,
            kind=body.kind,
            account=account,
            name=body.name,
            actor=ask.who.account,
            at=ask.hub.clock(),
            lasts=body.days * 24 * tokens.HOUR,
        )
        ask.note(tx, "token.create", account, kind=body.kind, token=made[0].token)
        return made

    made, secret = ask.hub.records.transact(make)
    return TokenMade(token=_token(made), secret=secret)


@routes(
    "POST",
    "/api/accounts/{account}/tokens/{token}/revoke",
    may="account.write",
    gives=TokenSaid,
)
def revoke_token(ask: Asking, account: str, token: str) -> TokenSaid:
    """End a token; screens and programs that use it are out at once."""

    def end(tx: Transaction) -> tokens.Token:
        ended = tokens.revoke(tx.connection, token, at=ask.hub.clock())
        ask.note(tx, "token.revoke", account, token=token)
        return ended

    try:
        ended = ask.hub.records.transact(end)
    except NoToken as error:
        raise not_found("token", token) from error
    ask.hub.sessions.forget(ended.account)
    return _token(ended)
