"""The application: routes, push, tiles and UI around one hub.

``create_app(hub)`` is what hub serves; its routes alone are ``openapi.describe()``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tianmu.facts import shapes
from tianmu.web.answer import problem
from tianmu.web.api.cases import filters, rooms
from tianmu.web.api.cases import printing as case_print
from tianmu.web.api.devices import bulk
from tianmu.web.api.duty import shifts
from tianmu.web.api.hazards import hazards
from tianmu.web.api.warnings import warnings
from tianmu.web.bounds.limit import Limits
from tianmu.web.files import Files, policy
from tianmu.web.hub import Hub
from tianmu.web.map.tiles import Tiles
from tianmu.web.openapi import describe
from tianmu.web.push.push import Push
from tianmu.web.route.route import PUBLIC


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
