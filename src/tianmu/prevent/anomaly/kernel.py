"""One pass over observations: how unusual each is for its own datastream, and whether to tell.

A value is compared with level, trend, season and what a short memory (AR(1)) makes of the value
before; three channels judge what is left: the *distance* of this value, the *smoothed* distance of
the last twenty or so (small shifts and drifts), and the *run* of values that stand still. Whatever
is learnt from one value is bounded, so faults teach little.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tianmu.prevent.anomaly.layout import (
    AGE,
    BASE,
    CLEAN,
    COUNT,
    CROSS,
    HOURS,
    LAST,
    LASTING,
    LEVEL,
    LONGEST,
    MOST,
    OLD,
    OLD_LEFT,
    OLDEST,
    OPEN,
    REPEATS,
    RESIDUAL,
    RESOLUTION,
    RETURNED,
    RUN,
    SHIFT,
    SHIFTED,
    SLOW_TAIL,
    SMOOTH,
    SMOOTH_SPREAD,
    SPREAD,
    SQUARE,
    STEP,
    STRICT,
    TAIL,
    TIME,
    TOLD,
    TREND,
)
from tianmu.prevent.anomaly.policy import LAXER, STRICTER
from tianmu.prevent.anomaly.run import stand
from tianmu.prevent.anomaly.season import DAY_S, center, learn_season, place, season
from tianmu.prevent.anomaly.tail import (
    START,
    begin,
    chance,
    honest,
    learn,
    learn_honest,
    learn_low,
)

USUAL, WARMING, ABOVE, BELOW, UP, DOWN, STUCK, MISSING, LATE = range(9)
"""why: what stands out most; nothing; nothing yet; nothing came; it is not the latest"""

LARGEST = 1e30
"""a larger figure is none: single precision could not hold it"""
WEEK_S = 7 * DAY_S
LEVEL_S = 7 * DAY_S
"""how long the level remembers"""
TREND_S = 14 * DAY_S
OLD_DAYS = 7.0
"""how long the level before a shift is remembered"""
WINDOW = 1000.0
"""values over which the spread is learnt"""
LONG_WINDOW = 3000.0
"""values over which the short memory is learnt: a drift must not pass for one"""
SHORT_WINDOW = 200.0
"""the same at least, where few come in ``SETTLED`` days: what seasons that were still new left
hanging together is unlearnt within weeks, and not within months"""
CLOSEST = 0.995
"""greatest short memory"""
RAMP = 6.0
"""spreads that the first values must have climbed to be taken for a counter's"""
SETTLED = 14.0
"""days after which the quantiles are followed with small steps"""
MANY = 4000.0
"""values after which they are all the same"""
FIRST = 0.25
"""the chance of the first change ever, times the values before it; and at the least, on the first
days, of what is not what a stream mostly rests at: a shower or two say little of rain"""
FORGETS = 0.05
"""of the smoothed distance, with each value"""
HANGING = 1.5
"""smoothed distances hang together: so many times fewer of them stand for themselves"""
SLOWER = 0.05
"""how fast the spread of the smoothed distance is got used to, against the distance: its values
hang together"""
LASTS = 2000.0
"""values after which the quantiles of the smoothed distance are followed ever more slowly: a drift
of two days is some hundred values in a row, and must not teach that it is usual"""
SLOWEST_PACE = 0.0125
"""the smallest step of these quantiles, against those of the distance"""
FAR = 4.0
"""spreads beyond which a value does not count for what comes after"""
CONFIRMED, UNTOLD = 12.0, 72.0
"""values in a row that make a shift a new level, after an alarm and without one"""
BACK = 3.0
"""values in a row that make the old level the present one again"""
SIZE = 1.2533
"""standard deviation over mean size, of a normal distribution"""
SUDDEN_CALM, LASTING_CALM = np.float32(4), np.float32(20)
"""calm values that end an alarm"""
STRICTEST = 9.0
SLOWEST = 0.1
"""alarms a week by which a threshold rises again at least, however few are tolerable: one alarm
must not silence a datastream for years"""
YOUNG_DAYS = 14.0
"""until seasons and tails are known that long, an alarm takes more"""
YOUNG = 3.0
"""by so much lower, in logarithms, is the threshold of a stream that has just begun"""
SPENT = 2.0
"""and so many times more of what is tolerable does an alarm of it use up beside its own"""
WORSE = 1000.0
"""an alarm that goes on is told again when, after a calm value, one comes that is so many times
rarer than an alarm has to be"""
ASTRAY_DAYS = 14.0
"""from which on it is known what was to be expected of an hour"""
HONEST_DAYS = 7.0
"""from which on chances are compared with how often they come: each day of the week was seen"""
RARER_DAYS = 10.0
"""from which on the same of the rarest: the first weekend, not learnt yet, would be remembered for
years"""
LARGEST_CHANCE = 0.005
"""for one tolerable alarm a week: what is no rarer is never one, however seldom values come"""


@njit(cache=True)
def _warming(count, age, step):
    if step >= DAY_S / 4:
        return count < 30
    return count < 100 or (age < 2 and count < 400)


@njit(cache=True)
def _bounded(value, most):
    return min(max(value, -most), most)


@njit(cache=True)
def _move(small, by, days):
    """The level is another from now on; the one before is remembered."""
    small[OLD] = small[LEVEL]
    small[OLD_LEFT] = days
    small[LEVEL] += by
    small[RESIDUAL] -= by
    small[CLEAN] = small[RESIDUAL]
    small[SHIFTED] = 0
    small[SHIFT] = 0
    small[RETURNED] = 0
    small[SMOOTH] = 0


@njit(cache=True)
def step(exact, small, t, x, per_week, clock):
    """Judge value ``x`` at ``t`` (seconds since 1970) of one datastream, whose rows of the memory
    these are, and learn from it: (score, alarm, expected, why, half): ``half`` is the distance from
    what was expected that one of 200 usual values exceeds, as it was known before; of an alarm.
    ``clock``: seconds by which the clock of the place is ahead of UTC.

    A time that is not after the latest counts as one usual step later. A value that is nan,
    infinite or beyond LARGEST is none: nothing is judged or learnt.
    """
    if not abs(x) < LARGEST:
        return np.nan, 0, np.nan, MISSING, np.nan
    count = small[COUNT]
    if count == 0:
        exact[TIME], exact[BASE], exact[LAST] = t, x, x
        small[COUNT] = small[RUN] = small[LONGEST] = 1
        begin(small)
        return 0.0, 0, np.nan, WARMING, np.nan
    last_day = place(exact[TIME] + clock)[1]
    dt = t - exact[TIME]
    if dt <= 0:
        dt = small[STEP] if small[STEP] > 0 else 1.0
    else:
        exact[TIME] = t
    usual = small[STEP]
    gap = dt / usual if usual > 0 else 1.0
    small[STEP] = dt if usual == 0 else usual + max(1 / count, 0.01) * (min(dt, 2 * usual) - usual)
    count = small[COUNT] = min(count + 1, MOST)
    age = small[AGE] = min(small[AGE] + dt / DAY_S, OLDEST)
    small[OLD_LEFT] -= min(dt / DAY_S, small[OLD_LEFT])
    warm = _warming(count, age, small[STEP])

    # what was expected
    y = x - exact[BASE]
    change = x - exact[LAST]
    hour, weekday = place(t + clock)
    if weekday != last_day:  # what the week has taught makes no jump where the value makes none
        jump = season(small, hour, last_day) - season(small, hour, weekday)
        small[RESIDUAL] += jump
        small[CLEAN] += jump
    small[LEVEL] += small[TREND] * min(dt, DAY_S)
    usually = small[LEVEL] + season(small, hour, weekday)
    residual = y - usually
    memory = 0.0
    if small[SQUARE] > 0 and count > 10:
        memory = min(max(small[CROSS] / small[SQUARE], 0.0), CLOSEST)
    wide = 1 / math.sqrt(1 - memory * memory)
    kept, wider = memory, 1.0
    if gap > 1.5:
        kept = memory**gap if gap < 1000 else 0.0
        wider = wide * math.sqrt(1 - kept * kept)
    expected = usually + kept * small[RESIDUAL]
    if abs(residual - kept * small[CLEAN]) < abs(y - expected):
        expected = usually + kept * small[CLEAN]
    floor = 0.2 * small[RESOLUTION]
    trust = age * age / (age * age + 4)
    block_spread = small[HOURS + int(hour) // 3]
    spread = SIZE * max(trust * block_spread + (1 - trust) * small[SPREAD], floor, 1e-30)
    whole = SIZE * max(small[SPREAD], floor, 1e-30) * wide
    fits_old = False
    if small[OLD_LEFT] > 0:
        old = usually - small[LEVEL] + small[OLD]
        fits_old = abs(y - old) < min(FAR * whole, abs(residual))
        if fits_old and abs(y - old) < abs(y - expected):
            expected = old
    innovation = (y - expected) / wider

    # how probable it is
    young = max(1 - age / YOUNG_DAYS, 0.0)
    rarest = FIRST * young / count if small[REPEATS] > 0.5 else 0.0
    distance = abs(innovation) / spread
    first_change = change != 0 and small[RESOLUTION] == 0
    if change != 0 and (first_change or abs(change) < small[RESOLUTION]):
        small[RESOLUTION] = abs(change)
    if first_change:
        far = FIRST / count
    elif small[RESOLUTION] == 0:
        far = 1.0
    else:
        far = max(chance(distance, small[TAIL], small[TAIL + 1], small[TAIL + 2]), rarest)
    for _ in range(int(min(gap, 20.0)) - 1):
        small[SMOOTH] *= 1 - FORGETS
    small[SMOOTH] += FORGETS * (_bounded(innovation / spread, FAR) - small[SMOOTH])
    if fits_old or small[RESOLUTION] == 0 or first_change:
        small[SMOOTH] = 0
    slow = abs(small[SMOOTH]) / (SIZE * max(small[SMOOTH_SPREAD], 0.02))
    drifting = 1.0
    if small[RESOLUTION] > 0 and count > 20:
        middle = small[SLOW_TAIL]
        low, high = middle - (START[1] - START[0]), small[SLOW_TAIL + 1]
        drifting = max(chance(slow, low, middle, high), rarest)
    told = small[TOLD]
    astray = age > ASTRAY_DAYS and abs(residual) > whole
    still = stand(exact, small, x, warm, astray, min(0.28 * small[RESOLUTION] / spread, 1.0))
    exact[LAST] = x
    hanging = drifting * (1 + (HANGING - 1) * drifting) / HANGING  # 1 stays 1
    least = min(far, hanging, still)
    likely = 1 - (1 - least) ** 3
    claimed = likely
    likely = honest(small, claimed)
    # where it is no small chance, neither an alarm nor the end of one hangs on it
    alone = honest(small, 3 * far) if far < 0.1 else 1.0
    small[STRICT] -= min(small[STRICT], LAXER * max(per_week, SLOWEST) * min(dt / WEEK_S, 1.0))
    largest = min(LARGEST_CHANCE * max(per_week, 1.0), 0.2)
    stricter = math.exp(-small[STRICT] - YOUNG * young)
    threshold = min(per_week * small[STEP] / WEEK_S, largest) * stricter
    why = USUAL
    if warm:
        why = WARMING
    elif likely < 0.05 or likely < threshold:
        if still == least:
            why = STUCK
        elif far == least:
            why = ABOVE if innovation > 0 else BELOW
        else:
            why = UP if small[SMOOTH] > 0 else DOWN
    alarm = 0
    if told == 1:  # nothing more is told of it, nor that it moves again
        small[OPEN], small[LASTING], small[SMOOTH] = SUDDEN_CALM, LASTING_CALM, 0
    elif not warm:
        calm = min(20 * threshold, 0.05)
        sudden = alone < threshold
        if sudden:
            again = small[OPEN] < SUDDEN_CALM and alone < threshold / WORSE
            alarm = 1 if again or small[OPEN] == 0 else 0
            small[OPEN] = SUDDEN_CALM
            small[LASTING] = max(small[LASTING], LASTING_CALM)
        elif small[OPEN] > 0 and alone > calm:
            small[OPEN] -= 1
        if likely < threshold and not sudden:
            alarm = 1 if small[LASTING] == 0 else 0
            small[LASTING] = LASTING_CALM
        elif small[LASTING] > 0 and likely > calm:
            small[LASTING] -= 1
        if 3 * still < threshold and small[TOLD] == 0:  # whatever else goes on
            small[TOLD] = alarm = 1
        if alarm == 1:
            small[STRICT] = min(small[STRICT] + STRICTER * (1 + SPENT * young), STRICTEST)
    was = exact[BASE] + expected
    half = wider * math.exp(small[TAIL + 2]) * spread if alarm == 1 else np.nan
    if small[TOLD] == 1:
        return 1 - likely, alarm, was, why, half  # a value that stands still teaches nothing

    # what is learnt
    start = count < 30
    bound = residual if start else _bounded(residual, 3 * whole)
    slow_gain = max(1 / count, min(dt / LEVEL_S, 0.1))
    if drifting < threshold and not warm:
        slow_gain = max(slow_gain, 0.02)
    if count == 30 and abs(y) > RAMP * whole:  # a counter: it has climbed since the first value
        small[TREND] = y / (age * DAY_S)
        small[LEVEL], slow_gain = y, 0.0
    elif not start and gap < 10:
        small[TREND] += min(dt / TREND_S, 0.1) * min(dt / LEVEL_S, 0.1) * bound / dt
    small[LEVEL] += slow_gain * bound
    if weekday != last_day:
        small[LEVEL] += center(small)
    size = abs(innovation) if start else min(abs(innovation), FAR * spread)
    learn_season(small, hour, weekday, bound, size, min(dt, 2 * small[STEP]))
    gain = max(1 / count, 1 / WINDOW)
    small[SPREAD] += gain * (size - small[SPREAD])
    if gap < 1.5 and whole > 1e-29:
        new = count * max(min(age / SETTLED, 1.0), min(count / MANY, 1.0))
        window = min(LONG_WINDOW, max(SETTLED * DAY_S / small[STEP], SHORT_WINDOW))
        gain = max(1 / max(new, min(count, SHORT_WINDOW)), 1 / window)
        most = 30.0 if start else 3.0
        before = _bounded(small[CLEAN] / whole, most)
        small[CROSS] += gain * (_bounded(residual / whole, most) * before - small[CROSS])
        small[SQUARE] += gain * (before * before - small[SQUARE])
    if count > 20:
        gain = max(1 / (count - 20), SLOWER / WINDOW)
        kept_slow = min(abs(small[SMOOTH]), 4 * max(small[SMOOTH_SPREAD], 0.1))
        small[SMOOTH_SPREAD] += gain * (kept_slow - small[SMOOTH_SPREAD])
    if count > 20 and (age > 1 or count > 300):  # the first morning after a still night is no tail
        # while seasons are still new, distances are too great: what they taught is soon unlearnt
        settled = (count - 20) * max(min(age / SETTLED, 1.0), min(count / MANY, 1.0))
        seldom = min(max(small[STEP] / 600.0, 1.0), 3.0)
        u = learn(small, TAIL + 1, distance, settled, 1.0, seldom)
        learn_low(small, u, settled)
        known = (settled + count - 20) / 2
        learn(small, SLOW_TAIL, slow, known * max(known / LASTS, 1.0), SLOWEST_PACE, seldom)
        if age > HONEST_DAYS:
            learn_honest(small, claimed, settled, small[STEP], age > RARER_DAYS)
    clean = kept * small[CLEAN] if distance > FAR and not start else residual
    small[RESIDUAL], small[CLEAN] = residual, clean

    # whether the level is another
    side = 1 if residual > 0 else -1
    if abs(residual) > FAR * whole and count > 30:
        if small[SHIFTED] * side < 0:
            small[SHIFTED] = small[SHIFT] = 0
        small[SHIFTED] += side
        small[SHIFT] += residual
    else:
        small[SHIFTED] = small[SHIFT] = 0
    small[RETURNED] = small[RETURNED] + 1 if fits_old and small[SHIFTED] != 0 else 0
    if small[RETURNED] >= BACK:
        _move(small, small[OLD] - small[LEVEL], OLD_DAYS)
    elif abs(small[SHIFTED]) >= (CONFIRMED if small[LASTING] > 0 else UNTOLD):
        _move(small, small[SHIFT] / abs(small[SHIFTED]), OLD_DAYS)
    if abs(small[LEVEL]) > 1000 * whole:  # too far from its base for single precision
        exact[BASE] += small[LEVEL]
        small[OLD] -= small[LEVEL]
        small[LEVEL] = 0
    return 1 - likely, alarm, was, why, half


@njit(cache=True, nogil=True)
def judge(
    exact, small, index, time, value, per_week, clock, newer, score, alarm, expected, why, half
):
    """Observations in their order, each by its datastream ``index`` (into the memory), ``time`` in
    µs since 1970 and tolerable alarms ``per_week``; ``clock`` as for ``step``; ``score``,
    ``alarm``, ``expected``, ``why``, ``half`` are filled. With ``newer`` those that are not later
    than the latest teach nothing."""
    for i in range(len(index)):
        d = index[i]
        if newer and small[d, COUNT] > 0 and time[i] / 1e6 <= exact[d, TIME]:
            score[i], alarm[i], expected[i], why[i], half[i] = np.nan, 0, np.nan, LATE, np.nan
            continue
        score[i], alarm[i], expected[i], why[i], half[i] = step(
            exact[d], small[d], time[i] / 1e6, value[i], per_week[i], clock
        )
