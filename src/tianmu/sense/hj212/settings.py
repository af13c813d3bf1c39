"""What a city may set for a source of HJ 212 data (``SourceChanged.settings``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tianmu.sense.hj212 import sm4


class Setup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the centre tells a logger when it first speaks on a connection (HJ 212-2017 6.7).

    Nothing is told unless it is set here: many loggers in the field answer no commands."""

    time: bool = False
    """set the clock (1012), and again when the logger asks for it (1013)"""
    over_time: int | None = None
    """s: time-out of the logger (1000)"""
    recount: int | None = None
    """how often the logger resends (1000)"""
    real_time_interval: int | None = None
    """s between real-time uploads, 30…3600 (1062)"""
    minute_interval: int | None = None
    """min per minute record: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 (1064)"""
    real_time: bool | None = None
    """whether real-time data are uploaded (2011, 2012)"""
    state: bool | None = None
    """whether equipment states are uploaded (2021, 2022)"""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every value is a default, to be set by the city; none is the standard's unless it says so.

    ``stations`` holds, by MN, settings that differ for one station."""

    password: str | None = "123456"  # noqa: S105 - the loggers' factory setting, not a secret
    """``PW`` a frame has to carry; None = any"""
    sm4_key: str = ""
    """key of encrypted data areas: 32 hex digits or 16 characters"""
    time_zone: str = ""
    """IANA name; empty = the city's. The standard's times are local"""
    always_answer: bool = False
    """answer uploads even where Flag does not ask: some loggers of 2005 wait for it"""
    units: dict[str, str] = {}
    """factor → unit it is sent in, where that is not the table's"""
    scale: dict[str, float] = {}
    """factor → what its values are multiplied with, to be in the unit of the device's property"""
    properties: dict[str, str] = {}
    """factor → name of the device's property, where that is not the code"""
    converted: bool = False
    """whether converted values (``Zs…``) are readings of their own, ``<property>.zs``"""
    ahead_seconds: float = 600.0
    """how far ahead of us a time may lie before the clock is not believed"""
    behind_days: float = 400.0
    """how far back a time may lie: loggers send again what they kept while the line was down"""
    part_seconds: float = 8.0
    """how long to wait for the packet that gives others their time"""
    setup: Setup = Setup()
    over_time: float = 10.0
    """s: how long a request waits for its answer (the standard's for mobile networks)"""
    recount: int = 3
    """how often a request is sent in all (the standard's)"""
    execute_seconds: float = 120.0
    """how long a logger may take to execute what it has accepted"""

    @property
    def key(self) -> bytes | None:
        """The SM4 key, or None."""
        return sm4.key_bytes(self.sm4_key) if self.sm4_key else None


DEFAULT = Settings()


def read_settings(given: Mapping[str, Any], mn: str) -> tuple[Settings, str]:
    """The settings of one station, and what is wrong with them (then the defaults hold)."""
    own = given.get("stations", {})
    own = own.get(mn, {}) if isinstance(own, Mapping) else {}
    merged = {**given, **(own if isinstance(own, Mapping) else {})}
    merged.pop("stations", None)
    try:
        settings = msgspec.convert(merged, Settings, strict=False)
        _ = settings.key
    except (msgspec.ValidationError, ValueError) as error:
        return DEFAULT, f"settings of {mn or 'the source'}: {error}; the defaults hold until mended"
    return settings, ""
