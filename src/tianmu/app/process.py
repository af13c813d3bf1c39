"""What a process of the city says of itself: ``<data>/run/<name>.json``."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil

from tianmu.app.settings import Settings

NAMES = ("hub", "gate", "watch", "works")
"""in the order they are started: hub first, since it alone writes the registry"""


CHILDREN = ("compact",)
"""processes that come and go: works' child that merges the past"""


GARBAGE = 100_000
"""objects that come beyond those that go, before the youngest are searched for circles"""


TURN = 0.001
"""seconds after which a thread gives way to one that waits: the one that writes waits at each
statement for one that is busy"""


class Said(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A process's own word on how it is."""

    name: str
    pid: int
    state: str
    """``starting``, ``ready``, ``stopping``"""
    ports: dict[str, int] = {}
    link: str = ""
    """a one-time link that opens the wall signed in (hub, when it starts)"""
    links: dict[str, str] = {}
    """one-time links of the first start: account → link"""
    notes: list[dict[str, str]] = []
    pack: str = ""
    """digest of the pack in force (hub): the others start again when it is another"""
    tokens: dict[str, str] = {}
    """of rehearsal's accounts (hub): role → token"""


def starting(run: Path, name: str) -> Said:
    """The first word of a process that starts. What it had said under the same ``tianmu up``
    before it died stays true: its ports, its links, its tokens."""
    before = heard(run, name)
    said = Said(name=name, pid=os.getpid(), state="starting")
    if before is not None:
        said.ports, said.tokens = before.ports, before.tokens
        said.link, said.links = before.link, before.links
    return said


def say(run: Path, said: Said) -> None:
    """Write it, readable by this user alone, and whole or not at all."""
    path = run / f"{said.name}.json"
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(said))
    fresh.replace(path)


def heard(run: Path, name: str) -> Said | None:
    """The last word of a process, or None where it has not spoken."""
    try:
        return msgspec.json.decode((run / f"{name}.json").read_bytes(), type=Said)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def settle() -> None:
    """For a process of many threads that stands ready. What stands for as long as it lives (pack,
    registry, modules) is not walked over again by Python's search for circles, and what comes and
    goes less often: it holds few."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 20)
    sys.setswitchinterval(TURN)


def port_of(settings: Settings, said: Said, protocol: str) -> int:
    """The port to bind: the one asked for, or, where any will do, the one had before."""
    return settings.port_of(protocol) or said.ports.get(protocol, 0)


def memory(pid: int) -> int:
    """Proportional set size in bytes (shared pages divided among those who share them)."""
    try:
        return int(psutil.Process(pid).memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return 0


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


SUPERVISOR = "TIANMU_SUPERVISOR"
"""environment variable: who started this process, and may have died before it could look"""


def on_signal(stop: Callable[[], None]) -> None:
    """Call ``stop`` once on SIGTERM or SIGINT, and when our supervisor dies."""
    called = threading.Event()

    def once(*_: object) -> None:
        if not called.is_set():
            called.set()
            stop()

    signal.signal(signal.SIGTERM, once)
    signal.signal(signal.SIGINT, once)
    parent = int(os.environ.get(SUPERVISOR) or os.getppid())

    def watch_parent() -> None:
        while not called.wait(1.0):
            if os.getppid() != parent:
                once()

    threading.Thread(target=watch_parent, name="parent", daemon=True).start()
