"""The files of a pack, read so that every value still knows the line it stands on."""

from __future__ import annotations

import re
import tomllib
from typing import Any

Key = str | int
Path = tuple[Key, ...]

_SKIP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_TOML_POSITION = re.compile(r"\(at line (\d+)")
_PLAIN_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'")
_LONG_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}' r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL
)


class TomlError(ValueError):
    """A TOML file that cannot be read, with the line where reading stopped (0 if unknown)."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class Document:
    """A TOML file: its ``data``, and the line of any key path in it.

    The line index is made only when first asked for, so a pack without faults pays nothing.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._text = text
        self._lines: dict[Path, int] | None = None
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _TOML_POSITION.search(str(error))
            line = int(found[1]) if found else text.count("\n") + 1
            raise TomlError(line, str(error)) from error

    def line(self, *path: Key) -> int:
        """The line where ``path`` stands, or the nearest thing around it that has one."""
        if self._lines is None:
            self._lines = _Scanner(self._text).lines
        while path:
            if path in self._lines:
                return self._lines[path]
            path = path[:-1]
        return 1


class _Scanner:
    """Walks TOML that ``tomllib`` has already accepted, noting where each path begins."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Path, int] = {}
        self._line, self._counted = 1, 0
        self._arrays: dict[Path, int] = {}
        table: Path = ()
        while self._skip():
            if self.text.startswith("[[", self.at):
                self.at += 2
                table = self._header(self._keys(), array=True)
                self.at += 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._header(self._keys(), array=False)
                self.at += 1
            else:
                self._assignment(table)

    def _skip(self) -> bool:
        found = _SKIP.match(self.text, self.at)
        if found:
            self.at = found.end()
        return self.at < len(self.text)

    def _note(self, path: Path) -> None:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        self.lines.setdefault(path, self._line)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip()
            if self.text[self.at] in "\"'":
                found = _PLAIN_STRING.match(self.text, self.at)
                assert found is not None
                keys.append(tomllib.loads(f"k = {found[0]}")["k"])
            else:
                found = _BARE.match(self.text, self.at)
                assert found is not None
                keys.append(found[0])
            self.at = found.end()
            self._skip()
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _header(self, keys: list[str], *, array: bool) -> Path:
        path: Path = ()
        for place, key in enumerate(keys):
            path = (*path, key)
            if place == len(keys) - 1 and array:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
        self._note(path)
        return path

    def _assignment(self, table: Path) -> None:
        keys = self._keys()
        path = (*table, *keys)
        self._note(path)
        self.at += 1  # the equals sign
        self._skip()
        self._value(path)

    def _value(self, path: Path) -> None:
        self._note(path)
        sign = self.text[self.at]
        if sign in "\"'":
            found = _LONG_STRING.match(self.text, self.at) or _PLAIN_STRING.match(
                self.text, self.at
            )
            assert found is not None
            self.at = found.end()
        elif sign == "[":
            self.at += 1
            index = 0
            while self._skip() and self.text[self.at] != "]":
                self._value((*path, index))
                index += 1
                self._skip()
                if self.text[self.at] == ",":
                    self.at += 1
            self.at += 1
        elif sign == "{":
            self.at += 1
            while self._skip() and self.text[self.at] != "}":
                self._assignment(path)
                self._skip()
                if self.text[self.at] == ",":
                    self.at += 1
            self.at += 1
        else:
            found = _SCALAR.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
