"""All routes without a hub, and their OpenAPI 3.1 document.

``python -m tianmu.web.openapi > openapi.json`` prints it.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi as described
from starlette.responses import HTMLResponse, Response

import tianmu
from tianmu.web.answer import problem
from tianmu.web.answer.problem import ProblemBody
from tianmu.web.nouns import NOUNS
from tianmu.web.route.route import PUBLIC, encode

DESCRIPTION = """The city over HTTP.

Lists come in pages: follow `next` as `cursor`. Entities carry an `ETag`; send it as `If-Match`
with a change and nobody is overwritten. Errors are `application/problem+json` (RFC 9457) with a
`remedy`. Changes by session cookie need the header `X-Requested-With: tianmu`; programs send
`Authorization: Bearer`. Live data come by `GET /api/push` (server-sent events)."""
TEMPLATE = "#/components/schemas/{name}"


def document(app: FastAPI, structs: Iterable[Any]) -> dict[str, Any]:
    """The document of ``app``, the msgspec types of its routes among the components."""
    wanted: list[Any] = [ProblemBody]
    for struct in structs:
        if struct not in wanted:
            wanted.append(struct)
    schemas, components = msgspec.json.schema_components(wanted, ref_template=TEMPLATE)
    by_type = dict(zip((repr(one) for one in wanted), schemas, strict=True))
    made = described(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        openapi_version="3.1.0",
    )
    # a validation error is a problem here, not FastAPI's own shape
    known = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        known.pop(name, None)
    known.update(components)
    made["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "tianmu_session"},
        "token": {"type": "http", "scheme": "bearer"},
    }
    for path in made.get("paths", {}).values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "What went wrong, where, and how to mend it (RFC 9457)",
                "content": {
                    "application/problem+json": {"schema": by_type[repr(ProblemBody)]},
                },
            }
    resolved: dict[str, Any] = _resolved(made, by_type)
    return resolved


def _resolved(node: Any, by_type: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        if "x-struct" in node:
            return by_type[node["x-struct"]]
        return {key: _resolved(value, by_type) for key, value in node.items()}
    if isinstance(node, list):
        return [_resolved(one, by_type) for one in node]
    return node


def page(made: dict[str, Any]) -> str:
    """The document as a plain page that needs no script: each route, who may, what it does."""
    rows = []
    for path, operations in sorted(made.get("paths", {}).items()):
        for method, one in operations.items():
            rows.append(
                f"<tr><td>{method.upper()}<td><code>{html.escape(path)}</code>"
                f"<td><code>{html.escape(one.get('x-permission', ''))}</code>"
                f"<td>{html.escape(one.get('summary', ''))}"
            )
    return (
        "<!doctype html><meta charset=utf-8><title>Tianmu API</title>"
        "<style>body{font:15px/1.5 sans-serif;margin:2em auto;max-width:75em}"
        "td{padding:.2em .8em;vertical-align:top}</style>"
        "<h1>Tianmu API</h1><p><a href=/api/openapi.json>openapi.json</a>"
        f"<table>{''.join(rows)}</table>"
    )


class _Api(FastAPI):
    """Answers its description as ``document`` makes it, made once."""

    @cached_property
    def document(self) -> dict[str, Any]:
        return document(self, [one for routes in NOUNS for one in routes.structs])

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
        return Response(encode(app.document), media_type="application/json")

    @app.get("/api/docs", include_in_schema=False, openapi_extra={"x-permission": PUBLIC})
    def get_docs() -> Response:
        return HTMLResponse(page(app.document))

    problem.install(app)
    return app


def main() -> None:
    """Print the document."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(describe().openapi())) + b"\n")


if __name__ == "__main__":
    main()
