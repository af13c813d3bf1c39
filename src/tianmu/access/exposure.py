"""That a case went out of the house, as the trail and the case itself have it."""

from __future__ import annotations

from sqlalchemy import Connection

from tianmu.access import audit

PASS = "case.pass"  # noqa: S105
AGAIN = 3_600_000_000
"""µs in which who sees a case again, or is handed it again, is not written down again"""


def passed_on(
    connection: Connection, case: str, *, at: int, actor: str, to: str, what: str = ""
) -> None:
    """The case is handed to somebody outside, in the transaction that does it."""
    audit.append(
        connection,
        at=at,
        actor=actor,
        verb=PASS,
        object=case,
        detail={"to": to, **({"what": what} if what else {})},
    )
