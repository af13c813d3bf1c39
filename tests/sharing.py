"""How several workers share the tests: file by file, what takes longest first, and all that use the
running city in one of them, so that it is started once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[1]
RUNNING = "the running city"
USES = re.compile(r"\b(running_city|staffed_city)\b")
SLOW = re.compile(r"\bmark\.slow\b")
LONG = ("tests/whole/", "tests/enrol/", "tests/ui/")
"""whole cities and browsers: few tests to a file that each take seconds, the longest first; then
what is marked as slow, then the files with the most tests"""


@cache
def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def uses_running_city(file: str) -> bool:
    return bool(USES.search(text_of(file)))


class Sharing(LoadFileScheduling):
    """See above."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return RUNNING if uses_running_city(file) else file

    def _assign_work_unit(self, node: Any) -> None:
        longest = max(self.workqueue, key=self._weight)
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)

    def _weight(self, scope: str) -> tuple[bool, int, bool, int]:
        rank = next((n for n, path in enumerate(reversed(LONG), 1) if scope.startswith(path)), 0)
        slow = scope != RUNNING and bool(SLOW.search(text_of(scope)))
        return scope == RUNNING, rank, slow, len(self.workqueue[scope])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    return Sharing(config, log) if config.getoption("dist") == "loadfile" else None
