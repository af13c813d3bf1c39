"""What the fields of all structs are, found out before several threads can be the first to ask.

msgspec (0.22) finds it out as a struct is first decoded or converted to, and keeps what it has
so far where other threads see it: two that are the first at once end the process with a
segmentation fault. So whoever starts threads has it done before, and whoever imports code while
they run, before it hands that code out.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import msgspec

_learnt: set[type[msgspec.Struct]] = set()
_one_at_a_time = threading.Lock()


def learn() -> int:
    """Find out the fields of every struct of ours that is imported by now; how many there are.
    Done again it costs next to nothing."""
    with _one_at_a_time:
        for struct in set(_below(msgspec.Struct)) - _learnt:
            if struct.__module__.startswith("tianmu."):
                # never to be decoded, or of a module that another thread still imports: next time
                with contextlib.suppress(TypeError, NameError):
                    msgspec.json.Decoder(struct)
                    _learnt.add(struct)
        return len(_learnt)


def _below(struct: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for one in struct.__subclasses__():
        yield one
        yield from _below(one)
