"""Citizens' words: a pack's report templates, filled."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_PLACEHOLDER = re.compile(r"\{(\w+)\}")

LEAST = 0.8
"""share of a template's own pairs of signs that are in what is about its matter"""


class Words:
    """Fills templates of a matter by seed; knows no language itself."""

    def __init__(
        self, seeding: dict[str, Any], names: dict[str, dict[str, str]], language: str
    ) -> None:
        self._words = seeding["words"]
        self._names, self._language = names, language
        self._by_matter: dict[str, list[dict[str, Any]]] = {}
        for template in seeding["reports"]:
            if template["texts"].get(language):
                self._by_matter.setdefault(template["matter"], []).append(template)
        self._all = [t for some in self._by_matter.values() for t in some]
        weights = np.array([t.get("weight", 1.0) for t in self._all], dtype=float)
        self._weights = weights / weights.sum() if len(weights) else weights

    def any_matter(self, random: np.random.Generator) -> str | None:
        """A matter that people tell of, by weight."""
        if not self._all:
            return None
        matter: str = self._all[int(random.choice(len(self._all), p=self._weights))]["matter"]
        return matter

    def tell(
        self,
        matter: str,
        division: str,
        town: str,
        random: np.random.Generator,
        *,
        fixed: dict[str, str] | None = None,
    ) -> tuple[str, str] | None:
        """(text, category) in somebody's words, or None where the pack has none for it. ``fixed``
        words are not drawn."""
        some = self._by_matter.get(matter)
        if not some:
            return None
        template = some[int(random.integers(len(some)))]
        texts = template["texts"][self._language]
        text = texts[int(random.integers(len(texts)))]
        built_in = {
            "place": self.name(division),
            "division": self.name(division),
            "town": self.name(town),
            "time": f"{random.integers(24):02d}:{random.integers(60):02d}",
            "number": str(random.integers(1, 200)),
        }

        def fill(found: re.Match[str]) -> str:
            name = found.group(1)
            if fixed and name in fixed:
                return fixed[name]
            words = self._words.get(name, {}).get(self._language)
            return self.word(name, random) if words else built_in.get(name, "")

        return _PLACEHOLDER.sub(fill, text), template.get("category", "")

    def matter_of(self, text: str) -> str:
        """What somebody who reads ``text`` takes it to be about: the matter whose template has the
        most of its own words in it, of equals the longest. Empty where none has most of them: a
        word or two stand in anything."""
        said = _pairs(text)
        best, found = (LEAST, 0), ""
        for template in self._all:
            for own in template["texts"][self._language]:
                pairs = {pair for part in _PLACEHOLDER.split(own)[::2] for pair in _pairs(part)}
                both = len(pairs & said)
                if both and (rank := (both / len(pairs), both)) > best:
                    best, found = rank, template["matter"]
        return found

    def word(self, name: str, random: np.random.Generator) -> str:
        """One of the words that fill a placeholder, empty where there are none."""
        words = self._words.get(name, {}).get(self._language)
        return str(words[int(random.integers(len(words)))]) if words else ""

    def name(self, division: str) -> str:
        """What people call a division."""
        name = self._names.get(division, {})
        return name.get(self._language) or next(iter(name.values()), "")


def _pairs(text: str) -> set[str]:
    told = text.casefold()
    return {told[at : at + 2] for at in range(len(told) - 1)}
