"""What many cases ask alike in one moment, found once for all of them.

In a storm hundreds of cases rise in one commit, and all of it has one time: clocks that begin then,
and what a plan opens, are the same but for the name of the case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tianmu.city.city import City

T = TypeVar("T")


class _Moment(threading.local):
    """Of each thread its own."""

    def __init__(self) -> None:
        self.city: City | None = None
        self.now = 0
        self.found: dict[Hashable, Any] = {}


_moment = _Moment()


def at_once(city: City, now: int, asked: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, remembered as long as it is the same moment of the same city. ``asked``
    holds all else that it depends on; nobody may change what comes back."""
    moment = _moment
    if moment.now != now or moment.city is not city:
        moment.city, moment.now, moment.found = city, now, {}
    found: T | None = moment.found.get(asked)
    if found is None:
        found = moment.found[asked] = make()
    return found
