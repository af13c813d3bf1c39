"""The OpenAPI 3.1 document: ``python -m tianmu.web.openapi > openapi.json``."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tianmu.web.problem import ProblemBody

TEMPLATE = "#/components/schemas/{name}"


def document(app: FastAPI, structs: Iterable[Any]) -> dict[str, Any]:
    """The document of ``app``, the msgspec types of its routes among the components."""
    wanted: list[Any] = [ProblemBody]
    for struct in structs:
        if struct not in wanted:
            wanted.append(struct)
    schemas, components = msgspec.json.schema_components(wanted, ref_template=TEMPLATE)
    by_type = dict(zip((repr(one) for one in wanted), schemas, strict=True))
    made = get_openapi(
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


def main() -> None:
    """Print the document."""
    from tianmu.web.app import describe

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(describe().openapi())) + b"\n")


if __name__ == "__main__":
    main()
