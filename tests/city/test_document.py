"""The line index of TOML files: every value knows where it stands."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.city.file.document import Document, Path, TomlError

TEXT = '''# head
title = "x # not a comment"
long = """
[not.a.table]
a = 1
"""   # after
[plain]
"quoted key" = 1
dotted.inner = 2
list = [
  1,  # one
  { a = 1, b = [2,
      3] },
]

[[many]]
x = 1
[[many.deep]]
y = 2
[[many.deep]]
y = 3
[[many]]
x = 4
[many.table]
z = 5
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("long",), 3),
        (("plain",), 7),
        (("plain", "quoted key"), 8),
        (("plain", "dotted", "inner"), 9),
        (("plain", "list", 0), 11),
        (("plain", "list", 1), 12),
        (("plain", "list", 1, "b", 1), 13),
        (("many", 0), 16),
        (("many", 0, "x"), 17),
        (("many", 0, "deep", 0, "y"), 19),
        (("many", 0, "deep", 1, "y"), 21),
        (("many", 1, "x"), 23),
        (("many", 1, "table", "z"), 25),
        (("many", 1, "table", "not there"), 24),
        (("nothing", "at", "all"), 1),
    ],
)
def test_lines(path: Path, line: int) -> None:
    assert Document("x.toml", TEXT).line(*path) == line


def test_syntax_errors_have_their_line() -> None:
    with pytest.raises(TomlError) as caught:
        Document("x.toml", "a = 1\nb = [1,\nc = 2\n")
    assert caught.value.line in (2, 3)
    with pytest.raises(TomlError):
        Document("x.toml", "a = ")


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_every_value_of_the_packs_has_a_line_that_holds_it(name: str) -> None:
    for path in pack.locate(name).glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        document = Document(path.name, text)

        def walk(value: object, at: Path, document: Document = document,
                 lines: list[str] = lines) -> None:  # fmt: skip
            if isinstance(value, dict):
                for key, inner in value.items():
                    walk(inner, (*at, key))
            elif isinstance(value, list):
                for index, inner in enumerate(value):
                    walk(inner, (*at, index))
            elif isinstance(value, str) and value:
                assert value in lines[document.line(*at) - 1], (at, value)

        walk(document.data, ())


keys = st.text("abc-_1", min_size=1, max_size=4)
values: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.integers(-99, 99), st.booleans(), st.text("ab ]}#,'=\n", max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=12,
)


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{k} = {toml(v)}" for k, v in value.items()) + " }"
    return str(value)


@given(st.dictionaries(keys, values, max_size=6))
def test_any_document_can_be_indexed(data: dict[str, object]) -> None:
    text = "".join(f"{key} = {toml(value)}\n" for key, value in data.items())
    assert tomllib.loads(text) == data
    document = Document("x.toml", text)
    for number, key in enumerate(data, 1):
        assert document.line(key) == number
