"""What a data logger tells, how it behaves, and what became of what it sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tianmu.rehearse.station import frame as wire


@dataclass(frozen=True)
class Value:
    """What is told of one factor: ``said`` maps ``Rtd``, ``Avg``… to texts as sent."""

    code: str
    said: tuple[tuple[str, str], ...]

    def item(self) -> str:
        return ",".join(f"{self.code}-{name}={text}" for name, text in self.said)


@dataclass(frozen=True)
class Upload:
    """One upload. ``at`` is its ``DataTime``; None: the moment it is sent."""

    values: tuple[Value, ...]
    command: str = "2011"
    at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What comes ``delay`` seconds after the step before."""

    delay: float
    upload: Upload


@dataclass
class Counts:
    """What became of what was sent. An upload may be several packets."""

    sent: int = 0
    """packets, each once however often it was sent again; heart-beats apart"""
    acknowledged: int = 0
    resent: int = 0
    failed: int = 0
    """given up for good"""
    kept: int = 0
    """uploads kept after the last resend, to be sent later"""
    heartbeats: int = 0
    connections: int = 0
    commands: int = 0
    latencies: list[float] = field(default_factory=list)
    """seconds from first sending to answer, the newest 100,000"""


@dataclass(frozen=True)
class Nature:
    """How a logger behaves. Times in seconds; defaults are the standard's for mobile networks."""

    edition: int = 2017
    system: str = "21"
    password: str = "123456"  # noqa: S105 - the factory setting
    key: bytes | None = None
    """SM4 key: data areas of commands 2000…2999 are encrypted (2025)"""
    patience: float = 10.0
    resends: int = 3
    reconnect: float = 2.0
    heartbeat: float | None = 60.0
    """between heart-beats 9015 (2025 only); None: none"""
    asks_answer: bool = True
    """sets bit 0 of Flag and waits; otherwise an upload is done when it is written"""
    clock_off: float = 0.0
    """how far its clock is ahead until the centre sets it"""
    obeys: bool = True
    """answers commands of the centre"""
    area: int = wire.AREA
    """bytes of a data area beyond which uploads are split"""
