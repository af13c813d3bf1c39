"""What scenarios bring to a city: folders with files in the form of a pack's own.

A scenario is a folder among those that come with the program, or one in ``scenarios/`` of a pack
(docs/rooms/scenarios.md). Here it is data only: the city has what it brings in addition to its
own, and its own entry of the same code wins. A scenario knows no city, so it names matters by its
own keys, levels by their number and departments by their remit; what that is here, is found here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader, Row
from tianmu.city.matter.matter import Matter
from tianmu.facts.text import Text

SHIPPED = Path(str(resources.files("tianmu"))) / "scenarios"
OWN = "scenarios"
"""folder of a pack with scenarios of its own"""
MANIFEST = "scenario.toml"
FILES = (
    "kinds.toml", "matters.csv", "filing_standards.csv", "relations.csv", "duties.csv",
    "plans.toml", "seeding.toml", "reports.toml", "truth.toml", "weights.toml",
)  # fmt: skip
"""that a scenario may bring"""
CITYS = (
    "city.toml", "profiles.toml", "divisions.csv", "departments.csv", "roster.csv", "units.csv",
    "resources.csv", "calendar.toml", "grading.toml", "sending.toml", "contact.toml",
    "telling.toml",
)  # fmt: skip
"""that only a city can: places, people, and what is weighed over all its matters"""
LANGUAGES = ("zh", "en")
_LEVELS = ("severity", "level")


def folders(pack: Path | None = None) -> list[Path]:
    """Folders of scenarios: those that come with the program, then those of the pack."""
    found = sorted(file.parent for file in SHIPPED.glob(f"*/{MANIFEST}"))
    if pack is not None:
        found += sorted(file.parent for file in (pack / OWN).glob(f"*/{MANIFEST}"))
    return found


def id_of(folder: Path) -> str:
    """What the scenario in ``folder`` is called, and the edition of the matters it brings."""
    return folder.name.replace("_", "-")


class ScenarioReader(PackReader):
    """Reads what one scenario brings, in the words of the city it is brought to.

    Nothing is required of it, but every text is to be there in both languages.
    """

    def __init__(self, folder: Path, main: PackReader) -> None:
        super().__init__(folder)
        self.faults = main.faults
        self.languages = LANGUAGES
        self.scenario = id_of(folder)
        within = folder.is_relative_to(main.folder)
        self._shown = folder.relative_to(main.folder) if within else folder

    def fault(self, file: str, line: int, what: str, remedy: str) -> None:
        super().fault((self._shown / file).as_posix(), line, what, remedy)

    def toml(self, file: str, *, required: bool = False, remedy: str = "") -> Document | None:
        document = super().toml(file, required=False)
        if document is not None:
            document.data = self._here(document, document.data, ())
        return document

    def _here(self, document: Document, value: Any, path: tuple[Key, ...]) -> Any:
        """``value`` with matters and levels as they are called here."""
        if isinstance(value, dict):
            return {key: self._here(document, one, (*path, key)) for key, one in value.items()}
        if isinstance(value, list):
            return [self._here(document, one, (*path, n)) for n, one in enumerate(value)]
        if path[-1] in _LEVELS:
            known = type(value) is int and value in self.levels
            if self.levels and not known:
                what = f"{path[-1]} {value!r}: what a city calls its levels, no scenario knows"
                line = document.line(*path)
                self.fault(document.file, line, what, "give its number, 1 (gravest) to 5")
            return self.levels[value] if known else str(value)
        return self.here(value) if isinstance(value, str) else value

    def csv(
        self,
        file: str,
        columns: Sequence[str],
        *,
        optional: Sequence[str] = (),
        texts: Sequence[str] = (),
        required: bool = False,
    ) -> list[Row]:
        return super().csv(file, columns, optional=optional, texts=texts, required=False)

    def said(self, text: Text) -> bool:
        return all(text.get(language) for language in self.languages)

    def words(self, document: Document, path: tuple[Key, ...], text: Text) -> None:
        for language in self.languages:
            if not text.get(language):
                what = f"is not said in {language}"
                self.fault(document.file, document.line(*path), what, f'add {language} = "…"')

    def name(self) -> Text:
        """What the scenario calls itself; faults of the rest of its manifest are told elsewhere."""
        document = super().toml(MANIFEST, required=True)
        name = document.data.get("name", {}) if document is not None else {}
        return dict(name) if isinstance(name, dict) else {}


def bring(main: PackReader) -> None:
    """Give the pack's reader those of the scenarios that its city has."""
    found: dict[str, ScenarioReader] = {}
    for folder in folders(main.folder):
        one = ScenarioReader(folder, main)
        if one.scenario in found:
            what = f"there is a scenario {one.scenario} already: {found[one.scenario].folder}"
            one.fault(MANIFEST, 0, what, "rename the folder")
            continue
        found[one.scenario] = one
        for file in CITYS:
            if (folder / file).exists():
                what = "a scenario cannot bring this: it is for each city to say"
                one.fault(file, 0, what, f"remove it; it may bring {', '.join(FILES)}")
    main.brought = tuple(found.values())


def matters(main: PackReader, known: Mapping[str, Matter]) -> dict[str, dict[str, str]]:
    """Scenario → each matter it brings → the key under which the city has it."""
    found: dict[str, dict[str, str]] = {}
    for one in main.brought:
        own = {key: key for key, matter in known.items() if matter.edition == one.scenario}
        if own or one.stands_for:
            found[one.scenario] = own | one.stands_for
    return found


def digest(folder: Path) -> str:
    """SHA-256 (hex) over names and contents of a pack's data files and of what is brought."""
    whole = hashlib.sha256()
    kept = [path for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in (".toml", ".csv", ".geojson")]  # fmt: skip
    named = [(path.relative_to(folder), path) for path in kept]
    named += [
        (path.relative_to(SHIPPED.parent), path)
        for shipped in folders()
        for file in FILES
        if (path := shipped / file).is_file()
    ]
    for name, path in named:
        whole.update(name.as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
