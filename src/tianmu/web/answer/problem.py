"""Errors as the field writes them: ``application/problem+json`` (RFC 9457).

Every error says what is wrong (``title``, ``detail``), where (``instance``, ``faults``) and how to
mend it (``remedy``). ``type`` is a URI reference into the documentation.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tianmu.store.records import DiskFull
from tianmu.web.answer.language import asked_for, translated

MEDIA = "application/problem+json"
log = logging.getLogger("tianmu.web")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a request."""

    where: str
    """``query.limit``, ``body.$.place.longitude``, …"""
    what: str


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 with the members ``remedy`` and ``faults``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    remedy: str = ""
    faults: list[Fault] = []


class Problem(Exception):
    """Raised anywhere in a request; becomes the answer."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        remedy: str = "",
        *,
        faults: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.remedy = status, kind, detail, remedy
        self.faults, self.headers = faults or [], dict(headers or {})


def not_found(what: str, name: str) -> Problem:
    """404: there is none of this name, or not for this account (nobody learns which)."""
    return Problem(
        404,
        "not-found",
        f"there is no {what} {name!r} that this account may see",
        "check the name; ask for the list to see what there is",
    )


def changed(version: int, given: int) -> Problem:
    """412: somebody else was first."""
    return Problem(
        412,
        "changed",
        f"it is in version {version} now, not in {given}",
        "read it again, then decide again with its ETag in If-Match",
    )


def answer(
    status: int,
    kind: str,
    detail: str,
    remedy: str = "",
    *,
    instance: str,
    faults: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
    language: str = "",
) -> Response:
    """The response of a problem, in ``language`` where it is one of ours."""
    body = ProblemBody(
        type=f"/docs/api#{kind}",
        title=translated(HTTPStatus(status).phrase, language),
        status=status,
        detail=translated(detail, language),
        instance=instance,
        remedy=translated(remedy, language),
        faults=[
            Fault(where=one.where, what=translated(one.what, language)) for one in faults or []
        ],
    )
    return Response(
        msgspec.json.encode(body),
        status,
        media_type=MEDIA,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _where(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location)


_REMEDIES = {
    404: "check the address; /api/openapi.json lists them all",
    405: "use another method; /api/openapi.json lists them",
}


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DiskFull, _full)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return answer(
        error.status,
        error.kind,
        error.detail,
        error.remedy,
        instance=request.url.path,
        faults=error.faults,
        headers=error.headers,
        language=asked_for(request.headers),
    )


async def _invalid(request: Request, error: Exception) -> Response:
    """What a route takes was given wrong."""
    assert isinstance(error, RequestValidationError)
    faults = [Fault(where=_where(one["loc"]), what=str(one["msg"])) for one in error.errors()]
    return answer(
        422,
        "invalid",
        "; ".join(f"{fault.where}: {fault.what}" for fault in faults),
        "mend what is named; /api/openapi.json says what is taken",
        instance=request.url.path,
        faults=faults,
        language=asked_for(request.headers),
    )


async def _http(request: Request, error: Exception) -> Response:
    """No such address, no such method."""
    assert isinstance(error, HTTPException)
    return answer(
        error.status_code,
        HTTPStatus(error.status_code).name.lower().replace("_", "-"),
        f"{request.method} {request.url.path}: {error.detail}",
        _REMEDIES.get(error.status_code, ""),
        instance=request.url.path,
        headers=error.headers,
        language=asked_for(request.headers),
    )


async def _full(request: Request, error: Exception) -> Response:
    return answer(
        507,
        "disk-full",
        str(error),
        "make room on the disk of the data folder; writing goes on by itself",
        instance=request.url.path,
        headers={"Retry-After": "30"},
        language=asked_for(request.headers),
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(
        500,
        "internal",
        "this should not have happened; it was written to the log",
        "try again; if it stays, send the log of hub to whoever runs the city",
        instance=request.url.path,
        language=asked_for(request.headers),
    )
