"""How well the words of what people tell give its matter: on sentences with their truth.

Those of ``told/*tuning.csv`` are for whoever changes words or weights; those of ``told/*test.csv``
were put aside before and are only measured. The ``hands`` are other hands than the first: a
hotline's clerks, dialect, the old, grid workers, what machines heard, what is denied, for both
cities; the ``foreign`` name things of the catalogue and tell of no matter of it; the ``beside`` say
by one thing where another is: written before words of place were heard, and looked at once, before
these were, so that their figure is a little kind. ``truth`` holds
the matters that would be right, with ``|`` between them, and an empty one where it would be right
to be sure of none. All of them, by hand, with what is proposed to a person where that is more, and
each wrong one of the tuned: ``python tests/manage/told_score.py``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tianmu.city.pack import load
from tianmu.manage.intake import Policy
from tianmu.manage.signals.proposed import Proposals
from tianmu.manage.signals.vocabulary import Vocabulary

FOLDER = Path(__file__).parent / "told"
Judge = Callable[[str], list[tuple[str, float]]]


@dataclass(frozen=True)
class Sentence:
    pack: str
    style: str
    """whose hand, or its language"""
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
        fitting = max(self.fitting, 1)
        return (
            f"{self.told} sentences, {self.fitting} with a matter: "
            f"first {self.first / fitting:.0%}, among three {self.three / fitting:.0%}, "
            f"sure and right {self.known / fitting:.0%}; "
            f"of all sure and wrong {self.wrong / self.told:.0%} ({self.wrong})"
        )


def sentences(name: str) -> Iterator[Sentence]:
    """Of ``told/<name>.csv``."""
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            truth = frozenset(row["truth"].split("|"))
            yield Sentence(row["pack"], row["style"], truth, row["text"])


def score(
    judge: Callable[[str], Judge],
    told: Iterable[Sentence],
    say: Callable[[str], None] | None = None,
) -> Score:
    """``judge``: of a pack's name. ``say`` gets a line for each sentence that is judged wrong."""
    found = Score()
    for one in told:
        ranked = judge(one.pack)(one.text)[:3]
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
            say(f"  {one.style} {one.text} · {' '.join(sorted(one.truth))} · {ranked}")
    return found


@cache
def of_pack(name: str) -> Judge:
    """By the words of a pack, as signals are judged."""
    return Vocabulary.of(load(name)).matters


@cache
def proposed(name: str) -> Judge:
    """What is proposed to a person."""
    city = load(name)
    proposals = Proposals(city, Vocabulary.of(city))
    return lambda text: [(one.matter, one.sure) for one in proposals.of(text)]


def by_style(name: str) -> dict[tuple[str, str], list[Sentence]]:
    """(pack, style) → its sentences."""
    found = defaultdict(list)
    for one in sentences(name):
        found[one.pack, one.style].append(one)
    return found


def report(name: str) -> None:
    tuned = name.endswith("tuning")
    print(name, score(of_pack, sentences(name), print if tuned else None))
    print("  proposed:", score(proposed, sentences(name)))
    for (pack, style), some in by_style(name).items():
        print(f"    {pack} {style}:", score(proposed, some))


if __name__ == "__main__":
    for file in sorted(FOLDER.glob("*.csv"), key=lambda one: not one.stem.endswith("tuning")):
        report(file.stem)
