"""How often a week something comes, counted over a past that may be short."""

from __future__ import annotations

SURE = 0.95
SHORT = 4.0
"""weeks: of a past that is shorter it is said how little is known by it"""


def at_most(count: int, weeks: float) -> float:
    """A week, at most, with the certainty ``SURE``, where ``count`` came in ``weeks`` at random:
    after one week without any there may be three a week all the same."""
    from scipy.special import gammaincinv  # hub starts without it

    return float(gammaincinv(count + 1, SURE)) / weeks


def said(what: str, count: int, weeks: float) -> list[str]:
    """One sentence where ``weeks`` are few; ``what`` is it that is so long: "the past"."""
    if weeks >= SHORT:
        return []
    return [
        f"{what} is {weeks:.2g} weeks long: too short to say how many false alarms come in a week; "
        f"{count} in it mean at most {at_most(count, weeks):.2g} a week, with a certainty of "
        f"{SURE:.0%}"
    ]
