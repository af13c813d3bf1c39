"""One line of a pack's file, edited or damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st


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


def damage(path: Path, data: st.DataObject, swaps: dict[str, str]) -> None:
    """One line of a file dropped, doubled, cut, overwritten, or with its marks swapped."""
    lines = path.read_text(encoding="utf-8").split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    how = data.draw(st.sampled_from(["drop", "double", "cut", "noise", "swap"]))
    if how == "drop":
        del lines[at]
    elif how == "double":
        lines.insert(at, lines[at])
    elif how == "cut":
        lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    elif how == "noise":
        lines[at] = data.draw(st.text(max_size=40))
    else:
        for old, new in swaps.items():
            lines[at] = lines[at].replace(old, new)
    path.write_text("\n".join(lines), encoding="utf-8", errors="surrogatepass")
