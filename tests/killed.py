"""A process that is killed in the midst of its work: how far it said it had come."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable


def killed_after(wanted: int, work: Callable[[int], None]) -> list[int]:
    """Fork, let the child ``work`` (it writes each number that it is done with as a line to the
    descriptor it is given) and SIGKILL it once ``wanted`` have come; all the numbers it said."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(write)
        finally:
            os._exit(1)
    os.close(write)
    heard = b""
    end = time.monotonic() + 60
    while heard.count(b"\n") < wanted and time.monotonic() < end:
        if select.select([read], [], [], 1)[0]:
            heard += os.read(read, 4096)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while more := os.read(read, 4096):
        heard += more
    os.close(read)
    said = [int(line) for line in heard.split()]
    assert len(said) >= wanted, said
    return said
