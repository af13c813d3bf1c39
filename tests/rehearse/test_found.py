"""Whether there was nothing where people went, by the truth that the feed wrote down."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tianmu.rehearse.feed.found import Found
from tianmu.rehearse.feed.parts import noted
from tianmu.rehearse.panel import script as panel_script
from tianmu.rehearse.panel.panel import Panel

AT = 1_790_000_000.0


def member(device: str, at: float = AT, kind: str = "alarm") -> dict[str, Any]:
    return {"kind": kind, "device": device, "at": datetime.fromtimestamp(at, UTC).isoformat()}


def view(*members: dict[str, Any]) -> dict[str, Any]:
    return {"members": list(members)}


def test_only_what_was_false_altogether_is_found_false(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    found = Found(file)
    assert not found.nothing(view(member("toast"))), "nothing is known yet"
    lines = [
        {"devices": ["toast"], "at": AT - 5, "void": True},
        {"devices": ["fire"], "at": AT - 5},
        {"devices": ["both"], "at": AT - 900, "void": True},
        {"devices": ["both"], "at": AT - 30, "void": False},
        {"told": "x", "at": AT},
    ]
    file.write_text("".join(json.dumps(one) + "\n" for one in lines) + '{"devices": ["la')
    assert found.nothing(view(member("toast"), member("toast", AT + 60)))
    assert not found.nothing(view(member("toast", AT + 4_000))), "another time"
    assert not found.nothing(view(member("toast"), member("fire")))
    assert not found.nothing(view(member("toast"), member("", kind="report")))
    assert not found.nothing(view(member("both")))
    assert not found.nothing(view(member("unknown"))) and not found.nothing(view())
    with file.open("a") as more:
        more.write(f'te"], "at": {AT}, "void": true}}\n')
    assert found.nothing(view(member("late"))), "a line that was not whole is read when it is"


def test_what_panels_play_is_written_down_before_it_is_sent(tmp_path: Path) -> None:
    components = panel_script.building(random.Random(3))
    panel = Panel("0000000000ab", "127.0.0.1", 1, components=components)
    plain = list(panel_script.script(5, components, 3_600.0, 40))
    file = tmp_path / "truth.jsonl"
    assert list(noted(panel, iter(plain), file)) == plain
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    told = {step.incident for step in plain if step.event.name == "fire"}
    assert len(lines) == len(told)
    assert {one["truth"]: one["void"] for one in lines} == {
        "fire": False, "false_alarm": True, "test": True,
    }  # fmt: skip
    devices = {one.device for one in panel.devices(dict.fromkeys(
        ("fire_transmission_unit", "fire_system", "fire_component"), ()
    ))}  # fmt: skip
    assert all(set(one["devices"]) <= devices for one in lines)
