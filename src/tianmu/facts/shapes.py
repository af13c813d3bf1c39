"""What the fields of all structs are, found out before there are threads.

msgspec (0.22) finds it out as a struct is first decoded or converted to, and keeps what it has
so far where other threads see it: two that are the first at once end the process with a
segmentation fault. So whoever starts threads has it done before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec


def learn() -> int:
    """Find out the fields of every struct of ours that is imported by now; how many there are.
    Done again it costs next to nothing."""
    count = 0
    for struct in _below(msgspec.Struct):
        if struct.__module__.startswith("tianmu."):
            with contextlib.suppress(TypeError, NameError):  # it is never decoded then
                msgspec.json.Decoder(struct)
                count += 1
    return count


def _below(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in struct.__subclasses__():
        yield one
        yield from _below(one)
