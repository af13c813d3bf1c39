"""Signing in by the city's own sign-on (OpenID Connect): there and back."""

from __future__ import annotations

import hmac
import logging
from typing import Annotated
from urllib.parse import quote

import msgspec
from fastapi import Query
from starlette.responses import RedirectResponse, Response

from tianmu.access import identity, token
from tianmu.access.entrance import SecondStep, SignInRefused
from tianmu.access.identity import Identity, NotBound
from tianmu.store.records import Transaction
from tianmu.web.answer.problem import Problem
from tianmu.web.api.people.session import opened
from tianmu.web.route.route import PUBLIC, Ask, Asking, Routes
from tianmu.web.sign_on import Away, Begun, Person, SignOn, Untrue, begun

routes = Routes("session")
log = logging.getLogger("tianmu.web")

COOKIE = "tianmu_sign_on"
PATH = "/api/session/sign-on"


def _provider(ask: Ask) -> SignOn:
    if ask.hub.sign_on is None:
        raise Problem(
            404,
            "no-sign-on",
            "this city has no sign-on of its own",
            "sign in at /login; whoever runs the city sets one by --sign-on",
        )
    return ask.hub.sign_on


def _back(why: str) -> Response:
    """To the sign-in page, which says it in the person's language."""
    return RedirectResponse(f"/login?sign_on={why}", 303, headers={"Cache-Control": "no-store"})


@routes("GET", PATH, may=PUBLIC, status=303)
def go(
    ask: Asking, to: Annotated[str, Query(max_length=500)] = "", fresh: bool = False
) -> Response:
    """To the provider; the browser is known again by a cookie when it comes back. ``fresh``: it is
    to ask who it is though it knows, which proves it before ways to sign in are changed."""
    provider = _provider(ask)
    browser = token.secret()
    kept = begun(browser, to, fresh)
    state = ask.hub.entrance.tickets.seal("sign-on", msgspec.json.encode(kept))
    try:
        where = provider.begin(state, kept)
    except Away as error:
        log.warning("sign-on: %s", error)
        return _back("away")
    answer = RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE,
        browser,
        max_age=300,
        path=PATH,
        httponly=True,
        samesite="lax",
        secure=ask.hub.secure,
    )
    return answer


@routes("GET", f"{PATH}/return", may=PUBLIC, status=303)
def come_back(
    ask: Asking,
    code: Annotated[str, Query(max_length=4000)] = "",
    state: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str, Query(max_length=500)] = "",
    error: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Back from the provider with a code, which is changed for who it is."""
    provider, hub = _provider(ask), ask.hub
    said = hub.entrance.tickets.unseal("sign-on", state)
    kept = msgspec.json.decode(said, type=Begun) if said else None
    browser = ask.request.cookies.get(COOKIE, "")
    if kept is None or not hmac.compare_digest(token.digest(browser), kept.browser):
        return _refused(ask, "state", "not begun in this browser, or too long ago")
    if error or not code:
        return _refused(ask, "refused", f"the provider said {error[:100] or 'nothing'}")
    if iss and iss != provider.settings.issuer:  # RFC 9207
        return _refused(ask, "refused", "the answer is another issuer's")
    try:
        person = provider.finish(code, kept)
        account, unbound = hub.records.transact(lambda tx: _account(ask, tx, person))
    except Away as gone:
        log.warning("sign-on: %s", gone)
        return _back("away")
    except Untrue as untrue:
        log.warning("sign-on: %s", untrue)
        return _refused(ask, "refused", str(untrue))
    except NotBound as unknown:
        return _refused(ask, "unknown", str(unknown))
    agent = ask.request.headers.get("user-agent", "")
    try:
        secret = hub.entrance.by_sign_on(
            account,
            strong=person.strong,
            fresh=kept.fresh,
            # whoever comes for the first time proves by what we know that it is his account
            unbound=unbound,
            address=ask.address,
            agent=agent,
        )
    except SecondStep as step:
        # behind the #, so that it stands in no server's log
        there = f"/login?to={quote(kept.to)}#second={step.ticket}&ways={','.join(step.ways)}"
        return RedirectResponse(there, 303, headers={"Cache-Control": "no-store"})
    except SignInRefused:
        return _back("disabled")
    answer = RedirectResponse(kept.to or "/", 303, headers={"Cache-Control": "no-store"})
    answer.headers["Set-Cookie"] = opened(hub, secret).headers["Set-Cookie"]
    return answer


def _account(ask: Ask, tx: Transaction, person: Person) -> tuple[str, Identity | None]:
    """The account bound to who came, and, where none is yet, who that is: to be bound once proved.
    An account that has nothing to prove it by is bound now."""
    connection, who = tx.connection, Identity(person.issuer, person.subject)
    held = identity.find(connection, who)
    if held:
        identity.check(connection, held)
        return held, None
    if not identity.free(connection, who, person.account):
        return person.account, who
    identity.bind(connection, who, person.account, at=ask.hub.clock(), address=ask.address)
    return person.account, None


def _refused(ask: Ask, why: str, reason: str) -> Response:
    ask.hub.entrance.note("", ask.address, reason=f"sign-on: {reason}")
    return _back(why)
