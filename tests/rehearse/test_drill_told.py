"""What a drill prints for a person: each case, what it became, and what was expected of it."""

from __future__ import annotations

from typing import Any

from tianmu.rehearse.drill.became import lines


def test_each_case_is_told_with_what_it_became_and_a_wrong_one_with_what_was_expected() -> None:
    at = "2026-09-03 10:02:00"
    orders: dict[str, Any] = {"transport": "sent"}
    result = {
        "cases": [
            {
                "case": "first", "at": at, "passed": True, "wrong": [],
                "expected": {"cases": 1, "queue": "", "overdue": False, "orders": orders},
                "got": {"cases": 1, "queue": "", "overdue": False, "orders": orders},
            },
            {
                "case": "next", "at": at, "passed": False, "wrong": ["owner", "levels"],
                "expected": {"owner": "police", "levels": ["V", "IV"], "signals": 2},
                "got": {"owner": None, "levels": ["V"], "signals": 2},
            },
        ],
        "unseen": [{"case": "leak", "at": at, "keys": ["alarms", "level"]}],
    }  # fmt: skip
    assert lines(result) == [
        f"passed  {at}  first  cases: 1; queue: none; overdue: no; orders: transport=sent",
        f"FAILED  {at}  next  owner: expected police, got none; "
        "levels: expected V IV, got V; signals: 2",
        f"unseen  {at}  leak  alarms, level",
    ]
