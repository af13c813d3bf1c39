"""Warnings for other machines: the Atom feed, CAP documents, the national format; CAP of others."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Query
from starlette.responses import Response

from tianmu.city.level.warning import NATIONAL_LANGUAGE
from tianmu.facts.warning import Message, Ring
from tianmu.prevent.warning import cap, feed, national, table
from tianmu.prevent.warning.national import NotNational
from tianmu.prevent.warning.table import NoWarning
from tianmu.prevent.words import phrase
from tianmu.sense.cap import codec, meaning
from tianmu.sense.cap import national as national_read
from tianmu.sense.cap.area import divisions
from tianmu.sense.cap.codec import NotCap
from tianmu.sense.cap.national import NotNational as NotReadable
from tianmu.web.answer import moment, unchanged
from tianmu.web.answer.moment import Instant
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.route.route import PUBLIC, Ask, Asking, Routes, taken

routes = Routes("warnings")
FOR_EVER = {"Cache-Control": "private, max-age=86400, immutable"}


def _may_read(ask: Ask) -> None:
    """Whoever has the permission; anybody where the pack opens the feed."""
    if ask.hub.city.warnings.open or ask.may("warning.read"):
        return
    if not ask.who.account:
        raise Problem(
            401,
            "signed-out",
            "this city's warnings are read with an account",
            "send Authorization: Bearer with a token; or set open in warnings.toml",
            headers={"WWW-Authenticate": 'Bearer realm="tianmu"'},
        )
    raise Problem(
        403, "forbidden", "this needs the permission warning.read", "ask for a role that has it"
    )


@routes("GET", "/api/warnings/feed.atom", may=PUBLIC, media=feed.MEDIA)
def get_warning_feed(ask: Asking, language: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Warnings in force as an Atom feed, a link to the CAP document with each; what was cancelled
    stays as its cancellation until it would have ended. Needs `warning.read` unless the pack opens
    it. With the last `ETag` in `If-None-Match`, or else the last `Last-Modified` in
    `If-Modified-Since`: 304 where nothing changed."""
    _may_read(ask)
    hub, now = ask.hub, ask.hub.clock()
    city = hub.city
    language = language if language in city.languages else city.languages[0]
    found = hub.records.read(lambda c: [*table.in_force(c, now), *table.ended(c, now)])
    last = hub.records.read(lambda connection: table.listed(connection, 0, 1))
    newest = [one.messages[-1] for one in found]
    changed = [one.changed_at for one in (*found, *(one for _, one in last))]
    # a message that follows another within its second bears the next one
    updated = max([*changed, *(one.sent for one in newest), 0])
    body = feed.document(
        newest,
        name=phrase("warning_feed", city=city.name.get(language, city.code)),
        author=city.warnings.name or city.name,
        language=language,
        base=str(ask.request.base_url).rstrip("/"),
        updated=updated,
    )
    seen = ask.hub.memory.setdefault("warning_feed", unchanged.Seen())
    tag, since = seen.look(f"{language} {ask.request.base_url}", body, now)
    headers = {
        "ETag": tag, "Last-Modified": unchanged.date(since), "Cache-Control": "no-cache",
        "Vary": "Authorization, Cookie",
    }  # fmt: skip
    if unchanged.holds(ask.request.headers, tag, since):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=feed.MEDIA, headers=headers)


@routes("GET", "/api/warnings/cap/{identifier}.xml", may=PUBLIC, media=cap.MEDIA)
def get_warning_cap(ask: Asking, identifier: str) -> Response:
    """A published message as OASIS CAP 1.2: the same for ever. Needs `warning.read` unless the pack
    opens it."""
    _may_read(ask)
    body = cap.document(_message(ask, identifier))
    return Response(body, media_type=cap.MEDIA, headers=FOR_EVER)


@routes("GET", "/api/warnings/national/{identifier}.xml", may=PUBLIC, media="application/xml")
def get_warning_national(ask: Asking, identifier: str) -> Response:
    """A published message in the Chinese national format. Needs `warning.read` unless the pack
    opens it; 409 where the pack had no codes for it."""
    _may_read(ask)
    try:
        body = national.document(_message(ask, identifier))
    except NotNational as error:
        raise Problem(409, "no-national-code", str(error), error.remedy) from error
    return Response(body, media_type="application/xml", headers=FOR_EVER)


def _message(ask: Ask, identifier: str) -> Message:
    try:
        return ask.hub.records.read(lambda connection: table.message(connection, identifier))
    except NoWarning as error:
        raise not_found("published warning", identifier) from error


class CapGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    xml: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000_000)]
    """one message: CAP 1.2, 1.1 or 1.0, or the Chinese national format"""


class CapTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What another body's message says, to be drafted from. Nothing is kept of it."""

    format: str
    """``cap`` or ``national``"""
    identifier: str
    sender: str
    sent: Instant | None
    status: str
    kind: str
    colour: str
    """by the pack's severities, empty where none fits"""
    event: str
    headline: dict[str, str]
    description: dict[str, str]
    instruction: dict[str, str]
    urgency: str
    certainty: str
    onset: Instant | None
    expires: Instant | None
    divisions: list[str]
    """where it holds here, by its codes, outlines, names"""
    rings: list[Ring]
    restriction: str
    """for whom it is, where it is not for the public"""


@routes(
    "POST", "/api/warnings/read", may="warning.draft", takes=CapGiven, gives=CapTaken,
    example={"xml": '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">…</alert>'},
)  # fmt: skip
def read_warning(ask: Asking, body: Annotated[CapGiven, Depends(taken(CapGiven))]) -> CapTaken:
    """Read a message of another body, as a draft to take over. 422 says which element is wrong and
    what would mend it."""
    data = body.xml.encode("utf-8", "surrogatepass")
    try:
        if "xmlns" in body.xml[:4000]:
            return _cap(ask, codec.read(data))
        return _national(ask, national_read.read(data))
    except (NotCap, NotReadable) as error:
        raise Problem(422, "not-cap", str(error), error.remedy) from error


def _cap(ask: Ask, alert: codec.CapAlert) -> CapTaken:
    city = ask.hub.city
    known: dict[str, Any] = {}
    for info in alert.infos:
        language = info.language.lower().split("-")[0]
        known.setdefault(language if language in city.languages else city.languages[0], info)
    first = next(iter(alert.infos), None)
    areas = first.areas if first else ()
    here, _ = divisions(city, areas)
    return CapTaken(
        format="cap",
        identifier=alert.identifier,
        sender=alert.sender,
        sent=moment.say(alert.sent),
        status=alert.status,
        kind=alert.kind,
        colour=meaning.colour(city, first) if first else "",
        event=(meaning.event(city, first) or first.event) if first else "",
        headline={key: one.headline or one.event for key, one in known.items()},
        description={key: one.description for key, one in known.items() if one.description},
        instruction={key: one.instruction for key, one in known.items() if one.instruction},
        urgency=first.urgency if first else "Unknown",
        certainty=first.certainty if first else "Unknown",
        onset=moment.say(first.onset) if first else None,
        expires=moment.say(first.expires) if first else None,
        divisions=list(here),
        rings=[ring for one in areas for ring in one.rings],
        restriction=meaning.restriction(alert),
    )


def _national(ask: Ask, told: national_read.NationalWarning) -> CapTaken:
    city = ask.hub.city
    events = {one.national: one.code for one in city.warnings.events.values() if one.national}
    language = NATIONAL_LANGUAGE if NATIONAL_LANGUAGE in city.languages else city.languages[0]
    return CapTaken(
        format="national",
        identifier=told.identifier,
        sender=told.sender,
        sent=moment.say(told.sent),
        status=told.status,
        kind=told.kind,
        colour=told.colour,
        event=events.get(told.event, told.event),
        headline={language: told.headline},
        description={language: told.description} if told.description else {},
        instruction={},
        urgency="Unknown",
        certainty="Unknown",
        onset=None,
        expires=moment.say(told.expires),
        divisions=[code for code in told.divisions if code in city.divisions],
        rings=[],
        restriction="",
    )
