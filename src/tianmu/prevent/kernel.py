"""The hot path: a batch of observations through all rules of their datastreams, without a Python
object per observation."""

from __future__ import annotations

import numpy as np
from numba import njit

from tianmu.prevent.program import (
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
    TEST,
    TESTING,
    UNEQUAL,
    UNKNOWN,
)


@njit(cache=True, inline="always")
def emit(out, row, d, k, kind, test, t, v):  # type: ignore[no-untyped-def]
    j = out.size[0]
    out.row[j] = row
    out.datastream[j] = d
    out.operation[j] = k
    out.kind[j] = kind
    out.test[j] = test
    out.time[j] = t
    out.value[j] = v
    out.size[0] = j + 1


@njit(cache=True)
def settle(holds, test, t, v, row, d, k, at, tick, programs, slots, out):  # type: ignore[no-untyped-def]
    """Take operation ``k`` of owner ``d`` on: delays, then the transition if there is one."""
    s = slots.state[at]
    phase = s & 3
    on = programs.on[k]
    off = programs.off[k]
    emitted = -1
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
def _change(t, v, kind, relative, window, tick, slots):  # type: ignore[no-untyped-def]
    """Greatest change against the two references, per window; NaN where there is none yet."""
    at = slots.ticks[tick + 1]
    bt = slots.ticks[tick + 3]
    if bt == NEVER:
        slots.ticks[tick + 1] = t
        slots.numbers[tick + 2] = v
        slots.ticks[tick + 3] = t
        slots.numbers[tick + 4] = v
        return np.nan
    av = slots.numbers[tick + 2]
    bv = slots.numbers[tick + 4]
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
        slots.ticks[tick + 1] = bt
        slots.numbers[tick + 2] = bv
        slots.ticks[tick + 3] = t
        slots.numbers[tick + 4] = v
    return best


@njit(cache=True)
def _judge(k, first, t, programs, live, stack):  # type: ignore[no-untyped-def]
    """Run an expression: 1.0, 0.0 or NaN (unknown), and whether a test reading was in it."""
    top = -1
    test = False
    oldest = programs.mask[k]
    for i in range(programs.lo[k], programs.hi[k]):
        op = programs.code[i]
        x = programs.argument[i]
        if op == 0:
            top += 1
            stack[top] = x
        elif op == 1:
            top += 1
            stack[top] = np.nan
            if x >= 0:
                d = first + int(x)
                q = live.quality[d]
                fresh = oldest == 0 or t - live.time[d] <= oldest
                if live.counts[d] > 0 and q != BAD and fresh:
                    stack[top] = live.value[d]
                    test = test or q in (MAINTENANCE, TESTING)
        elif op == 7:
            stack[top] = -stack[top]
        elif op == 8:
            stack[top] = abs(stack[top])
        elif op == 19:
            stack[top] = 1.0 - stack[top]
        else:
            y = stack[top]
            top -= 1
            x = stack[top]
            r = np.nan
            if op == 17:
                if x == 0.0 or y == 0.0:
                    r = 0.0
                elif x == 1.0 and y == 1.0:
                    r = 1.0
            elif op == 18:
                if x == 1.0 or y == 1.0:
                    r = 1.0
                elif x == 0.0 and y == 0.0:
                    r = 0.0
            elif not (np.isnan(x) or np.isnan(y)):
                if op == 2:
                    r = x + y
                elif op == 3:
                    r = x - y
                elif op == 4:
                    r = x * y
                elif op == 5:
                    r = x / y if y != 0.0 else np.nan
                elif op == 6:
                    r = x % y if y != 0.0 else np.nan
                elif op == 9:
                    r = min(x, y)
                elif op == 10:
                    r = max(x, y)
                elif op == 11:
                    r = 1.0 if x < y else 0.0
                elif op == 12:
                    r = 1.0 if x <= y else 0.0
                elif op == 13:
                    r = 1.0 if x > y else 0.0
                elif op == 14:
                    r = 1.0 if x >= y else 0.0
                elif op == 15:
                    r = 1.0 if x == y else 0.0
                elif op == 16:
                    r = 1.0 if x != y else 0.0
            stack[top] = r
    return stack[0], test


@njit(cache=True)
def _holds(k, t, v, previous, seen, phase, tick, programs, slots):  # type: ignore[no-untyped-def]
    """1 the condition holds, 0 it does not, -1 not to be said."""
    kind = programs.kind[k]
    a = programs.a[k]
    up = phase in (PENDING_ON, ACTIVE)
    if kind == HIGH:
        return 1 if v >= (a - programs.c[k] if up else a) else 0
    if kind == LOW:
        return 1 if v <= (a + programs.c[k] if up else a) else 0
    if kind == OUTSIDE:
        c = programs.c[k] if up else 0.0
        return 1 if v < a + c or v > programs.b[k] - c else 0
    if kind <= EITHER:
        change = _change(t, v, kind, programs.b[k] != 0.0, programs.mask[k], tick, slots)
        if np.isnan(change):
            return -1
        return 1 if change >= (a - programs.c[k] if up else a) else 0
    if kind == EQUAL:
        return 1 if v == a else 0
    if kind == UNEQUAL:
        return 1 if v != a else 0
    if kind == CHANGED:
        return (1 if v != previous else 0) if seen else -1
    if v < 0.0 or v > 9007199254740992.0:
        return -1
    bits = np.int64(v) & programs.mask[k]
    if kind == ANY:
        return 1 if bits != 0 else 0
    if kind == ALL:
        return 1 if bits == programs.mask[k] else 0
    return 1 if bits == 0 else 0


@njit(cache=True)
def run(columns, first_row, again, ahead, programs, live, slots, out, counters, stack, widest):  # type: ignore[no-untyped-def]
    """Take observations in from ``first_row`` on; the row to go on at (n: all done).

    Stops early where ``out`` has no room for another row. ``again``: the observations are those
    that live holds already, judged anew by changed rules (rates and changes are left alone).
    ``ahead`` (µs): how far a phenomenon may lie after its arrival before it is not believed.
    """
    n = len(columns.datastream)
    known = len(slots.slot)
    room = len(out.row) - widest
    pending_room = len(out.pending_datastream) - widest
    for i in range(first_row, n):
        if out.size[0] > room or out.size[1] > pending_room:
            return i
        d = columns.datastream[i]
        counters[OBSERVATIONS] += 1
        if d >= known:
            counters[UNKNOWN] += 1
            continue
        t = columns.time[i]
        v = columns.value[i]
        q = columns.quality[i]
        seen = live.counts[d] > 0
        previous = live.value[d]
        if not again:
            if seen:
                latest = live.time[d]
                if t <= latest:
                    sequence = slots.slot[d, 2]
                    if t < latest or columns.sequence[i] < sequence:
                        counters[LATE] += 1
                        continue
                    if columns.sequence[i] == sequence:
                        counters[DUPLICATE] += 1
                        continue
            if t > columns.received[i] + ahead:
                counters[AHEAD] += 1
                continue
            live.value[d] = v
            live.time[d] = t
            live.received[d] = columns.received[i]
            live.quality[d] = q
            if live.counts[d] < 0xFFFFFFFF:
                live.counts[d] += 1
            slots.slot[d, 2] = columns.sequence[i]
        if q == BAD or np.isnan(v):
            counters[BAD_QUALITY] += 1
            continue
        test = q in (MAINTENANCE, TESTING)
        p = slots.slot[d, 3]
        base = slots.slot[d, 0]
        ticks = slots.slot[d, 1]
        for k in range(programs.start[p], programs.middle[p]):
            kind = programs.kind[k]
            if kind == EXPRESSION:
                first = d - int(programs.b[k])
                truth, tested = _judge(k, first, t, programs, live, stack)
                if np.isnan(truth):
                    continue
                own = d + programs.owner[k]
                home = programs.home[k]
                at = slots.slot[own, 0] + programs.state[home]
                tick = slots.slot[own, 1] + programs.tick[home]
                # properties have clocks of their own: arrival is the one they share
                settle(
                    truth == 1.0,
                    tested,
                    columns.received[i],
                    live.value[own],
                    i,
                    own,
                    home,
                    at,
                    tick,
                    programs,
                    slots,
                    out,
                )
                continue
            if again and (kind == CHANGED or RISE <= kind <= EITHER):
                continue
            at = base + programs.state[k]
            tick = ticks + programs.tick[k]
            s = slots.state[at]
            holds = _holds(k, t, v, previous, seen, s & PHASE, tick, programs, slots)
            if holds < 0 or (holds == 0 and s & PHASE == IDLE):
                continue
            if holds == 1 and s & PHASE == ACTIVE and not s & TEST:
                continue
            settle(holds == 1, test, t, v, i, d, k, at, tick, programs, slots, out)
    return n
