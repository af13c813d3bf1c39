"""A city whose clock a drill moves: new, marked for good, and never one with real data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from tianmu.app.platform import PLATFORM_KIND
from tianmu.app.settings import Settings
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.clock import DrillClock, machine

MARK = "drill"
"""file in the data folder of a city whose clock was ever moved by a drill"""
YEAR = 365 * 86_400_000_000
"""µs"""
KEPT = "hub.sqlite"
"""what a folder holds once a city was started on it"""


def forbidden(settings: Settings) -> str:
    """Why the city may not be started by the clock asked for, and what to do; empty if it may. A
    new city gets its clock where there is no file yet: of a year ago, so that all days and holidays
    of the year are still to come, since no drill moves it back."""
    folder = settings.folder
    drilled = (folder / MARK).exists()
    if not settings.clock:
        if not drilled:
            return ""
        return (
            f"{folder} is the city of a drill: its times are not the machine's, and what is real "
            "must not come among them. Start a real city in a folder of its own (--data)"
        )
    try:
        if not drilled and not (folder / KEPT).exists() and not Path(settings.clock).exists():
            DrillClock.make(Path(settings.clock), machine() - YEAR)
        DrillClock(Path(settings.clock))
    except (OSError, ValueError) as error:
        return (
            f"--clock-file: {error}. `tianmu drill` makes that file and starts the city by itself"
        )
    if (folder / KEPT).exists() and not drilled:
        return (
            f"--clock-file moves the time of a whole city, and {folder} has data of a real one: "
            "give a folder that is new (--data)"
        )
    return ""


def drilled(city: City) -> City:
    """The city under a name that says on every screen that its time is a drill's; and without the
    rule that its platform is silent: that speaks as the machine's time passes, and cannot within a
    leap."""
    told = {"zh": "演练时钟", "en": "drill clock"}
    name = {code: f"{words} · {told.get(code, told['en'])}" for code, words in city.name.items()}
    kinds = dict(city.kinds)
    if platform := kinds.get(PLATFORM_KIND):
        speaking = tuple(rule for rule in platform.rules if rule["type"] != "silence")
        kinds[PLATFORM_KIND] = msgspec.structs.replace(platform, rules=speaking)
    return replace(city, name=name, kinds=kinds)


def load_drilled(pack: str | Path) -> City:
    """The city of a pack as it is where a drill moves the clock."""
    return drilled(load(pack))


def mark(settings: Settings) -> None:
    """Mark the folder of a city that goes by a drill's clock, for good."""
    if settings.clock:
        (settings.folder / MARK).write_text(settings.clock + "\n")
