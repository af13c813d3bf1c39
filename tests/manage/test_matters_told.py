"""Which matter people's words give: on sentences that nothing was tuned on, and how it is told."""

from __future__ import annotations

import pytest

from manage.told_score import of_pack, score, sentences
from tianmu.manage.intake import Policy
from tianmu.manage.signals.vocabulary import Vocabulary

WORDS = {
    "bench": ("bench", "长椅"),
    "lamp": ("street light", "路灯"),
    "cover": ("井盖&不见",),
    "storm": ("雨水井盖&不见",),
    "smoke": ("冒烟",),
    "hill": ("山上冒烟",),
}


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return Vocabulary(WORDS, things={"bench", "lamp"})


def known(words: Vocabulary, text: str) -> str:
    return next((key for key, sure in words.matters(text)[:1] if sure >= Policy().certain), "")


def test_of_sentences_that_nobody_tuned_on() -> None:
    found = score(of_pack, sentences("test"))
    assert found.told >= 60 and found.foreign >= 20, found
    assert found.wrong / found.told <= 0.04, found
    assert found.three / found.fitting >= 0.5, found


@pytest.mark.parametrize(
    "text",
    [
        "有人把书落在公园长椅上了",
        "Somebody left some books on a bench",
        "Thank you for mending the broken street light so quickly",
        "感谢师傅把坏了的路灯修好了",
        "The benchmark is broken",
    ],
)
def test_a_thing_that_is_only_named_is_no_matter(words: Vocabulary, text: str) -> None:
    assert known(words, text) == ""


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("公园长椅的木条断了两根", "bench"),
        ("Two benches by the river are broken", "bench"),
        ("路灯三天没亮了", "lamp"),
        ("The street lights are out", "lamp"),
        ("昨天还在的井盖今天不见了", "cover"),
        ("雨水井盖不见了", "storm"),
        ("南边山上冒烟了", "hill"),
        ("路灯坏了，请尽快处理，感谢！", "lamp"),
        ("公园长椅断了，麻烦派人看看，非常感谢", "bench"),
        ("The street light is broken, please mend it, thanks for your help", "lamp"),
    ],
)
def test_what_is_wrong_with_it_makes_it_one(words: Vocabulary, text: str, matter: str) -> None:
    assert known(words, text) == matter


def test_a_longer_word_silences_the_shorter_one_within_it(words: Vocabulary) -> None:
    assert words.matters("南边山上冒烟了") == [("hill", 1.0)]
    assert {key for key, _ in words.matters("山上冒烟，楼里也冒烟")} == {"hill", "smoke"}
