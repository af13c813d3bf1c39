"""What the city missed of what truly happened: the feed's truth against the city's cases."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tianmu.rehearse.city.city import City, connect
from tianmu.rehearse.truth.incident import METRES

NEAR_M = 500.0
LATER_S = 3600.0
"""a case that opens within this of an incident, and this near, may be about it"""


def count_missed(data: Path) -> dict[str, Any]:
    """Incidents that signals or reports told of, those with a case, and those without."""
    path = data / "feed" / "truth.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    truth = [line for line in lines if "incident" in line]
    known = {line["told"] for line in lines if "told" in line}
    told = [t for t in truth if t["incident"] in known]
    city = connect(data)
    cases = list(_cases(city))
    missed = [t for t in told if t["truth"] and not any(_about(c, t) for c in cases)]
    false = [t for t in told if not t["truth"] and any(_about(c, t) for c in cases)]
    return {
        "incidents": sum(t["truth"] for t in truth),
        "not_told_of_yet_or_by_nobody": sum(t["truth"] for t in truth)
        - sum(t["truth"] for t in told),
        "told_of": sum(t["truth"] for t in told),
        "missed": len(missed),
        "missed_codes": sorted({t["code"] for t in missed}),
        "false_starts": sum(not t["truth"] for t in told),
        "false_starts_with_a_case": len(false),
        "cases": len(cases),
    }


def _cases(city: City) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = city.get("/api/cases", limit=200, sort="opened", **more)
        yield from page["items"]
        cursor = page["next"]


def _about(case: dict[str, Any], truth: dict[str, Any]) -> bool:
    """Whether the case opened near the incident, in place and time."""
    place = case["place"]
    longitude, latitude = place.get("longitude"), place.get("latitude")
    if longitude is None or latitude is None:
        return False
    opened = datetime.fromisoformat(case["opened_at"]).timestamp()
    closed = case.get("closed_at")
    if opened > truth["at"] + LATER_S:
        return False
    # one that was open already may have taken it in
    if closed and datetime.fromisoformat(closed).timestamp() < truth["at"]:
        return False
    stretch = math.cos(math.radians(latitude))
    east = (longitude - truth["longitude"]) * METRES * stretch
    north = (latitude - truth["latitude"]) * METRES
    return math.hypot(east, north) <= NEAR_M
