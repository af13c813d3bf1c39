"""Times as the API says them: RFC 3339, UTC, milliseconds – all of one length, so they sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, TypeAlias, overload

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tianmu.facts import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Instant: TypeAlias = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC",
        examples=["2026-11-23T01:02:03.456Z"],
        extra_json_schema={"format": "date-time"},
    ),
]


def now() -> int:
    """µs since the epoch, by the city's clock."""
    return clock.now()


@overload
def say(at: int) -> str: ...
@overload
def say(at: int | None) -> str | None: ...
def say(at: int | None) -> str | None:
    """µs → ``2026-11-23T01:02:03.456Z``; None for None and for 0 ("never")."""
    return _said(at) if at else None


@lru_cache(maxsize=4096)
def _said(at: int) -> str:
    """Remembered: what happens in one commit happens at one time."""
    when = _EPOCH + timedelta(microseconds=at)
    return when.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def says(at: NDArray[np.int64]) -> list[str]:
    """A column of µs → what ``say`` says of each."""
    if not len(at):
        return []
    column = np.datetime_as_string(at.astype("datetime64[us]").astype("datetime64[ms]"))
    return [f"{one}Z" for one in column.tolist()]


def read(text: str) -> int:
    """``2026-11-23T01:02:03Z`` (any offset or fraction) → µs; ``ValueError`` says what is wrong."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: end it with Z or an offset such as +08:00")
    return (when - _EPOCH) // timedelta(microseconds=1)
