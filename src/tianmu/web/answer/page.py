"""Lists: a page of items and an opaque cursor of the next one."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import msgspec
from fastapi import Query

from tianmu.web.answer.problem import Problem

T = TypeVar("T")

MOST = 500
"""items of one page"""
LARGEST = 1 << 63
"""whole numbers of a key are below it: what the database holds"""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """``next`` is the cursor of the page after this one, null at the end; ``total`` counts all
    items where that is cheap, else null."""

    items: list[T]
    next: str | None = None
    total: int | None = None


Limit: TypeAlias = Annotated[int, Query(ge=1, le=MOST, description="most items of the page")]
Cursor: TypeAlias = Annotated[
    str | None, Query(max_length=1000, description="`next` of the page before")
]


def write(*key: Any) -> str:
    """The cursor of whatever comes after ``key``."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(key)).decode().rstrip("=")


def read(cursor: str | None, *types: Any) -> tuple[Any, ...] | None:
    """The key in a cursor, checked against ``types``; None for none. A 400 problem for what is no
    cursor of this list."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key: tuple[Any, ...] = msgspec.msgpack.decode(raw, type=_tuple_of(types))
    except (binascii.Error, msgspec.MsgspecError, ValueError, UnicodeError) as error:
        raise bad_cursor() from error
    if any(isinstance(one, int) and not -LARGEST <= one < LARGEST for one in key):
        raise bad_cursor()
    return key


def _tuple_of(types: tuple[Any, ...]) -> Any:
    return tuple.__class_getitem__(types)


def bad_cursor() -> Problem:
    """400: not a cursor of this list."""
    return Problem(
        400,
        "bad-cursor",
        "the cursor is none of this list",
        "begin without a cursor and follow `next` from page to page",
    )
