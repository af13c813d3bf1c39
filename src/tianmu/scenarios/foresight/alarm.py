"""Alarms of forecasts: a limit that is likely to be passed, told before it is.

An alarm stands from the forecast that first says so until one says otherwise, until the limit is
passed, or until no newer forecast was made for as long as the last one reached. It is judged once,
when the values of the forecast that told it have come. How likely a passing must be is moved by
what became of the alarms, by the policy of anomaly detection: each counts by the chance that it is
a false one until it is judged. What is told, the forecast that tells it and the policy are one
commit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tianmu.facts.encoding import encode
from tianmu.facts.finding import Foretold
from tianmu.facts.topic import FINDING
from tianmu.prevent.anomaly import policy as policies
from tianmu.prevent.anomaly.policy import Policy
from tianmu.scenarios.folder.manifest import Forecast
from tianmu.scenarios.foresight.table import METADATA, Kept
from tianmu.store.records import Transaction

LEAST_FALSE = 0.02
"""chance of being false that an alarm counts by at least: no forecast is as sure as its chance of 1
says, and without it such alarms would cost nothing, however many (default)"""

ALARM = sa.Table(
    "forecast_alarm",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("datastream", sa.Integer, primary_key=True),
    sa.Column("origin", sa.Integer, primary_key=True),
    sa.Column("told_at", sa.Integer, nullable=False),
    sa.Column("passes_at", sa.Integer, nullable=False),
    sa.Column("chance", sa.Float, nullable=False),
    sa.Column("until", sa.Integer, nullable=False),
    sa.Column("ended_at", sa.Integer),
    sa.Column("passed", sa.Boolean),
    sa.Column("passed_at", sa.Integer),
    comment="origin is that of the forecast that told it, until the end of the newest that still "
    "says so; passed is null until its values have come",
)
sa.Index("forecast_alarm_standing", ALARM.c.until, sqlite_where=ALARM.c.ended_at.is_(None))

POLICY = sa.Table(
    "forecast_policy",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("policy", sa.LargeBinary, nullable=False),
    comment="how likely a passing must be to alarm, as what became of the alarms has moved it",
)


@dataclass(frozen=True)
class Likely:
    """A passing that a forecast says."""

    lead: int
    """of the first step by whose end it is as likely as asked"""
    chance: float
    """by the end of the last step"""
    expected: float
    limit: float
    high: bool


def likely(kept: Kept, chance: float, now: int) -> Likely | None:
    """Whether ``kept`` says that a limit is passed with at least ``chance``, by the end of a step
    that is not over by ``now`` (µs); None where not."""
    said = np.nan_to_num(kept.outlook.chance, nan=-1.0)
    said[: max((now - kept.origin) // kept.step, 0)] = -1.0
    steps = np.flatnonzero(said >= chance)
    if not len(steps):
        return None
    first = int(steps[0])
    high, low = kept.limit_high, kept.limit_low
    expected = float(kept.outlook.expected[first])
    upward = high is not None and (low is None or abs(expected - high) <= abs(expected - low))
    limit = high if upward else low
    if limit is None:
        return None
    return Likely(first + 1, float(said.max()), expected, limit, upward)


def beyond(kept: Kept, value: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of these values lie at or beyond a limit of ``kept``; nan never does."""
    low = -np.inf if kept.limit_low is None else kept.limit_low
    high = np.inf if kept.limit_high is None else kept.limit_high
    found: NDArray[np.bool_] = (value <= low) | (value >= high)
    return found


def needed(asked: Forecast, policy: Policy) -> float:
    """The chance from which an alarm is told: what the scenario says, or more where alarms were
    false."""
    return 1.0 - (1.0 - asked.warn) * math.exp(-max(policy.strict, 0.0))


# what is told


def tell(
    tx: Transaction, scenario: str, asked: Forecast, kept: Kept, last: float, now: int
) -> None:
    """Look at the newest forecast of a datastream: begin, carry on or end its alarm. ``last`` is
    the newest value measured, nan where none is."""
    if not asked.false_alarms_per_week:
        return
    stands = _standing(tx, scenario, asked.code, kept.datastream)
    policy = policies.eased(policy_of(tx.connection, scenario, asked.code), now)
    chance = needed(asked, policy)
    found = likely(kept, chance if stands is None else chance * asked.release, now)
    until = kept.begins(len(kept.outlook.expected) + 1)
    if bool(beyond(kept, np.array([last]))[0]):
        found = None
        why = "passed"
    else:
        why = "turned"
    if stands is not None and found is not None:
        _update(tx, scenario, asked.code, stands, until=until)
    elif stands is not None:
        _end(tx, scenario, asked.code, stands, kept.origin, now, why, last)
    elif found is not None:
        passes_at = max(kept.begins(found.lead), now)  # a step may have begun
        tx.connection.execute(
            sa.insert(ALARM).values(
                scenario=scenario, code=asked.code, datastream=kept.datastream, origin=kept.origin,
                told_at=now, passes_at=passes_at, chance=found.chance, until=until,
            )
        )  # fmt: skip
        _keep(tx, scenario, asked, policies.told(policy, _weekly(asked, found.chance), now))
        fact = Foretold(
            datastream=kept.datastream, scenario=scenario, code=asked.code, holds=True,
            origin=kept.origin, passes_at=passes_at, until=until, chance=found.chance,
            value=found.expected, limit=found.limit, high=found.high, priority=asked.priority,
        )  # fmt: skip
        tx.append(FINDING.name, encode(fact))


def over(tx: Transaction, asked: Iterable[tuple[str, str]], now: int) -> int:
    """End the alarms whose forecast has run out without a newer one, or that nobody asks for any
    more (``asked``: scenario and code); how many."""
    wanted, c = set(asked), ALARM.c
    rows = tx.connection.execute(sa.select(ALARM).where(c.ended_at.is_(None))).all()
    gone = [one for one in rows if one.until <= now or (one.scenario, one.code) not in wanted]
    for one in gone:
        _end(tx, one.scenario, one.code, one, one.origin, now, "over", float("nan"))
    return len(gone)


# what became of it


def judge(tx: Transaction, scenario: str, asked: Forecast, kept: Kept, came: Any, now: int) -> None:
    """The values of ``kept`` have come: was the alarm that it told right?"""
    known = np.isfinite(came)
    row = tx.connection.execute(
        sa.select(ALARM).where(
            *_key(scenario, asked.code, kept.datastream, kept.origin), ALARM.c.passed.is_(None)
        )
    ).one_or_none()
    if row is None or not known.any():
        return
    over_limit = np.flatnonzero(beyond(kept, came))
    real = bool(len(over_limit))
    passed_at = kept.begins(int(over_limit[0]) + 1) if real else None
    _update(tx, scenario, asked.code, row, passed=real, passed_at=passed_at)
    policy = policy_of(tx.connection, scenario, asked.code)
    counted = _weekly(asked, row.chance) if real else _weekly(asked, 0.0)
    _keep(tx, scenario, asked, policies.judged(policy, counted, real, now, ""))


# reading


def policy_of(connection: sa.Connection, scenario: str, code: str) -> Policy:
    """As something last moved it."""
    found = connection.execute(
        sa.select(POLICY.c.policy).where(POLICY.c.scenario == scenario, POLICY.c.code == code)
    ).scalar_one_or_none()
    name = f"{scenario}/{code}"
    return Policy(kind=name) if found is None else msgspec.msgpack.decode(found, type=Policy)


def standing(connection: sa.Connection, scenario: str, code: str) -> set[int]:
    """Datastreams of which an alarm stands."""
    c = ALARM.c
    rows = connection.execute(
        sa.select(c.datastream).where(c.scenario == scenario, c.code == code, c.ended_at.is_(None))
    )
    return {row[0] for row in rows}


def lead_of(connection: sa.Connection, scenario: str, code: str, since: int) -> float | None:
    """Seconds from an alarm to what it foretold, the mean of those told since a time (µs) that
    came true; None without any. Of the step in which it passed only the beginning is known: where
    that was before the alarm, it had none."""
    c = ALARM.c
    ahead = sa.case((c.passed_at > c.told_at, c.passed_at - c.told_at), else_=0)
    found = connection.execute(
        sa.select(sa.func.avg(ahead)).where(
            c.scenario == scenario, c.code == code, c.passed.is_(True), c.told_at >= since
        )
    ).scalar_one()
    return None if found is None else float(found) / 1e6


# writing


def _key(scenario: str, code: str, datastream: int, origin: int) -> tuple[Any, ...]:
    c = ALARM.c
    return c.scenario == scenario, c.code == code, c.datastream == datastream, c.origin == origin


def _standing(tx: Transaction, scenario: str, code: str, datastream: int) -> Any | None:
    c = ALARM.c
    return tx.connection.execute(
        sa.select(ALARM).where(
            c.scenario == scenario, c.code == code, c.datastream == datastream,
            c.ended_at.is_(None),
        )
    ).first()  # fmt: skip


def _update(tx: Transaction, scenario: str, code: str, row: Any, **values: Any) -> None:
    mine = _key(scenario, code, row.datastream, row.origin)
    tx.connection.execute(sa.update(ALARM).where(*mine).values(**values))


def _end(
    tx: Transaction,
    scenario: str,
    code: str,
    row: Any,
    origin: int,
    now: int,
    why: str,
    last: float,
) -> None:
    _update(tx, scenario, code, row, ended_at=now)
    fact = Foretold(
        datastream=row.datastream, scenario=scenario, code=code, holds=False, origin=origin,
        value=last if math.isfinite(last) else None, why=why,
    )  # fmt: skip
    tx.append(FINDING.name, encode(fact))


def _keep(tx: Transaction, scenario: str, asked: Forecast, policy: Policy) -> None:
    row = {"scenario": scenario, "code": asked.code, "policy": msgspec.msgpack.encode(policy)}
    tx.connection.execute(sa.insert(POLICY).prefix_with("OR REPLACE").values(**row))


def _weekly(asked: Forecast, chance: float) -> float:
    """Alarms a week that come to the tolerable number of false ones, were all as likely as this."""
    return (asked.false_alarms_per_week or 1.0) / max(1.0 - chance, LEAST_FALSE)
