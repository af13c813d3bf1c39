"""Waking readers after a commit: a Unix datagram socket for each, so that nobody polls.

A wake carries no data. A reader binds its socket first and looks at positions afterwards, and it
looks again after each wake: whatever order things happen in, a lost or a spare wake loses nothing.
A socket's name tells which topics its reader waits for, so that a flood on one topic does not
wake those who do not care.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from tianmu.facts.topic import TOPICS

_BITS = {name: 1 << i for i, name in enumerate(TOPICS)}
_OTHER = 1 << 62
_PATH_LIMIT = 104
_SETTLED_NS = 50_000_000
"""a folder's time stamp is trusted only when it is older than the kernel's clock tick by far"""


def mask(topics: Iterable[str]) -> int:
    """The topics as bits; topics that are not in ``facts.topic`` share one bit."""
    bits = 0
    for topic in topics:
        bits |= _BITS.get(topic, _OTHER)
    return bits


class _Folder:
    """``<data>/run/wake``, by paths short enough for a socket address."""

    def __init__(self, data: Path) -> None:
        self.path = data / "run" / "wake"
        self.path.mkdir(parents=True, exist_ok=True)
        self.descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._prefix = f"{self.path.resolve()}/"
        if len(os.fsencode(self._prefix)) + 45 > _PATH_LIMIT:
            self._prefix = f"/proc/self/fd/{self.descriptor}/"
            if not Path(self._prefix).exists():
                os.close(self.descriptor)
                raise OSError(
                    f"the path {self.path} is too long for a socket on this system: "
                    "choose a data folder with a shorter path"
                )

    def address(self, name: str) -> str:
        return self._prefix + name

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.descriptor)


class Sleeper:
    """A reader's ear: ``fileno`` becomes readable when a topic it listens to has news."""

    def __init__(self, data: Path) -> None:
        self._folder = _Folder(data)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._token = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._mask = 0
        self._name = f"{self._token}-0"
        self._socket.bind(self._folder.address(self._name))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def fileno(self) -> int:
        return self._socket.fileno()

    def listen(self, topics: Iterable[str]) -> None:
        """Hear of ``topics`` too, from now on."""
        wanted = self._mask | mask(topics)
        if wanted != self._mask:
            name = f"{self._token}-{wanted:x}"
            os.rename(
                self._name,
                name,
                src_dir_fd=self._folder.descriptor,
                dst_dir_fd=self._folder.descriptor,
            )
            self._name, self._mask = name, wanted

    def drain(self) -> None:
        """Forget the wakes so far; look at positions after this, not before."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(16)

    def sleep(self, timeout: float) -> bool:
        """Until a wake or ``timeout`` (s); False on time-out."""
        return bool(self._poll.poll(max(0.0, timeout) * 1000))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._name, dir_fd=self._folder.descriptor)
        self._socket.close()
        self._folder.close()


class Waker:
    """A writer's voice: wakes who listens, never blocks, clears away sockets nobody holds."""

    def __init__(self, data: Path) -> None:
        self._folder = _Folder(data)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._lock = threading.Lock()
        self._stamp = -1
        self._listeners: list[tuple[str, int]] = []

    def _list(self) -> list[tuple[str, int]]:
        stamp = os.fstat(self._folder.descriptor).st_mtime_ns
        if stamp != self._stamp:
            listeners = []
            for name in os.listdir(self._folder.descriptor):  # noqa: PTH208 - by descriptor
                with contextlib.suppress(ValueError):
                    listeners.append((name, int(name.rpartition("-")[2], 16)))
            self._listeners = listeners
            self._stamp = stamp if time.time_ns() - stamp > _SETTLED_NS else -1
        return self._listeners

    def wake(self, topics: Iterable[str]) -> None:
        wanted = mask(topics)
        with self._lock:
            for name, listens in self._list():
                if listens & wanted:
                    self._send(name)

    def _send(self, name: str) -> None:
        try:
            self._socket.sendto(b"!", self._folder.address(name))
        except BlockingIOError:
            pass  # its buffer is full of wakes already
        except ConnectionRefusedError:
            self._stamp = -1
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=self._folder.descriptor)
        except FileNotFoundError:
            self._stamp = -1  # renamed or gone just now: look again
            self._retry(name)
        except OSError:
            self._stamp = -1

    def _retry(self, name: str) -> None:
        token = name.rpartition("-")[0]
        for other in os.listdir(self._folder.descriptor):  # noqa: PTH208 - by descriptor
            if other.startswith(token + "-"):
                with contextlib.suppress(OSError):
                    self._socket.sendto(b"!", self._folder.address(other))

    def close(self) -> None:
        self._socket.close()
        self._folder.close()
