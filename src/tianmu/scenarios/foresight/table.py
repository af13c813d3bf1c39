"""Tables of forecasts in works' file: what was said when, what came, how good it was.

Only works writes (``foresight``). A forecast is one row for a datastream and an origin, and is
never written again: later knowledge does not change what was said. What came and the scores are
written in one commit with the mark that the forecast is settled, so nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tianmu.prevent.forecast.outlook import Outlook

METADATA = sa.MetaData()
F32 = NDArray[np.float32]

FORECAST = sa.Table(
    "forecast",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("datastream", sa.Integer, primary_key=True),
    sa.Column("origin", sa.Integer, primary_key=True),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("told", sa.LargeBinary, nullable=False),
    sa.Column("limit_low", sa.Float),
    sa.Column("limit_high", sa.Float),
    sa.Column("came", sa.LargeBinary),
)
sa.Index("forecast_origin", FORECAST.c.scenario, FORECAST.c.code, FORECAST.c.origin)
sa.Index("forecast_open", FORECAST.c.origin, sqlite_where=FORECAST.c.came.is_(None))

RUN = sa.Table(
    "forecast_run",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("origin", sa.Integer, nullable=False),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("streams", sa.Integer, nullable=False),
    sa.Column("silent", sa.Integer, nullable=False),
    sa.Column("left_out", sa.Integer, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
)

SCORE = sa.Table(
    "forecast_score",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("lead", sa.Integer, primary_key=True),
    sa.Column("judged", sa.Integer, nullable=False),
    sa.Column("hits", sa.Integer, nullable=False),
    sa.Column("error", sa.Float, nullable=False),
    sa.Column("naive", sa.Float, nullable=False),
    sa.Column("pinball", sa.Float, nullable=False),
)

WARNED = sa.Table(
    "forecast_warned",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),
    sa.Column("right", sa.Integer, nullable=False),
    sa.Column("false", sa.Integer, nullable=False),
    sa.Column("missed", sa.Integer, nullable=False),
)

DAY = 86_400_000_000
ROWS = ("expected", "low", "high", "naive", "chance")


@dataclass(frozen=True, eq=False)
class Kept:
    """One forecast as it was made."""

    datastream: int
    origin: int
    """µs: the end of the last step that was known; the first step forecast begins here"""
    made_at: int
    """µs: when it was reckoned; much later than ``origin`` where a past was walked through"""
    step: int
    outlook: Outlook
    limit_low: float | None
    limit_high: float | None
    came: F32 | None
    """by lead, nan where nothing was measured; None while it is not settled"""

    def begins(self, lead: int) -> int:
        """µs: where the step ``lead`` (1, 2, …) steps ahead begins."""
        return self.origin + (lead - 1) * self.step


def row(scenario: str, code: str, kept: Kept) -> dict[str, Any]:
    """``kept`` as a row of ``FORECAST``."""
    told = np.stack([getattr(kept.outlook, name) for name in ROWS]).astype("<f4")
    return {
        "scenario": scenario, "code": code, "datastream": kept.datastream, "origin": kept.origin,
        "made_at": kept.made_at, "step": kept.step, "told": told.tobytes(),
        "limit_low": kept.limit_low, "limit_high": kept.limit_high,
        "came": None if kept.came is None else kept.came.astype("<f4").tobytes(),
    }  # fmt: skip


def read(found: Any) -> Kept:
    """A row of ``FORECAST`` as it was kept."""
    told = np.frombuffer(found.told, "<f4").reshape(len(ROWS), -1).astype(np.float64)
    return Kept(
        found.datastream, found.origin, found.made_at, found.step,
        Outlook(**dict(zip(ROWS, told, strict=True))), found.limit_low, found.limit_high,
        None if found.came is None else np.frombuffer(found.came, "<f4"),
    )  # fmt: skip


def of_stream(
    connection: sa.Connection, scenario: str, code: str, datastream: int, since: int
) -> list[Kept]:
    """Forecasts of one datastream with an origin from ``since`` on (µs), in their order."""
    c = FORECAST.c
    rows = connection.execute(
        sa.select(FORECAST)
        .where(
            c.scenario == scenario, c.code == code, c.datastream == datastream, c.origin >= since
        )
        .order_by(c.origin)
    )
    return [read(one) for one in rows]


def forecast_before(connection: sa.Connection, scenario: str, code: str) -> set[int]:
    """Datastreams of which there are forecasts."""
    c = FORECAST.c
    rows = connection.execute(
        sa.select(c.datastream).where(c.scenario == scenario, c.code == code).distinct()
    )
    return {row[0] for row in rows}


def newest_streams(connection: sa.Connection, scenario: str, code: str) -> set[int]:
    """Datastreams of the forecasts of the newest origin."""
    c = FORECAST.c
    mine = (c.scenario == scenario, c.code == code)
    last = sa.select(sa.func.max(c.origin)).where(*mine).scalar_subquery()
    return {
        r[0] for r in connection.execute(sa.select(c.datastream).where(*mine, c.origin == last))
    }


def newest(connection: sa.Connection, scenario: str, code: str, most: int) -> list[Kept]:
    """The forecasts of the newest origin, at most ``most`` of them."""
    c = FORECAST.c
    mine = (c.scenario == scenario, c.code == code)
    last = sa.select(sa.func.max(c.origin)).where(*mine).scalar_subquery()
    rows = connection.execute(
        sa.select(FORECAST).where(*mine, c.origin == last).order_by(c.datastream).limit(most)
    )
    return [read(one) for one in rows]


def run_of(connection: sa.Connection, scenario: str, code: str) -> Any | None:
    """The last run of one forecast, a row of ``RUN``."""
    c = RUN.c
    return connection.execute(
        sa.select(RUN).where(c.scenario == scenario, c.code == code)
    ).one_or_none()


@dataclass(frozen=True)
class Summed:
    """How good the settled forecasts of some days were, at one lead."""

    lead: int
    judged: int
    hits: int
    error: float
    """mean absolute error"""
    naive: float
    pinball: float


def scores(connection: sa.Connection, scenario: str, code: str, since: int) -> list[Summed]:
    """By lead, of the days from that of ``since`` (µs) on."""
    c = SCORE.c
    names = ("judged", "hits", "error", "naive", "pinball")
    rows = connection.execute(
        sa.select(c.lead, *(sa.func.sum(c[name]).label(name) for name in names))
        .where(c.scenario == scenario, c.code == code, c.day >= since // DAY, c.judged > 0)
        .group_by(c.lead)
        .order_by(c.lead)
    )
    return [
        Summed(
            one.lead, one.judged, one.hits, one.error / one.judged, one.naive / one.judged,
            one.pinball / one.judged,
        )
        for one in rows
    ]  # fmt: skip


def warned(connection: sa.Connection, scenario: str, code: str, since: int) -> tuple[int, int, int]:
    """Forecasts that rightly, falsely, and not said that the limit would be passed."""
    c = WARNED.c
    one = connection.execute(
        sa.select(sa.func.sum(c.right), sa.func.sum(c.false), sa.func.sum(c.missed)).where(
            c.scenario == scenario, c.code == code, c.day >= since // DAY
        )
    ).one()
    return int(one[0] or 0), int(one[1] or 0), int(one[2] or 0)


def open_before(connection: sa.Connection, at: int, most: int) -> Sequence[Any]:
    """Rows of ``FORECAST`` not settled whose last step had ended at ``at`` (µs), oldest first."""
    c = FORECAST.c
    steps = sa.func.length(c.told) / (4 * len(ROWS))
    return connection.execute(
        sa.select(FORECAST)
        .where(c.came.is_(None), c.origin + steps * c.step <= at)
        .order_by(c.origin)
        .limit(most)
    ).all()
