"""A case's state as bytes, for its row.

Most bytes of a case are its clocks, orders and points of checklists, and a signal that joins it
changes none of them: in a storm they are encoded once and not with each signal. The bytes are the
same either way.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any, TypeAlias

import msgspec

from tianmu.manage.case.state import CaseState

Encode: TypeAlias = Callable[[CaseState], bytes]
BULK = ("clocks", "orders", "tasks", "warnings", "contacts")
"""fields that make up most of it and seldom change, the last of ``CaseState`` in their order"""
KEPT = 4096
"""cases whose bulk is remembered; the oldest goes first"""
_MAP16 = b"\xde"
"""first byte of a msgpack map with its number of pairs in the two after it, as a case always is"""

_encoder = msgspec.msgpack.Encoder()
_none: dict[str, Any] = dict.fromkeys(BULK, ())


def encode_state(state: CaseState) -> bytes:
    """As ``ledger.decode_state`` reads it."""
    return _encoder.encode(state)


class Bulk:
    """What cases that change again and again had as their bulk. Not safe between threads: it lives
    where cases are written."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[tuple[Any, ...], int, bytes]] = {}

    def encode(self, state: CaseState) -> bytes:
        """What ``encode_state`` gives."""
        bulk = (state.clocks, state.orders, state.tasks, state.warnings, state.contacts)
        kept = self._kept.get(state.case)
        if kept is None or not all(map(is_, kept[0], bulk)):
            told = {name: value for name, value in zip(BULK, bulk, strict=True) if value}
            if kept is None and len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            pairs = _encoder.encode(told)[1:]  # a map of so few has one byte before them
            kept = self._kept[state.case] = (bulk, len(told), pairs)
        rest = _encoder.encode(msgspec.structs.replace(state, **_none))
        count = int.from_bytes(rest[1:3], "big") + kept[1]
        return b"".join((_MAP16, count.to_bytes(2, "big"), rest[3:], kept[2]))
