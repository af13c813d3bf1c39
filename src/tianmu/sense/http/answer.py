"""What a door tells a sender whose message it does not take."""

from __future__ import annotations

from typing import Any

AHEAD = 10 * 60 * 1_000_000
"""µs a clock may be ahead of ours; rows beyond it are refused (default, to be set by the city)"""


class Answer(Exception):
    """A problem to tell the sender (RFC 9457)."""

    def __init__(
        self, status: int, title: str, detail: str, remedy: str, *, wait: float = 1.0, **more: Any
    ) -> None:
        """``wait``: seconds before it is worth trying again, where it is at all."""
        super().__init__(detail)
        self.status, self.wait = status, wait
        self.body = {
            "type": "about:blank", "title": title, "status": status, "detail": detail,
            "remedy": remedy, **more,
        }  # fmt: skip
