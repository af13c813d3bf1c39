"""Room on disk: what is said when there is none, and the reserve kept for what matters most."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

RESERVE = 256 << 20
"""bytes of its disk that a file leaves free: below it its writes are refused (default, to be set
by the city)"""
RESERVE_FIRST = 48 << 20
"""the same for what matters most: life-safety facts, alarms, cases, and letting go of old entries
(default, to be set by the city)"""
FIRST = ("gate-life", "watch", "hub")
"""files that go on while others are refused already"""
REUSE = 32 << 20
"""bytes free within a file (purged entries) with which it goes on although its disk is full"""


def reserve_of(stem: str) -> int:
    """The reserve of a file, by its name without suffix."""
    return RESERVE_FIRST if stem in FIRST else RESERVE


_SQLITE_FULL = 13
_ENOSPC_IOERR = {
    10 | (3 << 8),  # IOERR_WRITE
    10 | (4 << 8),  # IOERR_FSYNC
    10 | (6 << 8),  # IOERR_TRUNCATE
    10 | (19 << 8),  # IOERR_SHMSIZE
}


class DiskFull(OSError):
    """Refused: there is no room to keep it. Nothing of it was written; try again when there is."""

    def __init__(self, path: Path, free: int, reserve: int) -> None:
        super().__init__(
            errno.ENOSPC,
            f"disk full: {free >> 20} MB are free, {reserve >> 20} MB of them kept in reserve; "
            "nothing was written. Free some room, shorten the retention or move the data folder; "
            "writing goes on by itself",
            str(path),
        )
        self.free, self.reserve = free, reserve


def free_bytes(path: Path) -> int:
    """Bytes an ordinary user may still write on the file system of ``path``."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def is_full(error: BaseException) -> bool:
    """Whether ``error`` (of SQLite, SQLAlchemy or the system) says that there was no room."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, DiskFull):
            return True
        if isinstance(seen, OSError) and seen.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        code: Any = getattr(seen, "sqlite_errorcode", None)
        if code is not None:
            return code & 0xFF == _SQLITE_FULL or code in _ENOSPC_IOERR
        if "database or disk is full" in str(seen):
            return True
        seen = getattr(seen, "orig", None)
    return False
