"""What a city missed is counted against what truly happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tianmu.rehearse.feed import score
from tianmu.rehearse.truth.incident import METRES

AT = 1_790_000_000.0


def truth(code: str, **more: Any) -> dict[str, Any]:
    return {
        "incident": code, "code": code, "matter": "m", "truth": True, "at": AT,
        "longitude": 10.0, "latitude": 50.0, "division": "n", "devices": ["d"], "reports": 0,
        **more,
    }  # fmt: skip


def case(number: str, at: float, north_m: float = 0.0, longitude: float | None = 10.0) -> Any:
    return {
        "case": number, "opened_at": datetime.fromtimestamp(at, UTC).isoformat(),
        "closed_at": datetime.fromtimestamp(at + 3600, UTC).isoformat(),
        "place": {"longitude": longitude, "latitude": 50.0 + north_m / METRES},
    }  # fmt: skip


class Cases:
    """A city with these cases, three to a page."""

    def __init__(self, cases: list[Any]) -> None:
        self._cases = cases

    def get(self, path: str, *, cursor: str = "0", **_: Any) -> dict[str, Any]:
        assert path == "/api/cases"
        start = int(cursor)
        more = str(start + 3) if start + 3 < len(self._cases) else None
        return {"items": self._cases[start : start + 3], "next": more}


def count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: list[Any], cases: list[Any]
) -> dict[str, Any]:
    (tmp_path / "feed").mkdir()
    told = [
        {"told": t["incident"], "at": t["at"]} for t in happened if t["devices"] or t["reports"]
    ]
    lines = "".join(json.dumps(one) + "\n" for one in [*happened, *told])
    (tmp_path / "feed" / "truth.jsonl").write_text(lines)
    monkeypatch.setattr(score, "connect", lambda data: Cases(cases))
    return score.count_missed(tmp_path)


def test_missed_and_false_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = [
        truth("seen"),
        truth("seen-late", at=AT + 10_000),
        truth("missed", at=AT + 20_000),
        truth("too-far", at=AT + 30_000),
        truth("too-late", at=AT + 40_000),
        truth("nowhere", at=AT + 50_000),
        truth("unseen", at=AT + 60_000, devices=[]),
        truth("told", at=AT + 70_000, devices=[], reports=1),
        truth("false-quiet", at=AT + 80_000, truth=False),
        truth("false-loud", at=AT + 90_000, truth=False),
    ]
    cases = [
        case("1", AT + 5),
        case("2", AT + 10_000 + 3_000, 400),
        case("3", AT + 30_000, 700),
        case("4", AT + 40_000 + 3_700),
        case("5", AT + 50_000, longitude=None),
        case("6", AT + 70_000 + 1),
        case("7", AT + 90_000 + 1),
    ]
    found = count(tmp_path, monkeypatch, happened, cases)
    assert found == {
        "incidents": 8, "not_told_of_yet_or_by_nobody": 1, "told_of": 7, "missed": 4,
        "missed_codes": ["missed", "nowhere", "too-far", "too-late"],
        "false_starts": 2, "false_starts_with_a_case": 1, "cases": 7,
    }  # fmt: skip


def test_nothing_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = count(tmp_path, monkeypatch, [], [])
    assert found["incidents"] == found["missed"] == found["cases"] == 0
