"""What ``scenario.toml`` sets for the model street's own code."""

from __future__ import annotations

from functools import cache

import msgspec

from tianmu.facts.text import Text
from tianmu.scenarios.settings import settings_of


class FrontSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shops' responsibility by place."""

    kinds: tuple[str, ...]
    """of event, for which a shop answers"""
    within_m: float
    """metres from the camera to the nearest front that answers"""
    near: Text
    drawn: Text


class PresentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the street is judged, and its words."""

    urgent: tuple[str, ...]
    """kinds of which one thing makes the highest degree"""
    busy: int
    """things that stand, from which the street is busy"""
    ring_m: float
    no_camera: Text
    unheard: Text
    """no camera has told anything yet"""
    none: Text
    why: Text
    label: Text
    calm: Text
    """of a camera at which nothing stands"""
    silent: Text
    """of one that has told nothing yet"""
    cameras: Text
    standing: Text
    standing_says: Text
    urgent_name: Text
    fronts: Text
    no_fronts: Text
    bad_file: Text
    left_out: Text
    seeded_fronts: Text


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    fronts: FrontSettings
    present: PresentSettings


@cache
def settings() -> Settings:
    told = settings_of(__file__)
    return msgspec.convert({name: told[name] for name in ("fronts", "present")}, Settings)
