"""Connections to departments' own systems: who is told of what, at which address."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.command import delivery, webhook
from tianmu.command.message import EVENTS
from tianmu.command.webhook import Changed, NotApproved, NoWebhook, Webhook
from tianmu.facts import address
from tianmu.facts.address import Forbidden
from tianmu.facts.text import Text
from tianmu.facts.topic import CASE, WARNING
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.page import Page
from tianmu.web.answer.place import department_name
from tianmu.web.answer.problem import Fault, Problem, changed, not_found
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("webhooks")
HOSTS = 200
MOST = 500
"""receivers of one city"""


class WebhookSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver; its secret is never shown again."""

    webhook: str
    name: str
    department: str
    department_name: Text | None
    url: str
    """where it is sent to; empty: no address was approved yet"""
    proposed: str
    """an address that waits for a security administrator's approval"""
    proposed_by: str
    events: list[str]
    """steps of cases; empty: all"""
    on: bool
    note: str
    """why it is off"""
    waiting: int
    dead: int
    """letters that were given up: look at them, redeliver or discard them"""
    done: int
    """taken, within the days that are kept"""
    older_until: Instant | None
    """until when the secret before is valid beside the new one"""
    created_at: Instant | None
    actor: str
    version: int


class WebhookMade(msgspec.Struct, frozen=True, kw_only=True):
    webhook: WebhookSaid
    secret: str
    """shown this once"""


class WebhookAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    department: str
    url: str
    events: Annotated[list[str], msgspec.Meta(max_length=100)] = []


class WebhookChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    url: str | None = None
    events: Annotated[list[str], msgspec.Meta(max_length=100)] | None = None
    on: bool | None = None
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """why it is switched off"""


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str
    """the address, as it waits: what is approved is what was looked at"""


class HostsSaid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    hosts: Annotated[list[str], msgspec.Meta(max_length=HOSTS)]
    """names, addresses and networks that may be called though they are not public, or without
    TLS"""


EXAMPLE = {
    "name": "Fire brigade, own dispatch",
    "department": "fire",
    "url": "https://dispatch.fire.example/tianmu",
    "events": ["order", "cancel", "urge", "close"],
}


def said(hub: Hub, one: Webhook, counts: dict[str, int]) -> WebhookSaid:
    return WebhookSaid(
        webhook=one.webhook,
        name=one.name,
        department=one.department,
        department_name=department_name(hub.city, one.department),
        url=one.url,
        proposed=one.proposed,
        proposed_by=one.proposed_by,
        events=one.events,
        on=one.on,
        note=one.note,
        waiting=counts.get("waiting", 0),
        dead=counts.get("dead", 0),
        done=counts.get("done", 0),
        older_until=moment.say(one.older_until) if one.older_until > hub.clock() else None,
        created_at=moment.say(one.created_at),
        actor=one.actor,
        version=one.version,
    )


def held(ask: Ask, name: str) -> Webhook:
    """The receiver; 404 where there is none."""
    try:
        return ask.hub.records.read(lambda connection: webhook.get(connection, name))
    except NoWebhook as error:
        raise not_found("webhook", name) from error


def _counted(ask: Ask, one: Webhook) -> WebhookSaid:
    counts = ask.hub.records.read(delivery.counts)
    return said(ask.hub, one, counts.get(one.webhook, {}))


def head(hub: Hub) -> int:
    """Position of the last event of any case or warning: both stand in one file."""
    journal = hub.journal()
    try:
        return max(journal.last(CASE.name), journal.last(WARNING.name))
    finally:
        if (close := getattr(journal, "close", None)) is not None:
            close()


def _bad(field: str, what: str, remedy: str) -> Problem:
    fault = Fault(where=f"body.{field}", what=what)
    return Problem(422, "invalid", f"{field}: {what}", remedy, faults=[fault])


def _check_url(ask: Ask, url: str) -> None:
    try:
        address.check(url, ask.hub.records.read(webhook.allowed))
    except Forbidden as error:
        raise _bad("url", str(error), "mend it, or have the host allowed") from error


def _check_events(events: list[str]) -> None:
    unknown = sorted(set(events) - EVENTS)
    if unknown:
        raise _bad(
            "events",
            f"there is no event {', '.join(unknown)[:200]}",
            f"choose among {', '.join(sorted(EVENTS))}, or none for all",
        )


@routes("GET", "/api/webhooks", may="webhook.read", gives=Page[WebhookSaid])
def list_webhooks(ask: Asking) -> Page[WebhookSaid]:
    """All receivers, each with how many messages wait for it, were taken, or are dead letters."""

    def read(connection: sa.Connection) -> tuple[list[Webhook], dict[str, dict[str, int]]]:
        return webhook.listed(connection), delivery.counts(connection)

    found, counts = ask.hub.records.read(read)
    return Page(
        items=[said(ask.hub, one, counts.get(one.webhook, {})) for one in found], total=len(found)
    )


@routes(
    "POST",
    "/api/webhooks",
    may="webhook.write",
    takes=WebhookAsked,
    gives=WebhookMade,
    status=201,
    example=EXAMPLE,
)
def make_webhook(
    ask: Asking, body: Annotated[WebhookAsked, Depends(taken(WebhookAsked))]
) -> WebhookMade:
    """Tell a department's own system of its cases, once a security administrator has approved the
    address. The secret is shown this once."""
    hub = ask.hub
    if body.department not in hub.city.departments:
        raise _bad(
            "department",
            f"the pack has no department {body.department[:80]!r}",
            "give the code of one: /api/city lists them",
        )
    _check_url(ask, body.url)
    _check_events(body.events)

    def make(tx: Transaction) -> tuple[Webhook, str]:
        if len(webhook.listed(tx.connection)) >= MOST:
            raise Problem(409, "too-many", f"a city has at most {MOST} webhooks", "change one")
        made = webhook.make(
            tx,
            hub.keys,
            name=body.name,
            department=body.department,
            url=body.url,
            events=body.events,
            actor=ask.who.account,
            at=hub.clock(),
        )
        ask.note(tx, "webhook.make", made[0].webhook, department=body.department, url=body.url)
        return made

    made, secret = hub.records.transact(make)
    hub.deliverer.changed()
    return WebhookMade(webhook=said(hub, made, {}), secret=secret)


@routes("GET", "/api/webhooks/hosts", may="webhook.read", gives=HostsSaid)
def get_webhook_hosts(ask: Asking) -> HostsSaid:
    """What may be called though it is not a public address, or without TLS."""
    return HostsSaid(hosts=ask.hub.records.read(webhook.hosts))


@routes(
    "POST",
    "/api/webhooks/hosts",
    may="webhook.write",
    takes=HostsSaid,
    gives=HostsSaid,
    example={"hosts": ["10.20.0.0/16", "oa.city.lan"]},
)
def set_webhook_hosts(
    ask: Asking, body: Annotated[HostsSaid, Depends(taken(HostsSaid))]
) -> HostsSaid:
    """Allow these and no others: department networks that are not public, hosts without TLS."""
    try:
        wanted = sorted({address.entry(one) for one in body.hosts})
    except Forbidden as error:
        raise _bad("hosts", str(error), "mend what is named") from error

    def write(tx: Transaction) -> None:
        webhook.set_hosts(tx.connection, wanted, at=ask.hub.clock(), actor=ask.who.account)
        ask.note(tx, "webhook.hosts", hosts=wanted)

    ask.hub.records.transact(write)
    ask.hub.deliverer.changed()
    return HostsSaid(hosts=wanted)


@routes("GET", "/api/webhooks/{name}", may="webhook.read", gives=WebhookSaid)
def get_webhook(ask: Asking, name: str) -> Reply:
    """One receiver."""
    one = held(ask, name)
    return Reply(_counted(ask, one), etag=one.version)


@routes(
    "POST",
    "/api/webhooks/{name}",
    may="webhook.write",
    takes=WebhookChange,
    gives=WebhookSaid,
    example={"on": False, "note": "moves to another machine until Friday"},
)
def change_webhook(
    ask: Asking, name: str, body: Annotated[WebhookChange, Depends(taken(WebhookChange))]
) -> Reply:
    """Change a receiver, switch it off or on. What waits for it stays; of what happens while it
    is off it is not told. Another address waits for a security administrator's approval; until
    then messages go to the one before."""
    before = held(ask, name)
    values: dict[str, Any] = {
        key: value
        for key in ("name", "url", "events", "on")
        if (value := getattr(body, key)) is not None
    }
    if body.url is not None and body.url != before.url:
        _check_url(ask, body.url)
    if body.events is not None:
        _check_events(body.events)
        values["events"] = sorted(set(body.events))
    if body.on is False:
        values["note"] = body.note
    at, version = head(ask.hub), ask.if_match()

    def write(tx: Transaction) -> Webhook:
        after = webhook.change(tx, name, head=at, actor=ask.who.account, version=version, **values)
        ask.note(tx, "webhook.change", name, reason=body.note, **values)
        return after

    try:
        after = ask.hub.records.transact(write)
    except Changed as error:
        raise changed(error.version, version or 0) from error
    except NotApproved as error:
        raise _not_approved(error) from error
    ask.hub.deliverer.changed()
    return Reply(_counted(ask, after), etag=after.version)


def _not_approved(error: NotApproved) -> Problem:
    return Problem(
        409, "not-approved", str(error), "a security administrator approves it: /approve"
    )


@routes(
    "POST",
    "/api/webhooks/{name}/approve",
    may="webhook.approve",
    takes=Approval,
    gives=WebhookSaid,
    example={"url": "https://dispatch.fire.example/tianmu"},
)
def approve_webhook(
    ask: Asking, name: str, body: Annotated[Approval, Depends(taken(Approval))]
) -> Reply:
    """Let cases be sent to an address that a system administrator proposed: nobody alone says where
    they go."""
    held(ask, name)
    _check_url(ask, body.url)
    at, actor = head(ask.hub), ask.who.account

    def write(tx: Transaction) -> Webhook:
        after = webhook.approve(tx, name, body.url, actor=actor, head=at)
        ask.note(tx, "webhook.approve", name, url=body.url)
        return after

    try:
        after = ask.hub.records.transact(write)
    except NotApproved as error:
        ask.refused("webhook.approve", name, url=body.url)
        raise _not_approved(error) from error
    ask.hub.deliverer.changed()
    return Reply(_counted(ask, after), etag=after.version)


@routes("POST", "/api/webhooks/{name}/rotate", may="webhook.write", gives=WebhookMade)
def rotate_webhook(ask: Asking, name: str) -> WebhookMade:
    """A new secret, shown this once. The one before is valid beside it for the pack's
    `old_secret_h`: messages carry a signature of each."""
    held(ask, name)
    hub = ask.hub

    def write(tx: Transaction) -> tuple[Webhook, str]:
        made = webhook.rotate(
            tx.connection,
            hub.keys,
            name,
            at=hub.clock(),
            old_for_h=hub.city.outbound.old_secret_h,
        )
        ask.note(tx, "webhook.rotate", name)
        return made

    after, secret = hub.records.transact(write)
    hub.deliverer.changed()
    return WebhookMade(webhook=_counted(ask, after), secret=secret)
