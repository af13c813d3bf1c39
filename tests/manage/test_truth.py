"""A day with recorded truth through the room itself: merged well, every signal counted once."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from benchmarks import merge_day

from tianmu.city import pack


@pytest.mark.parametrize(("name", "hours"), [("liyang", 0.08), ("port_ellery", 1.0)])
def test_a_day_of_truth(name: str, hours: float, tmp_path: Path) -> None:
    seed = secrets.randbelow(1 << 30)
    print(f"python -m benchmarks.merge_day --pack {name} --hours {hours} --seed {seed}")
    city = pack.load(name)
    made = merge_day.draw(city, seed, hours)
    played = merge_day.play(made, city, tmp_path)
    assert set(played.found) == set(made.truth())  # none lost
    assert played.counted == played.signals  # none counted twice
    assert played.agreement.bcubed_precision > 0.9
    assert played.agreement.bcubed_recall > 0.8
