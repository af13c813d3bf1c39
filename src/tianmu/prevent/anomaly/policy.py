"""How unusual a value must be to alarm, by kind of device: from the false alarms a week that are
tolerable, and from what became of the alarms that were told.

Pure: a policy, something that happened to it, and the policy after. Every alarm counts against
what is tolerable until somebody says that it was real; as many as are tolerable are forgotten
with the week. What people miss makes the threshold lower.
"""

from __future__ import annotations

import math

import msgspec

WEEK = 7 * 86_400 * 1_000_000
STRICTER = math.log(3)
"""by which an alarm lowers the threshold"""
LAXER = 0.7 * STRICTER
"""by which the tolerable time between two alarms raises it again"""
STRICTEST = math.log(1000)
"""a kind's alarms are at most so many times rarer than the tolerable rate alone makes them"""
LAXEST = -math.log(10)
"""and at most so many times more frequent"""
MISS = math.log(2)
"""by which one that was missed lowers the threshold"""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Of one kind."""

    kind: str
    strict: float = 0.0
    """logarithm: by how much the threshold is lower than the tolerable rate alone makes it"""
    at: int = 0
    """µs: up to when it has been eased"""
    told: int = 0
    false: int = 0
    real: int = 0
    missed: int = 0
    """counts since the beginning"""
    changed_at: int = 0
    """µs: of the latest thing that moved it, and what it was: ``told``, ``false``, ``real``,
    ``missed``"""
    changed_by: str = ""
    actor: str = ""


def eased(policy: Policy, now: int) -> Policy:
    """What the time since makes of it: as many alarms as are tolerable are forgotten."""
    if not policy.at or now <= policy.at:
        return msgspec.structs.replace(policy, at=max(policy.at, now))
    less = LAXER * (now - policy.at) / WEEK
    strict = max(policy.strict - less, 0.0) if policy.strict > 0 else policy.strict
    return msgspec.structs.replace(policy, strict=strict, at=now)


def told(policy: Policy, per_week: float, now: int) -> Policy:
    """An alarm was told; it counts as a false one until it is judged."""
    return _moved(policy, _step(per_week), now, "told", "", told=policy.told + 1)


def judged(policy: Policy, per_week: float, real: bool, now: int, actor: str) -> Policy:
    """Somebody said what an alarm was. A false one counts twice; a real one is taken back, and as
    much again is given."""
    step = _step(per_week)
    if real:
        return _moved(policy, -2 * step, now, "real", actor, real=policy.real + 1)
    return _moved(policy, step, now, "false", actor, false=policy.false + 1)


def unjudged(policy: Policy, per_week: float, real: bool, now: int) -> Policy:
    """What somebody said before is taken back: he, or another, has thought better of it."""
    step = _step(per_week)
    if real:
        return _moved(policy, 2 * step, now, "real", "", real=policy.real - 1)
    return _moved(policy, -step, now, "false", "", false=policy.false - 1)


def missed(policy: Policy, now: int, actor: str) -> Policy:
    """Somebody said that there should have been an alarm."""
    return _moved(policy, -MISS, now, "missed", actor, missed=policy.missed + 1)


def rate(policy: Policy, per_week: float, datastreams: int) -> float:
    """Alarms a week of one datastream that its threshold is reckoned from."""
    return per_week / max(datastreams, 1) * math.exp(-policy.strict)


def _step(per_week: float) -> float:
    return STRICTER / max(per_week, 1.0)


def _moved(policy: Policy, by: float, now: int, what: str, actor: str, **counts: int) -> Policy:
    before = eased(policy, now)
    strict = min(max(before.strict + by, LAXEST), STRICTEST)
    return msgspec.structs.replace(
        before, strict=strict, changed_at=now, changed_by=what, actor=actor, **counts
    )
