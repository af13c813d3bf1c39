"""One line of a pack's file, edited."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def replace(file: str, old: str, new: str) -> Callable[[Path], int]:
    """An edit of one line, which gives the line's number."""

    def edit(folder: Path) -> int:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        line = text[: text.index(old)].count("\n") + 1
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return line

    return edit
