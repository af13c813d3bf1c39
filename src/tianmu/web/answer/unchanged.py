"""Whether an answer is as it was when somebody asked before: by its tag, or by its time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from threading import Lock

SECOND = 1_000_000
MOST = 64
"""addresses at which an answer is remembered: the host in it is whatever a caller says"""


class Seen:
    """Since when each answer is what it is, by this process: after a start it is as new, which
    costs one answer too many and never one too few."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._lock = Lock()

    def look(self, where: str, body: bytes, now: int) -> tuple[str, int]:
        """(tag, whole seconds since the epoch); never the same time for two bodies."""
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        with self._lock:
            before = self._held.pop(where, None)
            if before is not None and before[0] == tag:
                found = before
            else:
                found = tag, max(now // SECOND, before[1] + 1 if before else 0)
            self._held[where] = found
            while len(self._held) > MOST:
                self._held.popitem(last=False)
        return found


def date(at: int) -> str:
    """As HTTP writes it."""
    return formatdate(at, usegmt=True)


def holds(headers: Mapping[str, str], tag: str, since: int) -> bool:
    """Whether the caller has this very answer. ``If-None-Match`` counts before the time."""
    if (told := headers.get("if-none-match")) is not None:
        tags = {one.strip().removeprefix("W/") for one in told.split(",")}
        return tag in tags or "*" in tags
    try:
        return since <= parsedate_to_datetime(headers["if-modified-since"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
