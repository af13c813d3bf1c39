"""The application: routes, push, tiles and UI around one hub.

``create_app(hub)`` is what hub serves; ``describe()`` the same without a hub, for the OpenAPI
document alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import tianmu
from tianmu.facts import shapes
from tianmu.web import openapi, problem
from tianmu.web.api import bulk, case_print, filters, hazards, rooms, shifts, warnings
from tianmu.web.files import Files, policy
from tianmu.web.hub import Hub
from tianmu.web.limit import Limits
from tianmu.web.nouns import NOUNS
from tianmu.web.push import Push
from tianmu.web.route import PUBLIC
from tianmu.web.tiles import Tiles

DESCRIPTION = """The city over HTTP.

Lists come in pages: follow `next` as `cursor`. Entities carry an `ETag`; send it as `If-Match`
with a change and nobody is overwritten. Errors are `application/problem+json` (RFC 9457) with a
`remedy`. Changes by session cookie need the header `X-Requested-With: tianmu`; programs send
`Authorization: Bearer`. Live data come by `GET /api/push` (server-sent events)."""


class Headers:
    """ASGI middleware: what every answer says to browsers."""

    def __init__(self, app: ASGIApp, *, hub: Hub, secure: bool) -> None:
        self._app, self._hub = app, hub
        self._always = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(self), geolocation=(self)",
        }
        if secure:
            self._always["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def say(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = self._hub.city.basemap
                headers.setdefault(
                    "Content-Security-Policy", policy(*own.origins) if own else policy()
                )
                for name, value in self._always.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, say)


class _Api(FastAPI):
    """Answers its description as ``openapi.document`` makes it, made once."""

    @cached_property
    def document(self) -> dict[str, Any]:
        return openapi.document(self, [one for routes in NOUNS for one in routes.structs])

    def openapi(self) -> dict[str, Any]:
        return self.document


def describe() -> FastAPI:
    """All routes, without a hub behind them."""
    app = _Api(
        title="Tianmu",
        version=tianmu.__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    for routes in NOUNS:
        app.include_router(routes.router)

    @app.get("/api/openapi.json", include_in_schema=False, openapi_extra={"x-permission": PUBLIC})
    def get_openapi() -> Response:
        from tianmu.web.route import encode

        return Response(encode(app.document), media_type="application/json")

    @app.get("/api/docs", include_in_schema=False, openapi_extra={"x-permission": PUBLIC})
    def get_docs() -> Response:
        return HTMLResponse(openapi.page(app.document))

    problem.install(app)
    return app


def create_app(hub: Hub) -> FastAPI:
    """The application of a running hub, whose ``manage`` has started."""
    shapes.learn()
    shifts.bring(hub)
    bulk.bring(hub)
    case_print.bring(hub)
    rooms.bring(hub)
    hub.deliverer.bring()
    filters.bring(hub)
    warnings.bring(hub)
    hazards.bring(hub)
    app = describe()
    files = Files(hub.ui)
    hub.memory["tiles"] = tiles = Tiles(hub)
    push = Push(hub, version=f"{hub.version}-{files.version()}")
    app.state.hub, app.state.push = hub, push

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        # a large city's devices are sorted before the first map is asked for, not on a request
        sorting = asyncio.create_task(asyncio.to_thread(tiles.picture))
        async with push.running(), hub.deliverer.running():
            yield
        await asyncio.gather(sorting, return_exceptions=True)
        bulk.close(hub)
        hub.close()

    app.router.lifespan_context = life

    @app.get("/api/{path:path}", include_in_schema=False, openapi_extra={"x-permission": PUBLIC})
    def no_such(path: str) -> Response:
        raise problem.Problem(
            404,
            "not-found",
            f"the API has no /api/{path}",
            "/api/openapi.json lists all it has",
        )

    @app.get("/{path:path}", include_in_schema=False, openapi_extra={"x-permission": PUBLIC})
    def page(request: Request, path: str) -> Response:
        return files.answer(request, path)

    app.add_middleware(Limits, known=hub.sessions.knows, rates=hub.rates, memory=hub.memory)
    # not with an authority of our own: whoever removes the city's folder, and with it the
    # authority, could not even look at what comes after it
    app.add_middleware(Headers, hub=hub, secure=hub.secure and hub.authority is None)
    return app
