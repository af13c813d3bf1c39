"""The steps of cases that were just written, for whoever tells of them at once.

Push tells of every step within half a second. Reading them again from the journal costs more than
it shows: most bytes of an event are its data, and SQLite lets another thread run at each row, so
that in a storm push and the thread that writes would take the interpreter from each other thousands
of times a second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec

from tianmu.facts.case import CaseEvent

KEPT = 16_384
"""steps: what a storm brings in two seconds"""


class Parted(msgspec.Struct, frozen=True, gc=False):
    """What of an event's data is told: departments that the case concerns no more by it."""

    parted: tuple[str, ...] = ()


NOBODY = Parted()


class Step(msgspec.Struct, frozen=True, gc=False, tag="case/1"):
    """What is told of a case's event: without most of the data of it."""

    case: str
    sequence: int
    step: str
    at: int
    actor: str
    data: Parted = NOBODY


Placed: TypeAlias = tuple[int, Step]
"""its position in topic ``case``, and a step"""
_position = itemgetter(0)
_decoder = msgspec.msgpack.Decoder(Step)


def decode_step(data: bytes) -> Step:
    """The step of an event in the journal."""
    return _decoder.decode(data)


def _step(one: CaseEvent) -> Step:
    gone = one.data.get("parted")
    left = Parted(tuple(gone)) if gone else NOBODY
    return Step(one.case, one.sequence, one.step, one.at, one.actor, left)


class Fresh:
    """Written by the thread that writes cases, read by any: what is held is never changed, only
    replaced."""

    def __init__(self) -> None:
        self._held: tuple[int, Sequence[Placed]] | None = None
        """all steps after a position, in order"""

    def forget(self) -> None:
        """What was written last may not have reached the disk."""
        self._held = None

    def add(self, written: Sequence[tuple[CaseEvent, int]]) -> None:
        """Events that follow those before, each with its position."""
        new = [(position, _step(one)) for one, position in written]
        after, steps = self._held or (new[0][0] - 1, ())
        steps = [*steps, *new]
        if gone := steps[:-KEPT]:
            after, steps = gone[-1][0], steps[-KEPT:]
        self._held = after, steps

    def between(self, after: int, until: int, most: int) -> Sequence[Placed] | None:
        """The first ``most`` steps after a position, up to ``until``: the newest that the journal
        has, for what it does not have is not on disk. None where memory does not reach back so
        far."""
        held = self._held  # once: it may be another one at the next look
        if held is None or after < held[0]:
            return None
        steps = held[1]
        begin = bisect_right(steps, after, key=_position)
        end = bisect_right(steps, until, key=_position)
        return steps[begin : min(end, begin + most)]
