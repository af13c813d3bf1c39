"""Where the kernel's state lives: batches and clock ticks in, transitions of conditions out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from tianmu.prevent.kernel import kernel, sweep
from tianmu.prevent.kernel import program as tables
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.fleet import Array, Fleet
from tianmu.prevent.kernel.program import Columns, Live, Slots, grow, room_for
from tianmu.prevent.rule.expression import STACK

ROOM = 1 << 12
"""Transitions the kernel may find before it hands them over."""


class LiveColumns(Protocol):
    """What is now, by datastream (see ``tianmu.store.live``): at least as long as the fleet."""

    @property
    def value(self) -> Array: ...
    @property
    def time(self) -> Array: ...
    @property
    def received(self) -> Array: ...
    @property
    def quality(self) -> Array: ...
    @property
    def count(self) -> Array: ...


class Found(NamedTuple):
    """Transitions of conditions, in order; all arrays of one length.

    ``operation`` is a number of ``Compiled.operation``; ``kind`` ``tables.RAISED`` …; ``time`` the
    phenomenon's (µs); ``row`` that of the batch, -1 from a sweep.
    """

    row: Array
    datastream: Array
    operation: Array
    kind: Array
    test: Array
    time: Array
    value: Array

    def __len__(self) -> int:
        return len(self.row)


class Evaluator:
    """Rules over a fleet with their state. ``ahead_s``: how far a phenomenon may lie after its
    arrival before it is not believed (a device's clock that is off must not stop its stream)."""

    def __init__(
        self, compiled: Compiled, fleet: Fleet, live: LiveColumns, *, ahead_s: float = 3600.0
    ) -> None:
        self.compiled = compiled
        self.live = live
        self.ahead = round(ahead_s * 1e6)
        self.counters: Array = np.zeros(tables.COUNTERS, np.int64)
        self._stack = np.zeros(STACK, np.float64)
        self._out = room_for(ROOM, 1024)
        self._devices = 0
        self._streams = 0
        self._slot: Array = np.zeros((0, 4), np.uint32)
        self._program: Array = np.zeros(0, np.uint16)
        self._state: Array = np.zeros(0, np.uint8)
        self._ticks: Array = np.zeros(0, np.int64)
        self._states = 0
        self._tick_count = 0
        self.extend(fleet)

    # size

    @property
    def devices(self) -> int:
        return self._devices

    @property
    def datastreams(self) -> int:
        return self._streams

    @property
    def memory_bytes(self) -> int:
        """Of the rules' state, without live."""
        return sum(a.nbytes for a in (self._slot, self._program, self._state, self._ticks))

    def extend(self, fleet: Fleet) -> None:
        """Take in devices that ``fleet`` has beyond ours."""
        if fleet.devices < self._devices:
            raise ValueError(f"{self._devices} devices cannot become {fleet.devices}")
        if fleet.devices == self._devices and self._streams == fleet.datastreams:
            return
        program, states, ticks = self.compiled.assign(fleet, self._devices)
        old, n = self._streams, fleet.datastreams
        base = self._states + np.cumsum(states) - states
        tick = self._tick_count + np.cumsum(ticks) - ticks
        new_states = self._states + int(states.sum())
        new_ticks = self._tick_count + int(ticks.sum())
        if max(new_states, new_ticks) >= 1 << 32:
            raise ValueError(f"{new_states} rule instances are more than 2^32: use fewer rules")
        self._slot = grow(self._slot, old, n)
        self._program = grow(self._program, old, n)
        if int(program.max(initial=0)) > 0xFFFF:
            self._program = self._program.astype(np.uint32)
        self._state = grow(self._state, self._states, new_states)
        self._ticks = grow(self._ticks, self._tick_count, new_ticks)
        self._slot[old:n, 0] = base
        self._slot[old:n, 1] = tick
        self._slot[old:n, 2] = 0
        self._slot[old:n, 3] = program
        self._program[old:n] = program
        self._state[self._states : new_states] = 0
        self._ticks[self._tick_count : new_ticks] = tables.NEVER
        self._devices, self._streams = fleet.devices, n
        self._states, self._tick_count = new_states, new_ticks

    def _slots(self) -> Slots:
        ticks = self._ticks[: self._tick_count]
        return Slots(
            slot=self._slot[: self._streams],
            state=self._state[: self._states],
            ticks=ticks,
            numbers=ticks.view(np.float64),
        )

    def _live(self) -> Live:
        live = self.live
        return Live(live.value, live.time, live.received, live.quality, live.count)

    def warm(self) -> None:
        """Have every kernel compiled (or loaded) now, not when the first fire comes."""
        none = Columns(*(np.zeros(0, t) for t in ("u4", "i8", "f8", "u1", "u4", "i8")))
        out, slots, live = room_for(1, 1), self._slots(), self._live()
        kernel.run(
            none, 0, False, 0, self.compiled.programs, live, slots, out,
            self.counters, self._stack, 1,
        )  # fmt: skip
        sweep.sweep_delays(0, self.compiled.programs, live, slots, out)
        sweep.sweep_silence(
            self._streams, 0, 0, self._program[: self._streams], self.compiled.silent,
            self.compiled.programs, live, slots, out, 1,
        )  # fmt: skip
        nothing = np.zeros(0, np.int64)
        sweep.carry(slots, slots, nothing, np.zeros(1, np.int64), *(nothing,) * 5)
        self._relist()

    # judging

    def run(self, columns: Columns, *, again: bool = False) -> Iterator[Found]:
        """Take observations into live and through their rules; transitions as they are found.

        To be exhausted before anything else is called. Counts are in ``counters``.
        """
        row, n = 0, len(columns.datastream)
        slots, live = self._slots(), self._live()
        while row < n:
            row = kernel.run(
                columns,
                row,
                again,
                self.ahead,
                self.compiled.programs,
                live,
                slots,
                self._out,
                self.counters,
                self._stack,
                self.compiled.widest,
            )
            yield from self._take()
            self._widen()

    def sweep(self, now: int, *, silence: bool = True, listening: int = 0) -> Iterator[Found]:
        """What the clock alone brings: delays that have run out, and (``silence``) streams that
        have fallen silent or speak again. May be left off after any of what it yields; the next
        call finds the rest.

        ``listening`` (µs): since when we have been; silence before it is nobody's but ours.
        """
        slots, live = self._slots(), self._live()
        if silence and self.compiled.silent.any():
            d = 0
            program = self._program[: self._streams]
            while d < self._streams:
                d = sweep.sweep_silence(
                    d,
                    now,
                    listening,
                    program,
                    self.compiled.silent,
                    self.compiled.programs,
                    live,
                    slots,
                    self._out,
                    self.compiled.widest,
                )
                yield from self._take()
                self._widen()
        while self._out.size[1]:
            sweep.sweep_delays(now, self.compiled.programs, live, slots, self._out)
            found = list(self._take())
            yield from found
            if sum(map(len, found)) < ROOM:
                break

    @property
    def pending(self) -> int:
        """Delays that run (or ran until a moment ago)."""
        return int(self._out.size[1])

    def _take(self) -> Iterator[Found]:
        n = int(self._out.size[0])
        if n:
            self._out.size[0] = 0
            out = self._out
            yield Found(
                out.row[:n].copy(),
                out.datastream[:n].copy(),
                out.operation[:n].copy(),
                out.kind[:n].copy(),
                out.test[:n].copy(),
                out.time[:n].copy(),
                out.value[:n].copy(),
            )

    def _widen(self) -> None:
        """More room on the pending list, long before it is full."""
        room = len(self._out.pending_datastream)
        if self._out.size[1] * 2 + 2 * self.compiled.widest > room:
            wider = room_for(ROOM, room * 4)
            kept = int(self._out.size[1])
            wider.size[:] = self._out.size
            wider.pending_datastream[:kept] = self._out.pending_datastream[:kept]
            wider.pending_operation[:kept] = self._out.pending_operation[:kept]
            self._out = wider

    # instances: one rule on one datastream

    def instance(self, datastream: int, code: str) -> int | None:
        """The operation by which ``datastream`` has rule ``code``, or None."""
        if not 0 <= datastream < self._streams:
            return None
        return self.compiled.find(int(self._program[datastream]), code)

    def holds(self, datastream: int, code: str) -> bool:
        """Whether the condition holds now, delays considered."""
        operation = self.instance(datastream, code)
        if operation is None:
            return False
        at = int(self._slot[datastream, 0]) + self.compiled.operation(operation).state
        return bool(self._state[at] & tables.PHASE in (tables.ACTIVE, tables.PENDING_OFF))

    def agree(self, standing: Mapping[tuple[int, str], bool]) -> None:
        """Make the conditions that hold exactly ``standing``: (datastream, rule code) → test.

        Used after a restart: what was committed is true. Where our own replay judged otherwise
        the next sweep finds the transition.
        """
        state = self._state[: self._states]
        wanted: dict[int, tuple[int, int]] = {}
        for (datastream, code), test in standing.items():
            operation = self.instance(datastream, code)
            if operation is not None:
                base = int(self._slot[datastream, 0])
                at = base + self.compiled.operation(operation).state
                wanted[at] = (datastream, tables.TEST if test else 0)
        phase = state & tables.PHASE
        for index in np.flatnonzero((phase == tables.ACTIVE) | (phase == tables.PENDING_OFF)):
            if int(index) not in wanted:
                # we say it holds (or is just going), the record does not: let it rise anew
                up = phase[index] == tables.ACTIVE
                self._wait(int(index), tables.PENDING_ON if up else tables.IDLE)
        for at, (datastream, flag) in wanted.items():
            if phase[at] in (tables.ACTIVE, tables.PENDING_OFF):
                state[at] = (int(state[at]) & ~tables.TEST) | flag
            elif phase[at] == tables.PENDING_ON:
                # the delay had run out already when the record was written
                state[at] = tables.ACTIVE | flag
            elif self.live.count[datastream] == 0:
                # nothing is known of now: what stands, stands until it is heard of
                state[at] = tables.ACTIVE | flag
            else:
                self._wait(at, tables.PENDING_OFF, flag)
        self._relist()

    def _wait(self, at: int, phase: int, flags: int = 0) -> None:
        """Put an instance into a waiting phase whose delay has run out."""
        self._state[at] = phase | flags
        d = int(np.searchsorted(self._slot[: self._streams, 0], at, side="right")) - 1
        offset = at - int(self._slot[d, 0])
        for number in self.compiled.owned(int(self._program[d])).values():
            operation = self.compiled.operation(number)
            if operation.state == offset and operation.ticks:
                self._ticks[int(self._slot[d, 1]) + operation.tick] = tables.NEVER

    def _relist(self) -> None:
        while not sweep.relist(self.compiled.programs, self._slots(), self._out):
            self._out = room_for(ROOM, len(self._out.pending_datastream) * 4)

    # another rule set

    def publish(self, compiled: Compiled, fleet: Fleet) -> Iterator[Found]:
        """Judge by ``compiled`` from here on. Rules that stay (same code, same type) keep their
        state; what live holds is judged anew, except by rates and changes, and the transitions
        that this brings are yielded (to be exhausted)."""
        old, new = self, Evaluator(compiled, fleet, self.live)
        pairs = old._program[: old._streams].astype(np.int64) << 32 | new._program[: old._streams]
        unique, pair = np.unique(pairs, return_inverse=True)
        start = [0]
        rows: list[tuple[int, int, int, int, int]] = []
        for both in unique:
            before = old.compiled.owned(int(both >> 32))
            after = compiled.owned(int(both & 0xFFFFFFFF))
            for code, number in after.items():
                if code in before:
                    rows += _kept(old.compiled.operation(before[code]), compiled.operation(number))
            start.append(len(rows))
        table = np.array(rows, np.int64).reshape(-1, 5)
        sweep.carry(old._slots(), new._slots(), pair, np.array(start, np.int64), *table.T.copy())
        self.compiled = compiled
        self._devices, self._streams = new._devices, new._streams
        self._slot, self._program = new._slot, new._program
        self._state, self._ticks = new._state, new._ticks
        self._states, self._tick_count = new._states, new._tick_count
        self._relist()
        yield from self._again()

    def _again(self) -> Iterator[Found]:
        live = self.live
        n = self._streams
        before = self.counters.copy()
        seen = np.flatnonzero(live.count[:n] > 0).astype(np.uint32)
        for some in np.array_split(seen, max(1, len(seen) // 65536)):
            columns = Columns(
                datastream=some,
                time=live.time[some],
                value=live.value[some],
                quality=live.quality[some],
                sequence=self._slot[some, 2],
                received=live.received[some],
            )
            yield from self.run(columns, again=True)
        self.counters[:] = before

    # across a restart

    def snapshot(self) -> dict[str, Array]:
        """The state as it is now (no copies), to be kept with live's at the same positions."""
        return {
            "sequence": self._slot[: self._streams, 2],
            "state": self._state[: self._states],
            "ticks": self._ticks[: self._tick_count],
            "counters": self.counters,
        }

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Take back a snapshot made by the same rules over the same fleet.

        Raises ``ValueError`` where it is of another size.
        """
        sizes = (len(arrays["sequence"]), len(arrays["state"]), len(arrays["ticks"]))
        ours = (self._streams, self._states, self._tick_count)
        if sizes != ours:
            raise ValueError(f"snapshot of {sizes} (datastreams, states, ticks), not of {ours}")
        self._slot[: self._streams, 2] = arrays["sequence"]
        self._state[: self._states] = arrays["state"]
        self._ticks[: self._tick_count] = arrays["ticks"]
        self.counters[:] = arrays["counters"]
        self._relist()


def _kept(old: Any, new: Any) -> list[tuple[int, int, int, int, int]]:
    """A row of the copying table for a rule that stays, none where it became another type."""
    same = old.kind == new.kind or (
        old.kind not in (tables.EXPRESSION, tables.SILENCE)
        and new.kind not in (tables.EXPRESSION, tables.SILENCE)
        and old.ticks < 5
        and new.ticks < 5
    )
    if not same:
        return []
    both = old.ticks == new.ticks
    return [(old.state, new.state, old.tick, new.tick, old.ticks if both else 0)]
