"""Looking after the files a little at a time, by the process that may mend them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from tianmu.store.history.check import Damage, glance
from tianmu.store.history.mend import Mended
from tianmu.store.journal.contract import Journal

if TYPE_CHECKING:
    from tianmu.store.history.history import History

BYTES = 512 << 20
"""read in one round, about (default, to be set by the city)"""


class Rounds:
    """Each call looks that every file is there and of its size, reads some of them whole, going
    round, and mends what is damaged. For ``keep.tend``, hourly."""

    def __init__(
        self,
        history: History,
        journal: Journal,
        told: Callable[[Mended], None] = lambda mended: None,
        size: int = BYTES,
    ) -> None:
        self._history, self._journal, self._told, self._size = history, journal, told, size
        self._after = ""
        self._begun = False

    def __call__(self) -> list[Mended]:
        files = sorted(self._history.files(), key=lambda f: f.name)
        if not self._begun and files:
            self._begun, self._after = True, random.choice(files).name
        folder = self._history.folder
        found: dict[str, Damage] = {}
        for file in files:
            what = glance(folder, file, sums=False)
            if what is not None:
                found[file.name] = Damage(file, what)
        size = 0
        for file in [f for f in files if f.name > self._after] + files:
            if size >= self._size or (size and file.name == self._after):
                break
            size += file.bytes
            self._after = file.name
            what = None if file.name in found else glance(folder, file)
            if what is not None:
                found[file.name] = Damage(file, what)
        mended = self._history.mend(list(found.values()), self._journal) if found else []
        for one in mended:
            self._told(one)
        return mended
