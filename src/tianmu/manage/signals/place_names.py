"""The names of places that people use: learned from the addresses they give.

What is left of an address without the names of the city's divisions is a name; how often it is
told says how little it tells apart. Names that nobody tells any more are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable

from tianmu.manage.case.plain import plain

LONGEST = 40
"""signs of a name that are looked at"""
FEW = 16
"""names that a city has at least, before any was told"""
MOST = 5_000
"""names that are kept: the rare ones go first"""


class PlaceNames:
    """``divisions``: names of the city's divisions, in all its languages."""

    def __init__(self, divisions: Iterable[str] = ()) -> None:
        self._divisions: dict[str, list[str]] = {}
        for name in sorted({plain(one) for one in divisions}, key=lambda one: (-len(one), one)):
            if len(name) > 1:
                self._divisions.setdefault(name[:2], []).append(name)
        self._told: dict[str, int] = {}
        self._by_start: dict[str, list[str]] = {}
        self._total = 0

    def of_address(self, address: str) -> str:
        """The name that is left of a plain address; empty where there is none."""
        found = True
        while found:
            found = False
            for name in self._divisions.get(address[:2], ()):
                if address.startswith(name):
                    address = address[len(name) :]
                    found = True
                    break
        return address[:LONGEST] if len(address) > 1 else ""

    def learn(self, said: str) -> None:
        """One more report: ``Signal.said``."""
        for name in self.named(said):
            known = self._told.get(name, 0)
            if not known:
                self._by_start.setdefault(name[:2], []).append(name)
                self._by_start[name[:2]].sort(key=len, reverse=True)
            self._told[name] = known + 1
            self._total += 1
        if len(self._told) > MOST:
            self._forget()

    def _forget(self) -> None:
        self._told = {name: told // 2 for name, told in self._told.items() if told > 1}
        self._total = sum(self._told.values())
        self._by_start = {}
        for name in sorted(self._told, key=lambda one: (-len(one), one)):
            self._by_start.setdefault(name[:2], []).append(name)

    def named(self, said: str) -> list[str]:
        """The names told, the address's first: at most one from the address and one known from
        the words."""
        address, _, text = said.partition(" ")
        own = self.of_address(address)
        found = [own] if own else []
        best = ""
        for at in range(len(text) - 1):
            for name in self._by_start.get(text[at : at + 2], ()):
                if len(name) > len(best) and text.startswith(name, at):
                    best = name
                    break
        if best:
            found.append(best)
        return found

    def share(self, name: str) -> float:
        """How often this one is told, of all names that are; never nothing."""
        return (self._told.get(name, 0) + 1) / (self._total + len(self._told) + FEW)


def tells(name: str, said: str) -> bool:
    """Whether somebody's words hold the name, or nearly all of a long one."""
    if name in said:
        return True
    if len(name) < 6:
        return False
    pairs = [name[i : i + 2] for i in range(len(name) - 1)]
    return sum(pair in said for pair in pairs) >= 0.8 * len(pairs)
