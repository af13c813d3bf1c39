"""A day with recorded truth through the room itself: merged well, every signal counted once."""

from __future__ import annotations

import math
import secrets
from pathlib import Path

import numpy as np
import pytest
from benchmarks import merge_day, merge_fit
from benchmarks.merge_errors import Errors

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
    errors = Errors(made, city, played.found)
    for (counted, whole), share in (
        (errors.missed(), played.agreement.pairwise_recall),
        (errors.wrong(), played.agreement.pairwise_precision),
    ):
        assert 1 - sum(counted.values()) / whole == pytest.approx(share)


def test_a_day_with_an_officer_who_is_asked(tmp_path: Path) -> None:
    seed = secrets.randbelow(1 << 30)
    print(f"python -m benchmarks.merge_day --hours 0.04 --officer --seed {seed}")
    city = pack.load("liyang")
    made = merge_day.draw(city, seed, 0.04)
    played = merge_day.play(made, city, tmp_path, asking=True)
    assert set(played.found) == set(made.truth())
    assert played.counted == played.signals
    assert 0 <= played.same <= played.asked
    assert played.agreement.bcubed_precision > 0.9


def test_the_powers_that_made_the_choices_are_found_again() -> None:
    random = np.random.default_rng(7)
    made = np.array([0.5, *random.uniform(-1, 2, len(merge_fit.POWERS))])
    choices: list[merge_fit.Choice] = []
    for _ in range(4000):
        traits = random.normal(0, 1, (4, len(merge_fit.POWERS)))
        weights = np.exp(np.append(traits @ made[1:], made[0]))
        right = int(random.choice(5, p=weights / weights.sum()))
        cases = [(1.0, list(row), place == right) for place, row in enumerate(traits)]
        choices.append(merge_fit.Choice(1.0, cases))
    found = merge_fit.fit(choices)
    assert found["anew"] == pytest.approx(math.exp(0.5), rel=0.15)
    for name, value in zip(merge_fit.POWERS, made[1:], strict=True):
        assert found[name] == pytest.approx(value, abs=0.2)


def test_what_reports_could_be_is_noted_as_they_come_and_as_they_are_looked_at_again() -> None:
    city = pack.load("port_ellery")
    made = merge_day.draw(city, 5, 1.0)
    watch = merge_fit.Watch(made)
    watch.play(made, city)
    for choices in (watch.choices, watch.looks):
        cases = [one for choice in choices for one in choice.of_cases]
        assert cases and all(base > 0 for base, _, _ in cases)
        assert {len(numbers) for _, numbers, _ in cases} == {len(merge_fit.POWERS)}
        assert any(right for _, _, right in cases) and not all(right for _, _, right in cases)


def test_how_long_matters_are_told_of_is_learned_from_the_days() -> None:
    city = pack.load("port_ellery")
    assert city.truth is not None
    found = merge_fit.told_minutes(city, [merge_day.draw(city, 5, 1.0)])
    assert found and all(minutes % 5 == 0 and minutes > 0 for minutes in found.values())
    [fire] = [one for one in city.truth.plain()["story"] if one["code"] == "house_fire"]
    longest = max(one["after_s"][1] for one in (*fire["told"], *fire["alarms"]))
    assert 5 <= found["ellery-311:hazard:F01"] <= 5 * math.ceil(longest / 300)
    whole = merge_fit.told_minutes(city, [merge_day.draw(city, 5, 1.0)], since_first=True)
    assert set(whole) == set(found)
    assert whole["ellery-311:hazard:F01"] >= found["ellery-311:hazard:F01"]


def test_how_far_off_matters_are_told_of_is_learned_from_the_days() -> None:
    city = pack.load("port_ellery")
    assert city.truth is not None
    found = merge_fit.told_metres(city, [merge_day.draw(city, 5, 1.0)])
    assert found and all(metres % 10 == 0 and metres > 0 for metres in found.values())
    [fire] = [one for one in city.truth.plain()["story"] if one["code"] == "house_fire"]
    widest = max(one["within_m"] for one in fire["alarms"])
    assert 10 <= found["ellery-311:hazard:F01"] <= 2 * widest + 20


def test_a_piece_of_the_day_is_all_that_is_told_of_what_goes_on_by_then() -> None:
    made = merge_day.draw(pack.load("port_ellery"), 5, 1.0)
    piece = merge_day.going(made, 1.5)
    over = {one.number: one.over for one in made.things}
    assert 0 < len(piece.told) < len(made.told)
    assert piece.told == [one for one in made.told if over[one.thing] >= 5400]
    assert merge_day.going(made, 0.0) == made
