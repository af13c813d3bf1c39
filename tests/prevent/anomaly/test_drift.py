"""A drift is some hundred unusual values in a row: it must not teach that it is usual."""

from __future__ import annotations

import numpy as np
import pytest

from tianmu.prevent.anomaly.bank import Bank
from tianmu.prevent.anomaly.layout import SLOW_TAIL

from .streams import WITHIN, made, put

AT = 5_500


@pytest.mark.parametrize(("size", "least"), [(6, 18), (14, 19)])
def test_drifts_of_streams_that_hang_together_are_found(size: int, least: int) -> None:
    found = 0
    for n in range(20):
        at, value = made(60_001 + n, days=23, phi=0.8, season=3.0)
        row = AT + 7 * n
        told = Bank(1).judge(np.zeros(len(at), np.uint32), at, put("drift", value, row, size))
        found += bool(told.alarm[row : row + WITHIN["drift"]].any())
    assert found >= least, f"of 20 drifts of {size} deviations in two days"


def test_what_is_rare_of_the_last_values_stays_so_over_a_drift() -> None:
    at, value = made(60_050, days=23, phi=0.8, season=3.0)
    spoilt, bank = put("drift", value, AT, 14), Bank(1)
    upper = []
    for rows in (slice(0, AT), slice(AT, AT + WITHIN["drift"])):
        bank.judge(np.zeros(rows.stop - rows.start, np.uint32), at[rows], spoilt[rows])
        upper.append(float(np.exp(bank.memory.small[0, SLOW_TAIL + 1])))
    assert upper[1] < 2 * upper[0]
