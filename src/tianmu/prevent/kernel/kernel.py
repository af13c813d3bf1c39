"""The hot path: a batch of observations through all rules of their datastreams, without a Python
object per observation."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.kernel.judge import judge
from tianmu.prevent.kernel.program import (
    ACTIVE,
    AHEAD,
    ALL,
    ANY,
    BAD,
    BAD_QUALITY,
    CHANGED,
    DUPLICATE,
    EITHER,
    EQUAL,
    EXPRESSION,
    FALL,
    HIGH,
    IDLE,
    LATE,
    LISTED,
    LOW,
    MAINTENANCE,
    NEVER,
    OBSERVATIONS,
    OUTSIDE,
    PENDING_OFF,
    PENDING_ON,
    PHASE,
    PROMOTED,
    RAISED,
    RETURNED,
    RISE,
    SET_BACK,
    TEST,
    TESTING,
    UNEQUAL,
    UNKNOWN,
)

AT_ONCE = 64
"""rows whose memory is asked for together"""


@njit(cache=True, inline="always")
def emit(out, row, d, k, kind, test, t, v):
    j = out.size[0]
    out.row[j] = row
    out.datastream[j] = d
    out.operation[j] = k
    out.kind[j] = kind
    out.test[j] = test
    out.time[j] = t
    out.value[j] = v
    out.size[0] = j + 1


@njit(cache=True, inline="always")
def _set_back(t, latest, came, arrival):
    """Whether an observation older than the latest is news all the same: what happened after we
    had received the latest cannot be older than it. The latest's clock was ahead, and has been set
    since; one that is ahead itself proves nothing."""
    return latest > came + SET_BACK and came < t < latest and t <= arrival + SET_BACK


@njit(cache=True)
def settle(holds, test, t, v, row, d, k, at, tick, programs, slots, out):
    """Take operation ``k`` of owner ``d`` on: delays, then the transition if there is one."""
    s = slots.state[at]
    phase = s & 3
    on = programs.on[k]
    off = programs.off[k]
    emitted = -1
    wait = on if phase == PENDING_ON else off
    if phase in (PENDING_ON, PENDING_OFF) and wait > 0 and slots.ticks[tick] > t:
        slots.ticks[tick] = t  # its clock was set back: waiting begins anew by the one it has now
    if holds:
        if phase == IDLE:
            if on == 0:
                phase = ACTIVE
                emitted = RAISED
            else:
                phase = PENDING_ON
                slots.ticks[tick] = t
        elif phase == PENDING_ON:
            if on == 0 or t - slots.ticks[tick] >= on:
                phase = ACTIVE
                emitted = RAISED
        elif phase == PENDING_OFF:
            phase = ACTIVE
        if phase == ACTIVE and emitted < 0 and s & TEST and not test:
            emitted = PROMOTED
    elif phase == PENDING_ON:
        phase = IDLE
    elif phase == ACTIVE:
        if off == 0:
            phase = IDLE
            emitted = RETURNED
        else:
            phase = PENDING_OFF
            slots.ticks[tick] = t
    elif phase == PENDING_OFF and (off == 0 or t - slots.ticks[tick] >= off):
        phase = IDLE
        emitted = RETURNED
    flags = s & (TEST | LISTED)
    if emitted in (RAISED, PROMOTED):
        flags = (s & LISTED) | (TEST if test else 0)
    if (phase in (PENDING_ON, PENDING_OFF)) and not s & LISTED:
        flags |= LISTED
        j = out.size[1]
        out.pending_datastream[j] = d
        out.pending_operation[j] = k
        out.size[1] = j + 1
    if emitted >= 0:
        emit(out, row, d, k, emitted, 1 if flags & TEST else 0, t, v)
    if phase == IDLE:
        flags &= LISTED
    slots.state[at] = phase | flags


@njit(cache=True)
def _change(t, v, kind, relative, window, tick, ticks, numbers):
    """Greatest change against the two references, per window; NaN where there is none yet."""
    at = ticks[tick + 1]
    bt = ticks[tick + 3]
    if bt == NEVER or bt > t:
        ticks[tick + 1] = t
        numbers[tick + 2] = v
        ticks[tick + 3] = t
        numbers[tick + 4] = v
        return np.nan
    av = numbers[tick + 2]
    bv = numbers[tick + 4]
    best = np.nan
    for i in range(2):
        reference = av if i == 0 else bv
        age = t - (at if i == 0 else bt)
        # an old one is of use only where it is the newest there is
        if age > window and i == 0:
            continue
        if relative and reference == 0.0:
            continue
        change = v - reference
        if relative:
            change /= abs(reference)
        if age > window:
            change *= window / age
        if kind == FALL:
            change = -change
        elif kind == EITHER:
            change = abs(change)
        if np.isnan(best) or change > best:
            best = change
    if 2 * (t - bt) >= window:
        ticks[tick + 1] = bt
        numbers[tick + 2] = bv
        ticks[tick + 3] = t
        numbers[tick + 4] = v
    return best


@njit(cache=True, inline="always")
def _holds(kind, a, b, c, mask, t, v, previous, seen, up, tick, ticks, numbers):
    """1 the condition holds, 0 it does not, -1 not to be said. ``up``: it held before."""
    slack = c if up else 0.0
    if kind == HIGH:
        return 1 if v >= a - slack else 0
    if kind == LOW:
        return 1 if v <= a + slack else 0
    if kind == OUTSIDE:
        return 1 if v < a + slack or v > b - slack else 0
    if kind <= EITHER:
        change = _change(t, v, kind, b != 0.0, mask, tick, ticks, numbers)
        if np.isnan(change):
            return -1
        return 1 if change >= a - slack else 0
    if kind == EQUAL:
        return 1 if v == a else 0
    if kind == UNEQUAL:
        return 1 if v != a else 0
    if kind == CHANGED:
        return (1 if v != previous else 0) if seen else -1
    if v < 0.0 or v > 9007199254740992.0:
        return -1
    bits = np.int64(v) & mask
    if kind == ANY:
        return 1 if bits != 0 else 0
    if kind == ALL:
        return 1 if bits == mask else 0
    return 1 if bits == 0 else 0


@njit(cache=True)
def _touch(streams, low, high, values, times, received, qualities, counts, slot, state, ticks):
    """Read what the next rows will need: alone these reads wait for memory side by side, in the
    midst of the rules they would wait one after the other. The sum only keeps them alive."""
    known = len(slot)
    total = np.int64(0)
    for i in range(low, high):
        d = streams[i]
        if d < known:
            total += times[d] + received[d] + qualities[d] + counts[d]
            total += np.int64(values[d] > 0.0) + slot[d, 3]
    for i in range(low, high):
        d = streams[i]
        if d < known:
            at = slot[d, 0]
            tick = slot[d, 1]
            if at < len(state):
                total += state[at]
            if tick < len(ticks):
                total += ticks[tick]
    return total


@njit(cache=True)
def run(columns, first_row, again, ahead, programs, live, slots, out, counters, stack, widest):
    """Take observations in from ``first_row`` on; the row to go on at (n: all done).

    Stops early where ``out`` has no room for another row. ``again``: the observations are those
    that live holds already, judged anew by changed rules (rates and changes are left alone).
    ``ahead`` (µs): how far a phenomenon may lie after its arrival before it is not believed.
    """
    # arrays are taken out of their tuples once: each time it is done costs two locked operations
    streams, times, values, qualities, sequences, arrivals = columns
    live_value, live_time, live_received, live_quality, live_counts = live
    slot, state, ticks, numbers = slots
    starts, middles, kinds = programs.start, programs.middle, programs.kind
    op_a, op_b, op_c, op_mask = programs.a, programs.b, programs.c, programs.mask
    op_state, op_tick, op_owner, op_home = (
        programs.state,
        programs.tick,
        programs.owner,
        programs.home,
    )
    size = out.size
    n = len(streams)
    known = len(slot)
    room = len(out.row) - widest
    pending_room = len(out.pending_datastream) - widest
    touched = first_row
    for i in range(first_row, n):
        if i == touched:
            touched = min(i + AT_ONCE, n)
            size[2] = _touch(
                streams,
                i,
                touched,
                live_value,
                live_time,
                live_received,
                live_quality,
                live_counts,
                slot,
                state,
                ticks,
            )
        if size[0] > room or size[1] > pending_room:
            return i
        d = streams[i]
        counters[OBSERVATIONS] += 1
        if d >= known:
            counters[UNKNOWN] += 1
            continue
        t = times[i]
        v = values[i]
        q = qualities[i]
        seen = live_counts[d] > 0
        previous = live_value[d]
        if not again:
            if seen:
                latest = live_time[d]
                if t <= latest:
                    sequence = slot[d, 2]
                    back = _set_back(t, latest, live_received[d], arrivals[i])
                    if not back and (t < latest or sequences[i] < sequence):
                        counters[LATE] += 1
                        continue
                    if not back and sequences[i] == sequence:
                        counters[DUPLICATE] += 1
                        continue
            if t > arrivals[i] + ahead:
                counters[AHEAD] += 1
                continue
            live_value[d] = v
            live_time[d] = t
            live_received[d] = arrivals[i]
            live_quality[d] = q
            if live_counts[d] < 0xFFFFFFFF:
                live_counts[d] += 1
            slot[d, 2] = sequences[i]
        if q == BAD or np.isnan(v):
            counters[BAD_QUALITY] += 1
            continue
        test = q in (MAINTENANCE, TESTING)
        p = slot[d, 3]
        base = slot[d, 0]
        first_tick = slot[d, 1]
        for k in range(starts[p], middles[p]):
            kind = kinds[k]
            if kind == EXPRESSION:
                first = d - int(op_b[k])
                truth, tested = judge(k, first, t, programs, live, stack)
                if np.isnan(truth):
                    continue
                own = d + op_owner[k]
                home = op_home[k]
                at = slot[own, 0] + op_state[home]
                tick = slot[own, 1] + op_tick[home]
                # properties have clocks of their own: arrival is the one they share
                clock, value = arrivals[i], live_value[own]
                settle(
                    truth == 1.0, tested, clock, value, i, own, home, at, tick, programs, slots, out
                )
                continue
            if again and (kind == CHANGED or RISE <= kind <= EITHER):
                continue
            at = base + op_state[k]
            tick = first_tick + op_tick[k]
            s = state[at]
            phase = s & PHASE
            up = phase in (PENDING_ON, ACTIVE)
            holds = _holds(
                kind,
                op_a[k],
                op_b[k],
                op_c[k],
                op_mask[k],
                t,
                v,
                previous,
                seen,
                up,
                tick,
                ticks,
                numbers,
            )
            if holds < 0 or (holds == 0 and phase == IDLE):
                continue
            if holds == 1 and phase == ACTIVE and not s & TEST:
                continue
            settle(holds == 1, test, t, v, i, d, k, at, tick, programs, slots, out)
    return n
