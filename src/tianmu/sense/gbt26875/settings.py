"""What a city may set for a source of fire panels (``SourceChanged.settings``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every value is a default, to be set by the city; none is a standard's."""

    test_mode: Literal["told", "operation", "never"] = "told"
    """what puts a panel in test mode: ``told`` = an operation record with the test bit, or a
    state word of unit or system that says test and nothing else; ``operation`` = the record only,
    for panels that leave bit 0 of every state clear; ``never``"""
    test_minutes: float = 60.0
    """test mode ends by itself after this time, so that a forgotten one hides no fire"""
    synchronise: bool = True
    """set the panel's clock on its first frame, once a day, and when it is off"""
    clock_off_seconds: float = 60.0
    """how far a clock may be off before it is set and told"""
    future_seconds: float = 300.0
    """how far in the future a time may lie before it is not believed"""
    past_days: float = 30.0
    """how old a time may be before it is not believed"""
    duplicate_seconds: float = 180.0
    """how long a frame is remembered to know it again when it is sent again"""
    reset_clears: bool = True
    """a reset of a system returns its components to normal, which panels do not tell one by one"""


DEFAULT = Settings()


def read_settings(given: Mapping[str, Any]) -> tuple[Settings, str]:
    """The settings in ``given``, and what is wrong with it (then the defaults hold), or empty."""
    try:
        return msgspec.convert(given, Settings, strict=False), ""
    except msgspec.ValidationError as error:
        return DEFAULT, f"settings {dict(given)!r}: {error}; the defaults hold until it is mended"
