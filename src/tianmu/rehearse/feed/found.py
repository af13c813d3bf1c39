"""What people find where they are sent: whether there was nothing, by the feed's own truth."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

EARLIER_S, LATER_S = 60.0, 3600.0
"""an alarm that comes within these of what happened, at one of its devices, is of it"""


class Found:
    """Reads on in the file of truth as it grows; what cannot be read yet is read the next time."""

    def __init__(self, file: Path) -> None:
        self._file, self._read = file, 0
        self._by_device: dict[str, list[tuple[float, bool]]] = {}
        """device → (when it happened, whether whoever goes there finds nothing)"""

    def nothing(self, view: dict[str, Any]) -> bool:
        """Whether every signal of a case is an alarm of something that was false."""
        self._follow()
        members = view["members"]
        return bool(members) and all(self._false(one) for one in members)

    def _false(self, member: dict[str, Any]) -> bool:
        if member["kind"] != "alarm" or not member["at"]:
            return False  # somebody told of it: there is something to be seen
        at = datetime.fromisoformat(member["at"]).timestamp()
        happened = [
            void
            for when, void in self._by_device.get(member["device"], ())
            if when - EARLIER_S <= at <= when + LATER_S
        ]
        return bool(happened) and all(happened)

    def _follow(self) -> None:
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                told = json.loads(line)
                for device in told.get("devices", ()):
                    one = float(told["at"]), bool(told.get("void", False))
                    self._by_device.setdefault(device, []).append(one)
