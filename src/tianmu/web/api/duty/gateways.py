"""How people are reached: the pack's contact ladders, and the gateways for messages and calls."""

from __future__ import annotations

from typing import Annotated

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.command import delivery, provider
from tianmu.command.webhook import NoWebhook
from tianmu.facts.text import Text
from tianmu.store.records import Transaction
from tianmu.web.answer.problem import Problem
from tianmu.web.api.cases.due import LimitSaid
from tianmu.web.route.route import Ask, Asking, Routes, encode, taken

routes = Routes("contacts")
TRIAL = 10 * 60_000_000
"""µs after which a gateway need not try a test any more"""


class ProvidersSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The connections that messages and calls are handed to; empty: no provider set."""

    message: str
    call: str
    on: dict[str, bool]
    """whether each can be used now: its connection is on"""
    dead: dict[str, int]
    """messages that its connection has given up"""


class ProvidersAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    message: str = ""
    call: str = ""


class TrialAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Annotated[str, msgspec.Meta(pattern="^(message|call)$")]
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 -]{3,24}$")]
    """the number to reach: that of whoever tries it"""


class TrialSaid(msgspec.Struct, frozen=True, kw_only=True):
    webhook: str
    delivery: str
    """see what became of it at ``/api/webhooks/{webhook}/deliveries/{delivery}``"""


class RungSaid(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    wait: LimitSaid


class LadderSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A contact ladder as the pack sets it."""

    ladder: str
    name: Text
    levels: list[str]
    """levels of a case that start it"""
    alarm_priority: int
    """an alarm of this priority or a more urgent one starts it; 0: none does"""
    to: str
    """``lead``, ``centre:N`` or a department's code"""
    persons: int
    """so many of each unit are tried"""
    rungs: list[RungSaid]
    basis: str


@routes("GET", "/api/contact-ladders", may="webhook.read", gives=list[LadderSaid])
def list_ladders(ask: Asking) -> list[LadderSaid]:
    """The contact ladders of the pack: what starts them, whom they call, by what, how long each
    means waits."""
    return [
        LadderSaid(
            ladder=ladder.code,
            name=ladder.name,
            levels=list(ladder.levels),
            alarm_priority=ladder.alarm_priority,
            to=ladder.to,
            persons=ladder.persons,
            rungs=[
                RungSaid(by=rung.by, wait=LimitSaid(value=rung.wait.value, unit=rung.wait.unit))
                for rung in ladder.rungs
            ],
            basis=ladder.basis,
        )
        for ladder in ask.hub.city.contact.ladders
    ]


@routes(
    "POST",
    "/api/contact-providers/trial",
    may="webhook.write",
    takes=TrialAsked,
    gives=TrialSaid,
    status=201,
    example={"kind": "call", "phone": "0519 8700 0000"},
)
def try_contact_provider(
    ask: Asking, body: Annotated[TrialAsked, Depends(taken(TrialAsked))]
) -> TrialSaid:
    """Have a gateway reach a number, with words that say that it is a test."""
    hub, at = ask.hub, ask.hub.clock()

    def write(tx: Transaction) -> TrialSaid:
        via = provider.ready(tx.connection).get(body.kind, "")
        if not via:
            raise Problem(
                409, "no-provider", f"no connection for {body.kind} is set, or it is off",
                "name one that is on: PUT /api/contact-providers",
            )  # fmt: skip
        told = provider.trial(body.kind, ask.who.account, body.phone, at + TRIAL)
        made = delivery.of_trial(via, told.type, encode(told), at, at + TRIAL)
        delivery.keep(tx.connection, [made])
        ask.note(tx, "contact.trial", via, kind=body.kind)
        return TrialSaid(webhook=via, delivery=made.delivery)

    made = hub.records.transact(write)
    hub.deliverer.changed()
    return made


def _providers(ask: Ask) -> ProvidersSaid:
    def look(connection: sa.Connection) -> ProvidersSaid:
        given, ready = provider.given(connection), provider.ready(connection)
        counts = delivery.counts(connection)
        return ProvidersSaid(
            message=given.get("message", ""),
            call=given.get("call", ""),
            on={kind: kind in ready for kind in given},
            dead={kind: counts.get(name, {}).get("dead", 0) for kind, name in given.items()},
        )

    return ask.hub.records.read(look)


@routes("GET", "/api/contact-providers", may="webhook.read", gives=ProvidersSaid)
def get_contact_providers(ask: Asking) -> ProvidersSaid:
    """The gateways for messages and calls. Where none is set, ladders say so and go on."""
    return _providers(ask)


@routes(
    "PUT",
    "/api/contact-providers",
    may="webhook.approve",
    takes=ProvidersAsked,
    gives=ProvidersSaid,
    example={"message": "w3f0a1", "call": ""},
)
def put_contact_providers(
    ask: Asking, body: Annotated[ProvidersAsked, Depends(taken(ProvidersAsked))]
) -> ProvidersSaid:
    """Name the connection (`POST /api/webhooks`, with `events` = `contact`) that messages and calls
    are handed to; an empty one unsets it. It gets names and numbers in clear, so whoever makes
    connections does not say which."""
    wanted = {kind: name for kind in provider.KINDS if (name := getattr(body, kind))}

    def write(tx: Transaction) -> None:
        provider.put(tx.connection, wanted, ask.who.account, ask.hub.clock())
        ask.note(tx, "contact.providers", **wanted)

    try:
        ask.hub.records.transact(write)
    except NoWebhook as error:
        raise Problem(
            422, "invalid", str(error), "make the connection first: POST /api/webhooks"
        ) from error
    ask.hub.manage.look_again()
    return _providers(ask)
