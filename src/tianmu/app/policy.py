"""What the pack says of keeping, asking and taking, in the words of the rooms that do it."""

from __future__ import annotations

from tianmu.city.city import City
from tianmu.sense.admission import Bounds
from tianmu.store.history import Retention
from tianmu.store.purge import Horizon


def retention_of(city: City) -> Retention:
    """The pack's policy in the words of the store."""
    policy = city.retention
    return Retention(
        raw_days=policy.raw_days,
        minute_days=policy.minute_days,
        hour_days=policy.hour_days,
        day_days=policy.day_days,
        area_days=policy.area_days,
    )


def horizon_of(city: City) -> Horizon:
    """How much of the journal the pack keeps."""
    policy = city.retention
    return Horizon(hours=policy.journal_hours, most_bytes=round(policy.journal_gb * 1e9))


def bounds_of(city: City) -> Bounds:
    """How much sources may have on the way."""
    policy = city.taking
    return Bounds(
        messages=policy.messages,
        size=policy.size_mib << 20,
        reserve=policy.reserve,
        small=policy.small_kib << 10,
        watch_s=policy.watch_s,
        history_s=policy.history_s,
    )
