"""The clerk: a process of hub's own that looks through files of devices.

A file of a million devices takes hundreds of megabytes and seconds of both cores for a moment. Hub
must go on pushing and answering meanwhile and must not stay that large afterwards, so the work is
done beside it: the clerk starts with the first file, keeps the pack and the registry at hand as
long as more come, and ends by itself.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tianmu.web.devices.upload import Job, Merge

if TYPE_CHECKING:
    from tianmu.store.registry import Written
    from tianmu.web.devices.upload import Ground, Outcome

IDLE = 20.0
"""seconds without a file after which it ends"""
FRUGAL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "262144",
}
"""what it lets go of goes back to the system at once, not when it ends"""
NICE = 5
"""what goes on in the city goes before files"""


class Failed(RuntimeError):
    """The clerk ended without an answer, twice."""


class Clerk:
    """Hub's side. One file at a time; whoever comes meanwhile waits."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._line: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._digest = ""
        self._closed = False

    def look(self, job: Job, ground: Ground) -> Outcome:
        """Let it look through a file, by the pack that ``ground`` is of. Raises ``Failed``."""
        found: Outcome = self._ask(job, ground)
        return found

    def merge(self, ground: Ground) -> Written | None:
        """Let it write one segment of all devices, where that is worth it. Raises ``Failed``."""
        found: Written | None = self._ask(Merge(), ground)
        return found

    def _ask(self, job: Job | Merge, ground: Ground) -> Any:
        with self._lock:
            for _ in range(2):
                if self._closed:
                    break
                try:
                    if self._line is None or self._digest != ground.digest:
                        self._start(ground)
                    assert self._line is not None
                    self._line.send(job)
                    answer = self._line.recv()
                except (EOFError, OSError):
                    self._end()  # it had ended for want of work, or somebody killed it
                    continue
                if isinstance(answer, Exception):
                    raise answer
                return answer
        raise Failed("the process that reads files of devices died: see hub's log")

    def _start(self, ground: Ground) -> None:
        self._end()
        ours, theirs = Pipe()
        descriptor = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tianmu.web.devices.clerk", str(descriptor)],
            stdin=subprocess.DEVNULL, pass_fds=[descriptor], env={**os.environ, **FRUGAL},
        )  # fmt: skip
        # nobody else would notice that it ended by itself
        threading.Thread(target=self._process.wait, name="clerk", daemon=True).start()
        theirs.close()
        ours.send((self._data, ground))
        self._line, self._digest = ours, ground.digest

    def _end(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process = None

    def close(self) -> None:
        """End it, whatever it is doing: nothing of that is registered yet."""
        self._closed = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


def main() -> None:
    """The clerk's side, over the connection that was handed down."""
    line = Connection(int(sys.argv[1]))
    os.nice(NICE)
    with contextlib.suppress(EOFError, OSError):
        _serve(line)


def _serve(line: Connection) -> None:
    data, ground = line.recv()
    from tianmu.store.journal.sqlite import SqliteJournal
    from tianmu.store.registry import Registry
    from tianmu.store.registry.merge import merge, worth_merging
    from tianmu.web.devices.enrolment import enrol, stray

    registry, journal = Registry(data), SqliteJournal(data)
    registry.refresh(journal)
    for path in stray(data, registry):
        shutil.rmtree(path, ignore_errors=True)  # merged, or its writer died before it was told
    while line.poll(IDLE):
        job = line.recv()
        registry.refresh(journal)
        answer: Any
        try:
            if isinstance(job, Job):
                answer = enrol(job, data, ground, registry)
            else:
                answer = merge(data, registry) if worth_merging(registry) else None
        except Exception as error:
            answer = error
        line.send(answer)
        if not isinstance(job, Job):
            break  # files come no more for now


if __name__ == "__main__":
    main()
