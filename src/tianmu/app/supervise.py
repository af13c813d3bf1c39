"""``tianmu up``: starts the city's processes, keeps them running, stops them cleanly."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tianmu.app.process import NAMES, SUPERVISOR, Said, heard
from tianmu.app.settings import Settings

READY_WITHIN = 300.0
"""seconds a process that lives may take to start before we say that it has not: a large city on a
busy machine is slow, and giving up would only have it begin anew"""
STILL = 15.0
"""seconds after which it is said, again and again, what is waited for"""
STOP_WITHIN = 4.5
"""seconds that processes have to end after SIGTERM (the contract says 5 in all)"""
SLOW = 3.0
"""seconds after which it is said who had not ended yet"""
BACK_OFF = (0.2, 1.0, 5.0, 15.0)
"""seconds before a process that died is started again: the first, second, third… time"""
STEADY = 60.0
"""seconds after which an earlier death is forgotten"""


FRUGAL = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_ARENA_MAX": "4"}
"""to our processes: columns of a whole city go back to the system when they are let go of. Left to
itself, the allocator raises its threshold with the first of them, and keeps those after it"""
KEEPS_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""environment variable that our processes are not given: where bytecode is not kept, each of them
compiles the program anew at every start"""
FOLLOWERS = frozenset(NAMES) - {"hub"}
"""processes that load the pack when they start"""


def _environment() -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if name != KEEPS_BYTECODE}
    return {**FRUGAL, **given, SUPERVISOR: str(os.getpid())}


class NotStarted(RuntimeError):
    """A process did not become ready: says which, and where its log is."""


@dataclass
class Child:
    """One process under supervision."""

    name: str
    command: list[str]
    nice: int = 0
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    again_at: float = 0.0


class Supervisor:
    """Runs ``tianmu run NAME`` for each process; ``tell`` gets lines for whoever looks on."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self._settings, self._tell = settings, tell
        self._stopping = False
        self._pack = ""
        base = [sys.executable, "-m", "tianmu", "run"]
        self.children = [
            Child(name, [*base, name, settings.data], nice=10 if name == "works" else 0)
            for name in NAMES
        ]

    def start(self) -> dict[str, Said]:
        """Start all processes and wait until each says it is ready; returns what they said."""
        self._end_orphans()
        for name in NAMES:
            (self._settings.run / f"{name}.json").unlink(missing_ok=True)
        hub, *others = self.children
        self._spawn(hub)
        for child in others:
            self._spawn(child)
        return {child.name: self._await(child) for child in self.children}

    def _end_orphans(self) -> None:
        """Processes of an ``up`` that was killed end by themselves; not all may have by now."""
        orphans = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                if line[-3:-2] == ["run"] and line[-2] in NAMES and line[-1] == self._settings.data:
                    process.terminate()
                    orphans.append(process)
        for process in psutil.wait_procs(orphans, STOP_WITHIN)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
                process.wait()

    def add(self, name: str, command: list[str], nice: int = 0) -> None:
        """Supervise one more process that says nothing of itself (the feed)."""
        child = Child(name, command, nice)
        self.children.append(child)
        self._spawn(child)

    def _spawn(self, child: Child) -> None:
        log = self._settings.folder / "log" / f"{child.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            child.process = subprocess.Popen(
                child.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=_environment(),
                preexec_fn=(lambda: os.nice(child.nice)) if child.nice else None,  # noqa: PLW1509
            )  # fmt: skip
        child.again_at = 0.0

    # Nothing here is woken: a child says that it is ready and which pack it has by a file, several
    # may end at once, and a signal of ours may come at any time, in which no event can be set
    # safely. A thread waiting for each child would make the fork of the next one unsafe.

    def _await(self, child: Child) -> Said:
        began = time.monotonic()
        said_at = 0.0
        why = f"was not ready within {READY_WITHIN:g} s (is the machine busy?)"
        while (waited := time.monotonic() - began) < READY_WITHIN and not self._stopping:
            said = heard(self._settings.run, child.name)
            pid = child.process.pid if child.process else 0
            if said is not None and said.pid == pid and said.state == "ready":
                return said
            if child.process is not None and child.process.poll() is not None:
                why = f"ended with {child.process.returncode} before it was ready"
                break
            if waited - said_at >= STILL:
                said_at = waited
                self._tell(f"{child.name} is still starting, for {waited:.0f} s so far")
            time.sleep(0.02)
        log = self._settings.folder / "log" / f"{child.name}.log"
        tail = log.read_text(errors="replace").strip().splitlines()[-12:]
        end = (
            f"the end of {log}:" if tail else f"{log} is empty: start again, or see `tianmu status`"
        )
        raise NotStarted("\n".join((f"{child.name} {why}; {end}", *tail)))

    def run(self) -> None:
        """Keep the processes running until ``stop``."""
        while not self._stopping:
            now = time.monotonic()
            for child in self.children:
                self._mind(child, now)
            self._mind_pack()
            time.sleep(0.1)

    def _mind_pack(self) -> None:
        """When hub has another pack in force, the others start again and load it."""
        said = heard(self._settings.run, "hub")
        if said is None or said.state != "ready" or not said.pack:
            return
        if self._pack and said.pack != self._pack:
            self._tell("another pack is in force: gate, watch and works start again with it")
            for child in self.children:
                if child.name in FOLLOWERS and child.process is not None:
                    child.deaths.clear()
                    child.process.send_signal(signal.SIGTERM)
        self._pack = said.pack

    def _mind(self, child: Child, now: float) -> None:
        if child.again_at:
            if now >= child.again_at:
                self._spawn(child)
            return
        if child.process is None or child.process.poll() is None:
            return
        child.deaths = [at for at in child.deaths if now - at < STEADY] + [now]
        delay = BACK_OFF[min(len(child.deaths), len(BACK_OFF)) - 1]
        child.again_at = now + delay
        self._tell(
            f"{child.name} ended with {child.process.returncode}; it starts again in {delay:g} s"
        )

    def stop(self) -> None:
        """Ask every process to end, the feed and gate first; kill what does not in time."""
        self._stopping = True
        began = time.monotonic()
        waiting = [one for one in reversed(self.children) if one.process is not None]
        for child in waiting:
            if child.process is not None and child.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    child.process.send_signal(signal.SIGTERM)
        while waiting and time.monotonic() - began < STOP_WITHIN:
            for child in list(waiting):
                if child.process is None or child.process.poll() is not None:
                    waiting.remove(child)
                    if (took := time.monotonic() - began) > SLOW:
                        self._tell(f"{child.name} took {took:.1f} s to end")
            time.sleep(0.01)
        for child in waiting:
            if child.process is not None:
                child.process.kill()
        for child in waiting:
            if child.process is not None:
                child.process.wait()
                self._tell(f"{child.name} did not end in time and was killed")
