"""A case's state as bytes, for its rows.

Most bytes of a case are its clocks, orders and points of checklists, and a signal that joins it
changes none of them. As long as it is open they stand in a row of their own (``case_bulk``), so
that in a storm a signal writes a tenth of them; the two rows put together are the state as a whole
(``table.STATE``). What has ended changes no more, and is one row.
"""

from __future__ import annotations

from operator import is_
from typing import Any

import msgspec

from tianmu.manage.case.state import CaseState

BULK = ("clocks", "orders", "tasks", "warnings", "contacts")
"""fields that make up most of it and seldom change, the last of ``CaseState`` in their order"""
_MAP16 = b"\xde"
"""first byte of a msgpack map with its number of pairs in the two after it, as a case always is"""

_encoder = msgspec.msgpack.Encoder()
_none: dict[str, Any] = dict.fromkeys(BULK, ())


def encode_state(state: CaseState) -> bytes:
    """As ``ledger.decode_state`` reads it."""
    return _encoder.encode(state)


def head(state: CaseState) -> bytes:
    """What stands in the row of the case: all of it but its ``bulk``."""
    if not state.open:
        return encode_state(state)
    rest = _encoder.encode(msgspec.structs.replace(state, **_none))
    count = int.from_bytes(rest[1:3], "big") + sum(map(bool, _bulk(state)))
    return b"".join((_MAP16, count.to_bytes(2, "big"), rest[3:]))


def bulk(state: CaseState) -> bytes:
    """What stands in the row beside it; empty: there is none."""
    if not state.open:
        return b""
    told = {name: value for name, value in zip(BULK, _bulk(state), strict=True) if value}
    return _encoder.encode(told)[1:]  # a map of so few has one byte before its pairs


def same_bulk(one: CaseState, other: CaseState) -> bool:
    """Whether two states of a case surely have the same ``bulk``."""
    return one.open == other.open and all(map(is_, _bulk(one), _bulk(other)))


def _bulk(state: CaseState) -> tuple[tuple[Any, ...], ...]:
    return state.clocks, state.orders, state.tasks, state.warnings, state.contacts
