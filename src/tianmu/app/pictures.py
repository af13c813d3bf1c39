"""Pictures of recognised events: kept for two days, and as evidence where an alarm needs them."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from tianmu.manage.evidence import Evidence, EvidenceStore
from tianmu.manage.scanning import scanner

KEPT_S = 2 * 86_400.0
"""seconds a picture is kept that nobody needs (default, to be set by the city)"""


class Pictures:
    """Under ``<data>/recognised`` by their content, as evidence is; ``scan`` as for evidence."""

    def __init__(self, data: Path, scan: str = "", kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._store = EvidenceStore(data / "recognised", scan=scanner(scan))
        self._evidence = EvidenceStore(data / "evidence")

    def keep(self, content: bytes, name: str, at: int) -> dict[str, Any]:
        about = Evidence(name=name, media_type="image/jpeg", at=at)
        kept = self._store.keep(content, about)
        with contextlib.suppress(FileNotFoundError):  # infected: it lies elsewhere
            os.utime(self._store.path(kept["digest"]))
        return kept

    def show(self, digest: str) -> bool:
        here, there = self._store.path(digest), self._evidence.path(digest)
        if there.exists():
            return True
        there.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(here, there)
        except FileExistsError:
            return True
        except FileNotFoundError:
            return False
        folder = os.open(there.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return True

    def let_go(self) -> int:
        oldest = time.time() - self._kept_s
        count = 0
        for where in ("??/*", "quarantine/*"):
            for file in self._store.folder.glob(where):
                with contextlib.suppress(FileNotFoundError):
                    if file.stat().st_mtime < oldest:
                        file.unlink()
                        count += 1
        return count
