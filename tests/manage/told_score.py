"""How well the words of what people tell give its matter: on sentences with their truth.

``told/tuning.csv`` is for whoever changes words or weights; ``told/test.csv`` was written before
and is only measured. ``truth`` holds the matters that would be right, with ``|`` between them, and
an empty one where it would be right to be sure of none. Both, and each wrong one of the first:
``python tests/manage/told_score.py``.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tianmu.city.pack import load
from tianmu.manage.intake import Policy
from tianmu.manage.signals.vocabulary import Vocabulary

FOLDER = Path(__file__).parent / "told"
Judge = Callable[[str], list[tuple[str, float]]]


@dataclass(frozen=True)
class Sentence:
    language: str
    truth: frozenset[str]
    text: str


@dataclass
class Score:
    """Counts of sentences."""

    fitting: int = 0
    """that some matter of the pack fits"""
    first: int = 0
    """of them: the right one is the likeliest"""
    three: int = 0
    """of them: it is among the three likeliest"""
    known: int = 0
    """of them: the right one, and surely"""
    foreign: int = 0
    """that none fits"""
    wrong: int = 0
    """of all: surely a wrong one"""

    @property
    def told(self) -> int:
        return self.fitting + self.foreign

    def __str__(self) -> str:
        return (
            f"{self.told} sentences, {self.fitting} with a matter: "
            f"first {self.first / self.fitting:.0%}, among three {self.three / self.fitting:.0%}, "
            f"sure and right {self.known / self.fitting:.0%}; "
            f"of all sure and wrong {self.wrong / self.told:.0%} ({self.wrong})"
        )


def sentences(name: str) -> Iterator[Sentence]:
    """Of ``told/<name>.csv``."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            truth = frozenset(row["truth"].split("|"))
            yield Sentence(row["language"], truth, row["text"])


def score(
    judge: Judge, told: Iterator[Sentence], say: Callable[[str], None] | None = None
) -> Score:
    """``say`` gets a line for each sentence that is judged wrong."""
    found = Score()
    for one in told:
        ranked = judge(one.text)[:3]
        sure = next((key for key, weight in ranked[:1] if weight >= Policy().certain), "")
        keys = [key for key, _ in ranked]
        real = one.truth - {""}
        if "" in one.truth:
            found.foreign += 1
        else:
            found.fitting += 1
            found.first += keys[:1] != [] and keys[0] in real
            found.three += not real.isdisjoint(keys)
            found.known += sure in real
        found.wrong += bool(sure) and sure not in real
        if say and (sure not in one.truth):
            say(f"  {one.text} · {' '.join(sorted(one.truth))} · {ranked}")
    return found


def of_pack() -> Judge:
    """By the words of the larger pack."""
    return Vocabulary.of(load("liyang").matters).matters


if __name__ == "__main__":
    judge = of_pack()
    for name in ("tuning", "test"):
        print(name, score(judge, sentences(name), print if name == "tuning" else None))
