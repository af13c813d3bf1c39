"""How well what was found agrees with what is true: precision and recall, by pairs and B-cubed.

Pairwise counts every two signals that are together; large clusters weigh most. B-cubed (Bagga and
Baldwin, 1998) asks for each signal how much of its cluster is of its thing, and the means weigh
every signal alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Agreement:
    """Precision and recall, 0 … 1; 1 where there is nothing to be wrong about."""

    pairwise_precision: float
    pairwise_recall: float
    bcubed_precision: float
    bcubed_recall: float

    def rounded(self, digits: int = 4) -> dict[str, float]:
        return {name: round(getattr(self, name), digits) for name in self.__dataclass_fields__}


def agree(truth: Mapping[str, Hashable], found: Mapping[str, Hashable]) -> Agreement:
    """``truth`` and ``found``: signal → what it tells of, and the case it is in. A signal that is
    in no case is alone: it costs recall, and no precision."""
    held = {one: found.get(one, ("in no case", one)) for one in truth}
    both = Counter((truth[one], held[one]) for one in truth)
    true = Counter(truth.values())
    cases = Counter(held.values())
    together, apart, whole = _pairs(both), _pairs(cases), _pairs(true)
    signals = len(truth)
    precise = sum(n * n / cases[case] for (_, case), n in both.items())
    recalled = sum(n * n / true[thing] for (thing, _), n in both.items())
    return Agreement(
        pairwise_precision=together / apart if apart else 1.0,
        pairwise_recall=together / whole if whole else 1.0,
        bcubed_precision=precise / signals if signals else 1.0,
        bcubed_recall=recalled / signals if signals else 1.0,
    )


def _pairs(counts: Counter[Any]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())
