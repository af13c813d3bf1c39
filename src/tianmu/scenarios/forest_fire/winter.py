"""The Drought Code over a winter without reckoning.

B. D. Lawson and O. B. Armitage: Weather guide for the Canadian Forest Fire Danger Rating System
(2008), after Van Wagner (1985).
"""

from __future__ import annotations

import math

LEAST = 15.0
"""what a spring begins with at the least"""


def spring_drought(
    autumn: float, rain: float, *, carried: float = 0.75, taken_up: float = 0.75
) -> float:
    """DC of the first day of spring from that of the last day of autumn and the ``rain`` of the
    winter in mm.

    ``carried`` (a): how much of the autumn's store is still there, 1 where the reckoning went on
    until the ground froze, 0.75 where it did not, 0.5 where it stopped long before. ``taken_up``
    (b): how much of the winter's rain the ground takes up, 0.9 on even and boggy ground, 0.75
    on drained slopes, 0.5 on steep and on stony ones. Raises ``ValueError`` where both come to
    nothing.
    """
    stored = carried * 800 * math.exp(-autumn / 400) + 3.94 * taken_up * rain
    if stored <= 0:
        raise ValueError("carried and taken_up leave nothing in the ground: give one above 0")
    return max(LEAST, 400 * math.log(800 / stored))
