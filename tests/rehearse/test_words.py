"""Citizens' words are filled from the pack's templates, and from nothing else."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.rehearse.truth.words import Words

from .small import NAMES, SEEDING


def test_placeholders_are_filled() -> None:
    words, random = Words(SEEDING, NAMES, "en"), np.random.default_rng(1)
    told = [words.tell("m:fire", "north", "north", random) for _ in range(200)]
    said = {one for one in told if one is not None}
    texts = {text for text, _ in said}
    assert {category for _, category in said} == {"request"} and None not in told
    assert "Smoke by the mill in Northtown!" in texts and "Smoke on the quay in Northtown!" in texts
    times = [t for t in texts if t.startswith("I see")]
    assert times and all(re.fullmatch(r"I see smoke, Northtown, since \d\d:\d\d", t) for t in times)
    text, category = words.tell("m:bin", "north", "south", random) or ("", "")
    assert re.fullmatch(r"The bin (by the mill|on the quay) is full, Southtown \d+", text)
    assert category == "complaint"


def test_what_the_pack_has_no_words_for_is_not_told() -> None:
    random = np.random.default_rng(1)
    assert Words(SEEDING, NAMES, "en").tell("m:nothing", "north", "north", random) is None
    assert Words(SEEDING, NAMES, "en").tell("m:chinese", "north", "north", random) is None
    assert Words(SEEDING, NAMES, "fr").any_matter(random) is None
    chinese = Words(SEEDING, NAMES, "zh")
    assert chinese.tell("m:chinese", "north", "north", random) == ("垃圾桶满了", "")
    assert chinese.any_matter(random) == "m:chinese"


def test_matters_come_by_weight() -> None:
    words, random = Words(SEEDING, NAMES, "en"), np.random.default_rng(2)
    drawn = Counter(words.any_matter(random) for _ in range(2_000))
    assert drawn["m:bin"] / 2_000 == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
@given(seed=st.integers(0, 2**31))
def test_no_placeholder_of_a_shipped_pack_is_left_open(name: str, seed: int) -> None:
    city, language = CITIES[name]
    names = {code: one.name for code, one in city.divisions.items()}
    words, random = Words(city.seeding.plain(), names, language), np.random.default_rng(seed)
    matter = words.any_matter(random)
    town = next(code for code, one in city.divisions.items() if one.tier == 2)
    said = words.tell(str(matter), town, town, random)
    assert said is not None and said[0].strip() and not re.search(r"[{}]", said[0])
    assert "  " not in said[0]


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_who_reads_what_citizens_say_knows_what_it_is_about(name: str) -> None:
    """Thanks for a purse that was found are no fire: a draw among all matters made them one."""
    city, language = CITIES[name]
    names = {code: one.name for code, one in city.divisions.items()}
    words, random = Words(city.seeding.plain(), names, language), np.random.default_rng(4)
    town = next(code for code, one in city.divisions.items() if one.tier == 2)
    for matter in {one.matter for one in city.seeding.reports if one.texts.get(language)}:
        said = {words.tell(matter, town, town, random) for _ in range(20)}
        assert {words.matter_of(f"{one[0]} {one[0]}") for one in said if one} == {matter}
    assert words.matter_of("") == words.matter_of("0") == ""


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
@pytest.mark.parametrize("text", ["茶馆里跑来一只孔雀", "a peacock is lost at the tea house"])
def test_what_nothing_is_like_is_no_matter(name: str, text: str) -> None:
    """A sign or two in common say nothing: a peacock was an overflowing bin, and a fire."""
    city, language = CITIES[name]
    names = {code: one.name for code, one in city.divisions.items()}
    assert Words(city.seeding.plain(), names, language).matter_of(text) == ""


CITIES = {name: (city := pack.load(name), city.languages[0]) for name in ("liyang", "port_ellery")}
