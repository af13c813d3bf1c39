"""No code knows a city: not its name, not a word of its domain."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tianmu
from tianmu.city import pack

SOURCE = Path(tianmu.__file__).parent
CODECS = SOURCE / "sense"
"""Tables of a wire protocol's standard belong to its codec and carry the standard's own words."""
FILE_HEADS = {SOURCE / "rehearse" / "station" / "water.py"}
"""Column names of a published file, as they stand in it."""
CHINESE = re.compile(r"[一-鿿]+")


def files() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        if SOURCE / "cities" not in path.parents:
            yield path


@cache
def literals(path: Path) -> list[tuple[int, str]]:
    """String literals of a file but for docstrings, which may explain a word to the reader."""
    text = path.read_text(encoding="utf-8")
    explained = {
        (node.value.lineno, node.value.col_offset)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    return [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.STRING and token.start not in explained
    ]


def domain_words() -> set[str]:
    """Chinese names of the pack: divisions, departments, matters, kinds, plans, levels.

    The platform is a device of every city: its name is the program's own. People's everyday
    words for a matter (synonyms) are no names.
    """
    city = pack.load("liyang")
    named = [
        *city.divisions.values(), *city.departments.values(), *city.matters.values(),
        *(kind for kind in city.kinds.values() if kind.code != "platform"),
        *city.plans, *city.tiers,
    ]  # fmt: skip
    words = {text for one in named for text in one.name.values()}
    words |= {one.class_name.get("zh", "") for one in city.matters.values()}
    words |= {text for level in city.profile.levels for text in level.text.values()}
    words |= {
        p.name.get("zh", "") for kind in city.kinds.values() for p in kind.properties.values()
    }
    return {word for word in words if CHINESE.fullmatch(word) and len(word) >= 2}


def test_no_code_names_a_city() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in files()
        for line, text in literals(path)
        if re.search(r"liyang|溧阳|天目湖|port.?ellery|320481", text, re.IGNORECASE)
    ]
    assert found == []


def test_no_code_holds_a_chinese_word_of_the_domain() -> None:
    words = domain_words()
    assert len(words) > 500
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in files()
        if CODECS not in path.parents and path not in FILE_HEADS
        for line, text in literals(path)
        if set(CHINESE.findall(text)) & words
    ]
    assert found == []


def test_no_code_holds_a_departments_code() -> None:
    own = {
        one.code
        for name in ("liyang", "port_ellery")
        for one in pack.load(name).departments.values()
        if "-" in one.code and one.kind != "centre"
    }
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {text}"
        for path in files()
        for line, text in literals(path)
        if text.strip("\"'") in own
    ]
    assert found == []
