"""Merging the past in a process of its own, at the lowest priority: works' child.

Works decides what is merged (``Job``) and alone commits it; the child only writes files. It reads
the job from its standard input and ends when that does, so it never outlives works; what it wrote
without a commit is deleted by works, at once or when it starts again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from tianmu.app.belonging import membership_file
from tianmu.app.process import Said, say
from tianmu.app.settings import Settings, load
from tianmu.store.history import Membership
from tianmu.store.history.compact import merge
from tianmu.store.history.duck import Duck
from tianmu.store.history.job import Job, leftovers
from tianmu.store.history.manifest import File

NAME = "compact"
MEMORY = "384MB"
"""most that sorting holds in memory before it goes to disk"""
NICE = 19
STILL_WITHIN = 5.0
"""seconds that the child of a works that died may take to end"""


class _Result(msgspec.Struct):
    files: tuple[File, ...] = ()
    error: str = ""


class Unmerged(RuntimeError):
    """The child did not write what it was to; nothing of it is left, and the past is unchanged."""


# the child


def serve(data: Path) -> None:
    """Do the one job on standard input; its files, or what went wrong, on standard output."""
    settings = load(data)
    _step_back()
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    with _alone(data / "history"):
        say(settings.run, Said(name=NAME, pid=os.getpid(), state="ready"))
        threading.Thread(target=_end_with_works, daemon=True).start()
        try:
            result = _Result(tuple(_merge(data, job)))
        except Exception as error:
            result = _Result(error=f"{type(error).__name__}: {error}")
        sys.stdout.buffer.write(msgspec.json.encode(result))
        sys.stdout.buffer.flush()


def _merge(data: Path, job: Job) -> list[File]:
    path = membership_file(data)
    membership = Membership.load(path) if path.exists() else None
    folder = data / "history"
    work = _work(folder, job.token)
    work.mkdir(parents=True)
    duck = Duck(work, threads=1, memory=MEMORY)
    try:
        return merge(folder, duck, job, membership)
    finally:
        duck.close()
        shutil.rmtree(work, ignore_errors=True)


def _step_back() -> None:
    """Behind everything else, for processor and disk, as far as the system allows."""
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(psutil.Error, OSError, AttributeError):
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def _end_with_works() -> None:
    """Standard input ends when works does."""
    while os.read(0, 1):  # not through ``sys.stdin``: its lock must be free when we end
        pass
    os._exit(1)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".merge.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _work(folder: Path, token: str) -> Path:
    return folder / f".work-{token}"


# works


class Merger:
    """``merge`` for ``history.keep.tend``: a child for each job."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings, self._stop = settings, stop
        self._folder = settings.folder / "history"

    def __call__(self, job: Job) -> list[File]:
        """The files of ``job``, written by the child. Raises ``Unmerged``."""
        try:
            result = self._run(job)
        finally:
            (self._settings.run / f"{NAME}.json").unlink(missing_ok=True)
            shutil.rmtree(_work(self._folder, job.token), ignore_errors=True)
        if result.error:
            for path in leftovers(self._folder, job.token):
                path.unlink(missing_ok=True)
            raise Unmerged(f"{job.day} is not merged: {result.error}")
        return list(result.files)

    def _run(self, job: Job) -> _Result:
        command = [sys.executable, "-m", "tianmu", "run", NAME, self._settings.data]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            assert child.stdin is not None and child.stdout is not None
            told: list[bytes] = []
            answer = child.stdout
            reader = threading.Thread(target=lambda: told.append(answer.read()))
            reader.start()
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(msgspec.json.encode(job) + b"\n")
                child.stdin.flush()
            while reader.is_alive():  # for its answer or our end, whichever comes first
                if self._stop.is_set():
                    child.kill()
                reader.join(0.1)
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            code = child.wait()
        if code != 0 or not told or not told[0]:
            why = "works is stopping" if self._stop.is_set() else f"its process ended with {code}"
            return _Result(error=why)
        return msgspec.json.decode(told[0], type=_Result)


def still(data: Path) -> None:
    """Wait until the child of a works that died has ended, so that nothing is written any more
    when what it left is deleted. Raises ``TimeoutError``."""
    folder = data / "history"
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + STILL_WITHIN
    with (folder / ".merge.lock").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise TimeoutError(
                        f"another process merges {folder}: end it, then start the city again"
                    ) from None
                time.sleep(0.05)  # a lock that is waited for cannot be given up
    for work in folder.glob(".work-*"):
        shutil.rmtree(work, ignore_errors=True)
