"""What the clock alone brings: delays that run out, streams that fall silent; and the moves of
state from one rule set to the next."""

from __future__ import annotations

from numba import njit

from tianmu.prevent.kernel.kernel import emit, settle
from tianmu.prevent.kernel.program import (
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
def sweep_delays(now, programs, live, slots, out):
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
            if wait > 0 and slots.ticks[tick] > clock:
                slots.ticks[tick] = clock  # set back, and not judged since
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
def sweep_silence(first, now, listening, program, silent, programs, live, slots, out, widest):
    """Judge silence of all datastreams from ``first`` on; where to go on (n: all done).

    ``program`` (u16 or u32, by datastream) and ``silent`` (by program: has such rules) keep the
    sweep to a few bytes per datastream.
    """
    received, slot, state = live.received, slots.slot, slots.state
    starts, middles, spans, limits = programs.start, programs.middle, programs.b, programs.mask
    op_state, op_tick, size = programs.state, programs.tick, out.size
    n = len(program)
    room = len(out.row) - widest
    pending_room = len(out.pending_datastream) - widest
    for d in range(first, n):
        p = program[d]
        if not silent[p]:
            continue
        if size[0] > room or size[1] > pending_room:
            return d
        for k in range(middles[p], starts[p + 1]):
            heard = received[d]
            for other in range(1, int(spans[k])):
                heard = max(heard, received[d + other])
            if heard <= 0:
                continue
            at = slot[d, 0] + op_state[k]
            s = state[at]
            if s & PHASE in (IDLE, PENDING_ON):
                heard = max(heard, listening)
            holds = now - heard > limits[k]
            if not holds and s & PHASE == IDLE:
                continue
            if holds and s & PHASE == ACTIVE:
                continue
            tick = slot[d, 1] + op_tick[k]
            settle(holds, False, now, (now - heard) / 1e6, -1, d, k, at, tick, programs, slots, out)
    return n


@njit(cache=True)
def relist(programs, slots, out):
    """Write the pending list anew from the states; False where it has no room."""
    slot, state, starts = slots.slot, slots.state, programs.start
    owners, op_state = programs.owner, programs.state
    out.size[1] = 0
    for d in range(len(slot)):
        p = slot[d, 3]
        base = slot[d, 0]
        for k in range(starts[p], starts[p + 1]):
            if owners[k] != 0:
                continue
            at = base + op_state[k]
            s = state[at]
            if s & PHASE in (PENDING_ON, PENDING_OFF):
                j = out.size[1]
                if j >= len(out.pending_datastream):
                    return False
                state[at] = s | LISTED
                out.pending_datastream[j] = d
                out.pending_operation[j] = k
                out.size[1] = j + 1
            else:
                state[at] = s & ~LISTED
    return True


@njit(cache=True)
def carry(old, new, pair, start, state_from, state_to, tick_from, tick_to, ticks):
    """Copy the state of rules that stay from the old slots to the new: ``pair[d]`` names the rows
    ``start[pair]:start[pair + 1]`` of the copying table."""
    new_slot, new_state, new_ticks = new.slot, new.state, new.ticks
    old_slot, old_state, old_ticks = old.slot, old.state, old.ticks
    for d in range(len(pair)):
        new_slot[d, 2] = old_slot[d, 2]
        for j in range(start[pair[d]], start[pair[d] + 1]):
            new_state[new_slot[d, 0] + state_to[j]] = old_state[old_slot[d, 0] + state_from[j]]
            for i in range(ticks[j]):
                new_ticks[new_slot[d, 1] + tick_to[j] + i] = old_ticks[
                    old_slot[d, 1] + tick_from[j] + i
                ]
