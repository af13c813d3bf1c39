"""Reads the files of one pack and gathers every fault found on the way."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tianmu.city.file.document import Document, Key, TomlError
from tianmu.city.file.fault import Fault
from tianmu.facts.text import Text

T = TypeVar("T")

_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+|\.\.\.)\]")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True)
class Row:
    """One line of a CSV file: ``cells`` by column name, stripped."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def text(self, column: str, languages: Sequence[str]) -> Text:
        """The columns ``<column>_<language>`` that hold anything."""
        return {
            language: words
            for language in languages
            if (words := self.cells.get(f"{column}_{language}", ""))
        }


class PackReader:
    """The folder of one pack. Reading never raises: what is wrong becomes a fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self.languages: tuple[str, ...] = ()
        self.scenario = ""
        """whose files they are, where not the pack's"""
        self.brought: tuple[PackReader, ...] = ()
        """of scenarios, whose entries the city has besides its own"""
        self.stands_for: dict[str, str] = {}
        """matter of the scenario → the one the city has in its place"""
        self.levels: dict[int, str] = {}
        """number → what the city calls it, for files that cannot know"""
        self._lines: dict[tuple[str, str], int] = {}

    def note(self, file: str, key: str, line: int) -> None:
        """Remember that ``key`` stands on ``line``, for faults found later."""
        self._lines.setdefault((file, key), line)

    def line_of(self, file: str, key: str) -> int:
        """Where ``key`` stands, or 0."""
        return self._lines.get((file, key), 0)

    def find(self, file: str, words: str, occurrence: int = 0) -> int:
        """The line that holds ``words`` for the so-manieth time (from 0), or 0."""
        text = self._read(file, required=False, remedy="") or ""
        at = -1
        for _ in range(occurrence + 1):
            at = text.find(words, at + 1)
            if at < 0:
                return 0
        return text.count("\n", 0, at) + 1

    def anywhere(self, file: str, words: str) -> tuple[PackReader, int]:
        """Whose ``file`` holds ``words``, and on which line; the pack's and 0 where none does."""
        found = ((one, one.find(file, words)) for one in self.sources)
        return next((pair for pair in found if pair[1]), (self, 0))

    def fault(self, file: str, line: int, what: str, remedy: str) -> None:
        self.faults.append(Fault(file, line, what, remedy))

    @property
    def sources(self) -> tuple[PackReader, ...]:
        """The pack and what is brought to it, in this order: the first entry of a code counts."""
        return (self, *self.brought)

    def here(self, matter: str) -> str:
        """What the city has for a matter that is named in these files."""
        return self.stands_for.get(matter, matter)

    def name(self) -> Text:
        """What a scenario is called; nothing for a pack, which says it in its head."""
        return {}

    def said(self, text: Text) -> bool:
        """Whether ``text`` is in as many languages as it must be: one, in a pack."""
        return any(text.values())

    # -- bytes ---------------------------------------------------------------------------------

    def _read(self, file: str, *, required: bool, remedy: str) -> str | None:
        path = self.folder / file
        try:
            return path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            if required:
                self.fault(file, 0, "file is missing", remedy)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].count(b"\n") + 1
            self.fault(file, before, "not UTF-8 text", "save the file as UTF-8")
        except OSError as error:
            self.fault(file, 0, f"cannot be read ({error.strerror})", "mend its permissions")
        return None

    # -- TOML ----------------------------------------------------------------------------------

    def toml(self, file: str, *, required: bool = True, remedy: str = "") -> Document | None:
        text = self._read(file, required=required, remedy=remedy or f"add {file}, see docs/pack.md")
        if text is None:
            return None
        try:
            return Document(file, text)
        except TomlError as error:
            self.fault(file, error.line, f"not valid TOML: {error}", "mend the syntax here")
            return None

    def build(
        self, document: Document, path: tuple[Key, ...], value: Any, type_: type[T]
    ) -> T | None:
        """``value`` (which stands at ``path``) as ``type_``, or a fault and None."""
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `")
            steps: list[Key] = []
            for name, index in _STEP.findall(where):
                if name:
                    steps.append(name)
                elif index != "...":
                    steps.append(int(index))
            unknown = re.search(r"unknown field `(.+?)`", what)
            if unknown:
                steps.append(unknown[1])
                remedy = f"remove or rename {unknown[1]!r}; docs/pack.md lists the keys"
            elif "missing required field" in what:
                remedy = "add it; docs/pack.md says what it means"
            else:
                remedy = "give a value of that type"
            line = document.line(*path, *steps)
            key = ".".join(one for one in (*path, *steps) if isinstance(one, str))
            if key and not unknown:
                what = f"{key}: {what}"
            self.fault(document.file, line, what, remedy)
            return None

    def tables(
        self, document: Document, name: str, type_: type[T], *, required: bool = True
    ) -> Iterator[tuple[int, T]]:
        """Each ``[[name]]`` of the document that is sound, with its line."""
        found = document.data.get(name, [])
        if not isinstance(found, list) or (required and not found):
            line = document.line(name)
            self.fault(document.file, line, f"no [[{name}]] table", f"add at least one [[{name}]]")
            return
        for index, value in enumerate(found):
            built = self.build(document, (name, index), value, type_)
            if built is not None:
                yield document.line(name, index) if self.faults else 0, built

    def only(self, document: Document, *known: str) -> None:
        """A fault for every top-level key that nobody reads: it is a typing mistake."""
        for key in document.data:
            if key not in known:
                self.fault(
                    document.file,
                    document.line(key),
                    f"nobody reads {key!r}",
                    f"remove it or use one of: {', '.join(sorted(known))}",
                )

    def words(self, document: Document, path: tuple[Key, ...], text: Text) -> None:
        """A fault where ``text`` is empty or speaks a language the pack does not have."""
        if not any(text.values()):
            self.fault(document.file, document.line(*path), "no words", "say it in a language")
        for language in text:
            if language not in self.languages:
                self.fault(
                    document.file,
                    document.line(*path, language),
                    f"language {language!r} is not one of the pack's",
                    f"use {', '.join(self.languages)} or add it to languages in city.toml",
                )

    # -- CSV -----------------------------------------------------------------------------------

    def csv(
        self,
        file: str,
        columns: Sequence[str],
        *,
        optional: Sequence[str] = (),
        texts: Sequence[str] = (),
        required: bool = True,
    ) -> list[Row]:
        """Rows of a CSV file with a head line. ``texts`` stand for one column per language."""
        text = self._read(file, required=required, remedy=f"add {file}, see docs/pack.md")
        if text is None:
            return []
        spoken = [f"{name}_{language}" for name in texts for language in self.languages]
        needed = set(columns)
        known = needed | set(optional) | set(spoken)
        rows = csv.reader(io.StringIO(text))
        head = [name.strip() for name in next(rows, [])]
        for name in sorted(needed - set(head)):
            self.fault(file, 1, f"column {name!r} is missing", "add it to the head line")
        for name in head:
            if name not in known:
                remedy = f"remove it; known columns: {', '.join(sorted(known))}"
                self.fault(file, 1, f"nobody reads column {name!r}", remedy)
        for name in texts:
            if not any(f"{name}_{language}" in head for language in self.languages):
                self.fault(
                    file,
                    1,
                    f"no column gives {name!r} in any language",
                    f"add {name}_{self.languages[0] if self.languages else 'en'}",
                )
        if self.faults and not needed <= set(head):
            return []
        found = []
        for cells in rows:
            if not any(cells):
                continue
            if len(cells) != len(head):
                self.fault(
                    file,
                    rows.line_num,
                    f"{len(cells)} cells where the head line has {len(head)}",
                    'put a cell that holds a comma in "quotes"',
                )
                continue
            row = dict.fromkeys((*optional, *spoken), "")
            row.update(zip(head, (cell.strip() for cell in cells), strict=True))
            found.append(Row(rows.line_num, row))
        return found

    def number(
        self,
        file: str,
        row: Row,
        column: str,
        *,
        low: float = float("-inf"),
        high: float = float("inf"),
        default: float | None = None,
    ) -> float | None:
        """A number between ``low`` and ``high``, ``default`` for an empty cell, else a fault."""
        cell = row[column]
        if not cell:
            return default
        try:
            value = float(cell)
        except ValueError:
            self.fault(file, row.line, f"{column} {cell!r} is no number", "write a plain number")
            return default
        if not low <= value <= high:
            self.fault(
                file, row.line, f"{column} {value:g} is out of range", f"give {low:g} … {high:g}"
            )
            return default
        return value

    # -- GeoJSON -------------------------------------------------------------------------------

    def geojson(self, file: str, *, required: bool) -> dict[str, Any] | None:
        """A feature collection, unparsed beyond JSON; geometry is checked by ``place``."""
        text = self._read(file, required=required, remedy=f"add {file}, see docs/pack.md")
        if text is None:
            return None
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            self.fault(file, error.lineno, f"not valid JSON: {error.msg}", "mend it here")
            return None
        if not isinstance(data, dict) or not isinstance(data.get("features"), list):
            self.fault(file, 1, "not a GeoJSON FeatureCollection", 'give {"type": "Feature…"}')
            return None
        return data


def is_language(tag: str) -> bool:
    """Whether ``tag`` has the shape of a BCP 47 language tag."""
    return _LANGUAGE.fullmatch(tag) is not None
