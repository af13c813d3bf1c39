"""What a connector is given, and what it gives: bytes in, readings out, nothing else.

A connector is a folder: ``manifest.toml`` (it describes itself), ``codec.py`` (pure: bytes to
readings, no I/O), ``connector.py`` (the socket), ``README.md``. It opens its socket, makes
``Readings`` of what arrives and hands them to the ``Intake``; when ``take`` returns, they are on
disk and may be acknowledged to the sender.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.deed import Deed
from tianmu.facts.registry import SourceChanged
from tianmu.facts.text import Text


@dataclass(frozen=True)
class Candidate:
    """What an unregistered address seems to be: offered to whoever registers it."""

    kind: str = ""
    """device kind of the pack, if the protocol tells"""
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Readings:
    """``n`` observations by wire address, before the registry has given them an index.

    ``address`` names a device by its id or by its ``address`` label; ``property`` one of its
    properties. ``time`` is µs since the epoch, shape (n,); ``value`` f64 (n,), NaN where the
    result is no number (then ``side[row]`` holds it). ``side[row]`` may also hold a mapping with
    what came along (description, state names) when ``value`` is a number.
    """

    address: Sequence[str]
    property: Sequence[str]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8] | None = None
    sequence: NDArray[np.uint32] | None = None
    side: Mapping[int, Any] = field(default_factory=dict)
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    """address → what it may be, for those the registry does not know"""

    def __post_init__(self) -> None:
        n = len(self.address)
        for name in ("property", "time", "value", "quality", "sequence"):
            column = getattr(self, name)
            if column is not None and len(column) != n:
                raise ValueError(f"column {name} has {len(column)} rows, address has {n}")


@dataclass(frozen=True)
class Taken:
    """What became of readings: all of it is on disk."""

    known: int
    """rows appended to the journal"""
    held: int
    """rows kept for devices nobody has registered yet"""
    duplicate: bool
    """the key had been seen: nothing was written again"""


class Intake(Protocol):
    """What gate offers a connector. All of it is safe to call from gate's event loop."""

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        """Put readings on disk (life-safety lane by ``source.life_safety``) and hold those of
        unknown devices; a repeated ``key`` takes effect once. Raises ``store.records.DiskFull``
        when it cannot be kept: then the sender must not be told that it was."""
        ...

    async def quarantine(
        self,
        protocol: str,
        payload: bytes,
        *,
        reason: str,
        peer: str,
        source: str = "",
        offset: int = 0,
        restricted: bool | None = False,
    ) -> None:
        """Keep input that could not be read, with its bytes and the reason; ``restricted``: it may
        have words that are not for everybody who sees the quarantine, None where nobody can tell:
        then that goes by the protocol of its source."""
        ...

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        """The active source that may speak with this wire address (a panel's source address, an
        MN…) over this protocol, or None: then it is unknown and its input is held."""
        ...

    async def unknown(
        self, protocol: str, address: str, *, peer: str, payload: bytes, candidate: Candidate
    ) -> None:
        """Hold the input of a source nobody has registered, counted and offered."""
        ...

    def in_maintenance(self, address: str) -> bool:
        """Whether the device or source is in a maintenance window now."""
        ...

    def now(self) -> int:
        """µs since the epoch, by the city's clock."""
        ...


class Connector(Protocol):
    """A running socket. ``start`` binds it, ``stop`` closes it and lets what is under way end."""

    @property
    def protocol(self) -> str: ...

    @property
    def name(self) -> Text: ...

    async def start(self, host: str, port: int) -> int:
        """Bind (0 = any free port) and return the port."""
        ...

    async def stop(self) -> None: ...

    def state(self) -> Mapping[str, Any]:
        """Counters for the wall: connections, frames, refused, last_at (µs)."""
        ...

    async def replay(self, payload: bytes, *, source: str, peer: str) -> bool:
        """Take input from the quarantine again; False where it still cannot be read."""
        ...


Work = Callable[[str, Deed], Awaitable[None]]
"""Does a deed at the device with a wire address; what comes of it is told as readings."""


@runtime_checkable
class DoesDeeds(Protocol):
    """A connector that can also do things at the devices behind it (ask, set, switch)."""

    def deeds(self) -> Mapping[str, Work]:
        """What it does, by the verb of the deed. A work ends by itself; it may take hours."""
        ...
