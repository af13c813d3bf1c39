"""What a city asks of anomaly detection, by kind of device: how many false alarms it bears, and
what an alarm of it is worth."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec

from tianmu.city.device.property import Property

MOST_PER_WEEK = 10_000.0


class Anomaly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[kind.anomaly]``: of the properties of the kind that say ``anomaly = true``."""

    false_alarms_per_week: float = 1.0
    """tolerable, of all devices of the kind together; a default, to be set by the city"""
    priority: int = 4
    """1 highest … 4 lowest"""
    matter: str = ""
    """key of the matter that such an alarm opens a case of; empty: listed, no case"""
    basis: str = ""


def check_property(one: Property, fault: Callable[..., None]) -> None:
    """Tell ``fault(what, remedy)`` where it cannot be learnt."""
    if one.anomaly and one.states:
        fault(
            f"{one.code} has states: there is no expected value of them",
            "leave `anomaly` out; a rule of type state tells of them",
        )


def check_kind(
    anomaly: Anomaly,
    properties: Mapping[str, Property],
    matters: Collection[str],
    fault: Callable[..., None],
) -> None:
    """Tell ``fault(what, remedy, *where)`` of all that cannot be."""
    if not any(one.anomaly for one in properties.values()):
        fault("no property says `anomaly = true`", "say it of one, or leave this out", "anomaly")
    if not 0 < anomaly.false_alarms_per_week <= MOST_PER_WEEK:
        fault(
            f"{anomaly.false_alarms_per_week:g} tolerable false alarms a week",
            f"use more than 0, at most {MOST_PER_WEEK:g}",
            "anomaly", "false_alarms_per_week",
        )  # fmt: skip
    if anomaly.priority not in (1, 2, 3, 4):
        what = f"priority {anomaly.priority}"
        fault(what, "use 1 (highest) to 4", "anomaly", "priority")
    if anomaly.matter and anomaly.matter not in matters:
        what = f"{anomaly.matter!r} is no matter"
        fault(what, "use a key of matters.csv", "anomaly", "matter")
