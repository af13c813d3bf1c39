"""What became of each case of a drill, as the city's API tells it, against what was expected."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tianmu.rehearse.drill.ground import Ground
from tianmu.rehearse.drill.script import Expect, wanted

PAGE = 500
LATE = 90.0
"""seconds by which a clock may have been started after the drill's own time: the city works on
between two moves, and no limit of a pack is as short"""


@dataclass
class Became:
    """The cases that hold signals of the drill. ``truth``: signal → the thing it is about."""

    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    """case → what ``GET /api/cases/<case>`` said"""
    of: dict[str, str] = field(default_factory=dict)
    """signal → its case"""
    members: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """case → the drill's own signals in it"""
    truth: dict[str, str] = field(default_factory=dict)

    def cases(self, name: str) -> list[str]:
        """The cases that hold signals about the thing, the one with most of them first."""
        found = Counter(
            case for signal, case in self.of.items() if name in ("", self.truth[signal])
        )
        return [case for case, _ in found.most_common()]


def look(ground: Ground, truth: dict[str, str], since: str = "") -> Became:
    """All cases of the drill's signals (``report:<id>`` and ``device:<name>``) that were opened
    ``since`` (RFC 3339)."""
    became = Became(truth=truth)
    for case in _all_cases(ground, since):
        view = ground.own.get(f"/api/cases/{case}")
        ours = [one for one in view["members"] if signal_of(one) in truth]
        if ours:
            became.views[case], became.members[case] = view, ours
            became.of |= {signal_of(one): case for one in ours}
    return became


def signal_of(member: dict[str, Any]) -> str:
    if member["kind"] == "report":
        return f"report:{member['id']}"
    return f"device:{member['device']}"


def _all_cases(ground: Ground, since: str) -> list[str]:
    found, cursor = [], ""
    more: dict[str, Any] = {"probe": "true"} if ground.marked else {}
    while True:
        asked = {"limit": PAGE, **more, **({"cursor": cursor} if cursor else {})}
        page = ground.own.get("/api/cases", **asked)
        found += [
            one["case"]
            for one in page["items"]
            if one["outcome"] != "merged" and one["opened_at"] >= since
        ]
        cursor = page["next"] or ""
        if not cursor:
            return found


def got(became: Became, expect: Expect, ground: Ground) -> dict[str, Any]:
    """What there is of each thing that is expected."""
    if not expect.case:
        return _of_all(became, wanted(expect))
    cases = became.cases(expect.case)
    if not cases:
        return {key: 0 if key == "cases" else None for key in wanted(expect)}
    view = became.views[cases[0]]
    found: dict[str, Any] = {"cases": len(cases)}
    for key in wanted(expect):
        if key != "cases":
            found[key] = _ONE[key](view, became.members[cases[0]], ground)
    return {key: found[key] for key in wanted(expect)}


def fits(key: str, expected: Any, found: Any) -> bool:
    """Whether what there is is what was expected."""
    if found is None:
        return False
    if key in ("precision_from", "recall_from"):
        return bool(found >= expected)
    if key == "told":
        return set(expected) <= set(found)
    if key == "orders":
        return all(found.get(unit) == state for unit, state in expected.items())
    if key == "joint":
        return sorted(expected) == sorted(found)
    if key == "steps":
        rest = iter(found)
        return all(step in rest for step in expected)
    if key == "clocks":
        return all(
            name in found and 0 <= (found[name] - due).total_seconds() < LATE
            for name, due in expected.items()
        )
    return bool(found == expected)


def lines(result: dict[str, Any]) -> list[str]:
    """What became of each case against what was expected, a line for each time it was looked at,
    and what this city cannot show. ``result``: what ``--json`` prints."""
    found = []
    for one in result["cases"]:
        expected, got = one["expected"], one["got"]
        told = "; ".join(
            f"{key}: expected {_said(expected[key])}, got {_said(got.get(key))}"
            if key in one["wrong"]
            else f"{key}: {_said(got.get(key))}"
            for key in expected
        )
        found.append(
            f"{'passed' if one['passed'] else 'FAILED'}  {one['at']}  {one['case']}  {told}"
        )
    return found + [
        f"unseen  {one['at']}  {one['case']}  {', '.join(one['keys'])}" for one in result["unseen"]
    ]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={_said(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return " ".join(map(_said, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == "" else str(value)


def _of_all(became: Became, keys: dict[str, Any]) -> dict[str, Any]:
    precision, recall = pairwise(became.truth, became.of)
    everything = {
        "cases": len(became.views),
        "signals": len(became.of),
        "reports": sum(one.startswith("report:") for one in became.of),
        "alarms": sum(one.startswith("device:") for one in became.of),
        "precision_from": precision,
        "recall_from": recall,
    }
    return {key: everything[key] for key in keys}


def pairwise(truth: dict[str, str], found: dict[str, str]) -> tuple[float, float]:
    """Precision and recall over pairs of signals; one that is in no case is in none together."""

    def pairs(counts: Counter[Any]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    both = pairs(Counter((truth[one], case) for one, case in found.items()))
    together, true = pairs(Counter(found.values())), pairs(Counter(truth.values()))
    return (both / together if together else 1.0, both / true if true else 1.0)


# -- of one case -----------------------------------------------------------------------------------

View = dict[str, Any]


def _path(view: View, key: str) -> list[str]:
    """Each value of ``key`` that its events had, in order, none twice in a row."""
    path: list[str] = []
    for event in view["events"]:
        value = event["stage"] if key == "stage" else event["data"].get(key)
        if isinstance(value, str) and value and value != (path[-1] if path else ""):
            path.append(value)
    return path


def _steps(view: View, step: str = "") -> list[str]:
    return [one["step"] for one in view["events"] if step in ("", one["step"])]


def _told(view: View) -> list[str]:
    tells = [
        one for event in view["events"] if event["step"] == "tell" for one in event["data"]["tells"]
    ]
    return list(dict.fromkeys(one["unit"] for one in tells))


def _clocks(view: View, zone: Any) -> dict[str, datetime]:
    """Clock → when it ends on the city's wall clock; of several of one name, the last."""
    return {
        one["stage"].partition(":")[0]: datetime.fromisoformat(one["due"])
        .astimezone(zone)
        .replace(tzinfo=None)
        for one in view["deadlines"]
    }


_ONE: dict[str, Any] = {
    "signals": lambda view, ours, ground: view["signals"],
    "reports": lambda view, ours, ground: sum(one["kind"] == "report" for one in ours),
    "alarms": lambda view, ours, ground: sum(one["kind"] == "alarm" for one in ours),
    "level": lambda view, ours, ground: view["level"],
    "levels": lambda view, ours, ground: _path(view, "level"),
    "owner": lambda view, ours, ground: view["owner"],
    "joint": lambda view, ours, ground: view["joint"],
    "stage": lambda view, ours, ground: view["stage"],
    "stages": lambda view, ours, ground: _path(view, "stage"),
    "orders": lambda view, ours, ground: {one["unit"]: one["state"] for one in view["orders"]},
    "told": lambda view, ours, ground: _told(view),
    "clocks": lambda view, ours, ground: _clocks(view, ground.zone),
    "overdue": lambda view, ours, ground: view["overdue"],
    "outcome": lambda view, ours, ground: view["outcome"],
    "queue": lambda view, ours, ground: view["queue"],
    "returns": lambda view, ours, ground: len(_steps(view, "return")),
    "reworks": lambda view, ours, ground: sum(
        one["step"] == "check" and one["data"].get("result") == "fail" for one in view["events"]
    ),
    "urges": lambda view, ours, ground: len(_steps(view, "urge")),
    "escalations": lambda view, ours, ground: len(_steps(view, "escalate")),
    "steps": lambda view, ours, ground: _steps(view),
}
