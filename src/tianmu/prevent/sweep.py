"""What the clock alone brings: delays that run out, streams that fall silent; and the moves of
state from one rule set to the next."""

from __future__ import annotations

from numba import njit

from tianmu.prevent.kernel import emit, settle
from tianmu.prevent.program import (
    ACTIVE,
    EXPRESSION,
    IDLE,
    LISTED,
    MAINTENANCE,
    PENDING_OFF,
    PENDING_ON,
    PHASE,
    RAISED,
    RETURNED,
    SILENCE,
    TEST,
    TESTING,
)


@njit(cache=True)
def sweep_delays(now, programs, live, slots, out):  # type: ignore[no-untyped-def]
    """Raise and return what has waited long enough without a further observation.

    A stream's own clock is taken to have run on since its latest observation arrived, so that a
    backlog is judged by its own times.
    """
    kept = 0
    n = out.size[1]
    for j in range(n):
        d = out.pending_datastream[j]
        k = out.pending_operation[j]
        at = slots.slot[d, 0] + programs.state[k]
        tick = slots.slot[d, 1] + programs.tick[k]
        s = slots.state[at]
        phase = s & PHASE
        if phase in (PENDING_ON, PENDING_OFF):
            kind = programs.kind[k]
            clock = now
            if kind not in (EXPRESSION, SILENCE):
                clock = live.time[d] + max(now - live.received[d], 0)
            wait = programs.on[k] if phase == PENDING_ON else programs.off[k]
            over = wait == 0 or clock - slots.ticks[tick] >= wait
            if over and out.size[0] < len(out.row):
                if phase == PENDING_ON:
                    test = live.quality[d] in (MAINTENANCE, TESTING)
                    slots.state[at] = ACTIVE | (TEST if test else 0)
                    emit(out, -1, d, k, RAISED, 1 if test else 0, live.time[d], live.value[d])
                else:
                    slots.state[at] = IDLE
                    emit(out, -1, d, k, RETURNED, 1 if s & TEST else 0, live.time[d], live.value[d])
                continue
            out.pending_datastream[kept] = d
            out.pending_operation[kept] = k
            kept += 1
        else:
            slots.state[at] = s & ~LISTED
    out.size[1] = kept


@njit(cache=True)
def sweep_silence(first, now, program, silent, programs, live, slots, out, widest):  # type: ignore[no-untyped-def]
    """Judge silence of all datastreams from ``first`` on; where to go on (n: all done).

    ``program`` (u16 or u32, by datastream) and ``silent`` (by program: has such rules) keep the
    sweep to a few bytes per datastream.
    """
    n = len(program)
    room = len(out.row) - widest
    pending_room = len(out.pending_datastream) - widest
    for d in range(first, n):
        p = program[d]
        if not silent[p]:
            continue
        if out.size[0] > room or out.size[1] > pending_room:
            return d
        for k in range(programs.middle[p], programs.start[p + 1]):
            heard = live.received[d]
            for other in range(1, int(programs.b[k])):
                heard = max(heard, live.received[d + other])
            if heard <= 0:
                continue
            holds = now - heard > programs.mask[k]
            at = slots.slot[d, 0] + programs.state[k]
            s = slots.state[at]
            if not holds and s & PHASE == IDLE:
                continue
            if holds and s & PHASE == ACTIVE:
                continue
            tick = slots.slot[d, 1] + programs.tick[k]
            settle(holds, False, now, (now - heard) / 1e6, -1, d, k, at, tick, programs, slots, out)
    return n


@njit(cache=True)
def relist(programs, slots, out):  # type: ignore[no-untyped-def]
    """Write the pending list anew from the states; False where it has no room."""
    out.size[1] = 0
    for d in range(len(slots.slot)):
        p = slots.slot[d, 3]
        base = slots.slot[d, 0]
        for k in range(programs.start[p], programs.start[p + 1]):
            if programs.owner[k] != 0:
                continue
            at = base + programs.state[k]
            s = slots.state[at]
            if s & PHASE in (PENDING_ON, PENDING_OFF):
                j = out.size[1]
                if j >= len(out.pending_datastream):
                    return False
                slots.state[at] = s | LISTED
                out.pending_datastream[j] = d
                out.pending_operation[j] = k
                out.size[1] = j + 1
            else:
                slots.state[at] = s & ~LISTED
    return True


@njit(cache=True)
def carry(old, new, pair, start, state_from, state_to, tick_from, tick_to, ticks):  # type: ignore[no-untyped-def]
    """Copy the state of rules that stay from the old slots to the new: ``pair[d]`` names the rows
    ``start[pair]:start[pair + 1]`` of the copying table."""
    for d in range(len(pair)):
        new.slot[d, 2] = old.slot[d, 2]
        for j in range(start[pair[d]], start[pair[d] + 1]):
            new.state[new.slot[d, 0] + state_to[j]] = old.state[old.slot[d, 0] + state_from[j]]
            for i in range(ticks[j]):
                new.ticks[new.slot[d, 1] + tick_to[j] + i] = old.ticks[
                    old.slot[d, 1] + tick_from[j] + i
                ]
