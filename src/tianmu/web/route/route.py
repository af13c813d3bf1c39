"""A route says what permission it needs, what it takes and what it gives; this makes it so.

``Routes`` puts FastAPI around plain functions: the permission is checked before anything of the
request is read, bodies are decoded and checked by msgspec, answers are encoded by msgspec (the
same structs that push sends), and all of it stands in the OpenAPI document.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from tianmu.access import audit
from tianmu.access.masking import mask_text
from tianmu.access.scope import Extent, Principal, may
from tianmu.store.records import Transaction
from tianmu.web.answer.language import asked_for
from tianmu.web.answer.problem import Fault, Problem, changed
from tianmu.web.bounds.limit import COOKIE

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

PUBLIC = "public"
"""declared permission of routes that anybody may ask"""
SIGNED_IN = "signed-in"
"""declared permission of routes for anybody who is signed in, whatever their role"""

BODY_MOST = 4 << 20
"""bytes of a JSON body"""

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S")
_encoder = msgspec.json.Encoder(order="deterministic")


def encode(value: Any) -> bytes:
    """JSON as the API writes it."""
    return _encoder.encode(value)


@dataclass(frozen=True)
class Ask:
    """Who asks what of which hub."""

    hub: Hub
    who: Principal
    address: str
    request: Request

    @property
    def language(self) -> str:
        """What the page is shown in, or else what the account speaks."""
        return asked_for(self.request.headers) or self.who.language

    def may(self, permission: str, extent: Extent | None = None) -> bool:
        return may(self.who, permission, extent)

    def note(
        self,
        tx: Transaction,
        verb: str,
        object: str = "",
        *,
        outcome: str = "done",
        **detail: Any,
    ) -> None:
        """Write to the audit trail in the transaction of what is recorded; a reason may name
        somebody, and whoever reads the trail has no business with their number."""
        if isinstance(reason := detail.get("reason"), str):
            detail["reason"] = mask_text(reason)
        audit.append(
            tx.connection,
            at=self.hub.clock(),
            actor=self.who.account,
            role=self.who.role,
            address=self.address,
            verb=verb,
            object=object,
            outcome=outcome,
            detail=detail,
        )

    def refused(self, verb: str, object: str, **detail: Any) -> None:
        """Write a refusal to the trail, in a transaction of its own."""
        self.hub.records.transact(
            lambda tx: self.note(tx, verb, object, outcome="refused", **detail)
        )

    def if_match(self) -> int | None:
        """The version in ``If-Match``; None where the caller does not care."""
        given = self.request.headers.get("if-match", "").strip()
        if given in {"", "*"}:
            return None
        plain = given.removeprefix("W/").strip('"')
        if not plain.isdecimal():
            raise Problem(
                400, "bad-etag", f"If-Match {given} is no ETag of ours", "send the ETag as it came"
            )
        return int(plain)

    def check_match(self, version: int) -> None:
        """412 unless ``If-Match`` is absent or names this version."""
        given = self.if_match()
        if given is not None and given != version:
            raise changed(version, given)


@dataclass(frozen=True)
class Reply:
    """An answer that needs more than its body."""

    body: Any = None
    status: int = 200
    etag: int | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _no_session(hub: Hub) -> Problem:
    return Problem(
        401,
        "signed-out",
        "nobody is signed in, or the session is over",
        "sign in at /login, or send Authorization: Bearer with a token",
        headers={"WWW-Authenticate": 'Bearer realm="tianmu"'},
    )


def _bearer(request: Request) -> str:
    """The token in the header, or empty; whatever else stands there counts for nothing."""
    header = request.headers.get("authorization", "")
    return header[7:].strip() if header.lower().startswith("bearer ") else ""


def identify(request: Request) -> tuple[Hub, Principal | None]:
    """Who asks, by session cookie or bearer token; None for nobody."""
    hub: Hub = request.app.state.hub
    if token := _bearer(request):
        return hub, hub.sessions.token_principal(token)
    secret = request.cookies.get(COOKIE, "")
    return hub, hub.sessions.principal(secret) if secret else None


def guard(permission: str) -> Callable[[Request], Ask]:
    """The dependency that lets only those through who have ``permission``."""

    def check(request: Request) -> Ask:
        hub, who = identify(request)
        address = request.client.host if request.client else ""
        if permission == PUBLIC:
            return Ask(hub, who or hub.nobody, address, request)
        if who is None:
            raise _no_session(hub)
        ask = Ask(hub, who, address, request)
        _check_origin(ask)
        if permission != SIGNED_IN:
            _check_account(ask)
            _check_permission(ask, permission)
        return ask

    return check


def _changes(request: Request) -> bool:
    return request.method not in {"GET", "HEAD", "OPTIONS"}


def _check_origin(ask: Ask) -> None:
    """403 for an administrator from elsewhere, and for a change that another site may have made."""
    if not ask.hub.sessions.policy.admits(ask.who.roles, ask.address):
        raise Problem(
            403,
            "wrong-address",
            f"administrators do not work from {ask.address}",
            "use a machine that the city's pack names in admin_addresses",
        )
    ours = ask.request.headers.get("x-requested-with") == "tianmu"
    if _changes(ask.request) and not ours and not _bearer(ask.request):
        raise Problem(
            403,
            "forged",
            "a change by session cookie needs the header X-Requested-With: tianmu",
            "send it, so that no other site's page can make changes in your name",
        )


def _check_account(ask: Ask) -> None:
    """403 while the account has something to do first."""
    if ask.who.password == "expired":  # noqa: S105
        raise Problem(
            403,
            "password-expired",
            "the password is too old: nothing else is allowed before it is changed",
            "POST /api/session/password with the old and a new one",
        )
    if ask.who.factor == "needed":
        raise Problem(
            403,
            "second-factor-needed",
            "this account needs a second factor: nothing else is allowed before it has one",
            "enrol an app or a passkey: POST /api/session/factors/totp",
        )


def _check_permission(ask: Ask, permission: str) -> None:
    """403 without the permission; who tried to change something stands in the trail."""
    if permission in ask.who.permissions:
        return
    path = ask.request.url.path
    if _changes(ask.request):
        ask.refused("access.refused", path, permission=permission)
    raise Problem(
        403,
        "forbidden",
        f"{ask.request.method} {path} needs the permission {permission}, "
        f"which {' and '.join(ask.who.roles) or 'no role'} does not have",
        "ask a security administrator for a role that has it",
    )


def asking(request: Request) -> Ask:
    """The ``Ask`` that the guard of this route let through."""
    ask: Ask = request.state.ask
    return ask


Asking = Annotated[Ask, Depends(asking)]


def taken(sort: type[S]) -> Callable[[Request], Awaitable[S]]:
    """The dependency that reads a JSON body as ``sort``; a 422 problem names what does not fit."""
    decoder = msgspec.json.Decoder(sort)

    async def read(request: Request) -> S:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_MOST:
                raise Problem(
                    413,
                    "too-large",
                    f"the body has more than {BODY_MOST} bytes",
                    "send it in parts",
                )
        try:
            return decoder.decode(body or b"{}")
        except msgspec.ValidationError as error:
            what, _, path = str(error).partition(" - at ")
            where = f"body.{path.strip('`')}" if path else "body"
            raise Problem(
                422,
                "invalid",
                str(error),
                "mend what is named; /api/openapi.json says what is taken",
                faults=[Fault(where=where, what=what)],
            ) from error
        except msgspec.DecodeError as error:
            raise Problem(
                400, "not-json", f"the body is not JSON: {error}", "send application/json in UTF-8"
            ) from error

    return read


def respond(result: Any, status: int) -> Response:
    """Whatever a route's function returned, as a response."""
    if isinstance(result, Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(result, status)
    code = reply.status if isinstance(result, Reply) and reply.status != 200 else status
    headers = {"Cache-Control": "no-store", **reply.headers}
    if reply.etag is not None:
        headers["ETag"] = f'"{reply.etag}"'
    if reply.body is None:
        return Response(status_code=204 if code == 200 else code, headers=headers)
    return Response(encode(reply.body), code, media_type="application/json", headers=headers)


class Routes:
    """Routes of one noun."""

    def __init__(self, noun: str) -> None:
        self.router = APIRouter(tags=[noun])
        self.structs: list[Any] = []
        """types that stand in the OpenAPI document"""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        may: str,
        gives: Any = None,
        takes: Any = None,
        form: Any = None,
        example: Any = None,
        given: Any = None,
        status: int = 200,
        media: str = "application/json",
        also: Mapping[int, Any] | None = None,
    ) -> Callable[[F], F]:
        """Add a route. ``may`` is the permission; ``gives`` and ``takes`` the types of answer and
        body, or ``form`` the schema of a form; ``example`` an example of the body taken,
        ``given`` one of the answer; ``also`` the types of answers with another status."""

        self.structs += [one for one in (takes, gives, *(also or {}).values()) if one is not None]
        empty = gives is None and media == "application/json"
        code = 204 if empty else status
        said: dict[str, Any] = {"x-permission": may}
        if may != PUBLIC:
            said["security"] = [{"session": []}, {"token": []}]
        if takes is not None:
            said["requestBody"] = _body("application/json", _struct(takes), example)
        elif form is not None:
            said["requestBody"] = _body("multipart/form-data", form)
        answer = _struct(gives) if gives is not None else None if empty else {"type": "string"}
        said["responses"] = {str(code): _answer(media, answer, given)}
        for other, sort in (also or {}).items():
            said["responses"][str(other)] = _answer(media, _struct(sort))

        def add(function: F) -> F:
            check = guard(may)

            def let_in(request: Request) -> None:
                request.state.ask = check(request)

            told = inspect.cleandoc(function.__doc__ or "")
            needs = (
                {} if may in {PUBLIC, SIGNED_IN} else {"description": f"{told}\n\nNeeds `{may}`."}
            )
            self.router.add_api_route(
                path,
                _wrapped(function, status),
                methods=[method],
                operation_id=function.__name__,
                summary=told.partition("\n")[0].rstrip("."),
                dependencies=[Depends(let_in)],
                openapi_extra=said | needs,
                response_model=None,
                response_class=Response,
                status_code=code,
            )
            return function

        return add


def _struct(sort: Any) -> dict[str, Any]:
    """Stands for the schema of a type until the document is made (``openapi.py``)."""
    return {"x-struct": repr(sort)}


def _content(media: str, schema: Any, example: Any = None) -> dict[str, Any]:
    parts = {"schema": schema, "example": example}
    return {media: {name: part for name, part in parts.items() if part is not None}}


def _body(media: str, schema: Any, example: Any = None) -> dict[str, Any]:
    return {"required": True, "content": _content(media, schema, example)}


def _answer(media: str, schema: Any, example: Any = None) -> dict[str, Any]:
    content = _content(media, schema, example)
    return {"description": "Done", **({"content": content} if content[media] else {})}


def _wrapped(function: Callable[..., Any], status: int) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def later(*args: Any, **kwargs: Any) -> Response:
            return respond(await function(*args, **kwargs), status)

        return later

    @functools.wraps(function)
    def now(*args: Any, **kwargs: Any) -> Response:
        return respond(function(*args, **kwargs), status)

    return now
