"""What a command prints for a person."""

from __future__ import annotations

from tianmu.facts.plain import lines


def test_what_stands_within_another_is_set_in_and_nothing_is_a_dash() -> None:
    found = {"ok": True, "fire_ms": {"alarm": 1.9, "by": {"hub": 1}}, "trouble": [], "lead": None,
             "missed": ("2026-04-05", "2026-04-06"), "none": {}}  # fmt: skip
    assert list(lines(found, width=8)) == [
        "  ok       True",
        "  fire_ms",
        "    alarm  1.9",
        "    by",
        "      hub  1",
        "  trouble  –",
        "  lead     –",
        "  missed   2026-04-05, 2026-04-06",
        "  none     –",
    ]
