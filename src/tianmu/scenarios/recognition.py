"""Kinds of recognised event that scenarios take: ``[settings.recognition]`` of ``scenario.toml``.

A city sets its own patience in ``<data>/scenarios/<id>/recognition.toml``: the same fields, by the
code of the kind. A scenario that knows more of a place has a ``recognised.py`` with
``adds(city, folder) -> Adds``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tianmu.city.city import City
from tianmu.city.file.document import Document, TomlError
from tianmu.facts.text import Text
from tianmu.scenarios.folder.load import Folder, part
from tianmu.sense.recognition.dwell import Patience
from tianmu.sense.recognition.kind import (
    Adds,
    Catalogue,
    EventKind,
    Sighted,
    catalogue,
    nothing,
)

FILE = "recognition.toml"


class BadPatience(ValueError):
    """A city's ``recognition.toml`` that cannot be used: file, line, what, remedy."""


FIELDS = tuple(field.name for field in msgspec.structs.fields(Patience))


class _Kind(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ``[[settings.recognition.kind]]``; what is not said of patience is the default."""

    code: str
    name: Text
    labels: tuple[str, ...] = ()

    def kind(self) -> EventKind:
        patience = Patience(**{name: getattr(self, name) for name in FIELDS})
        return EventKind(self.code, self.name, self.labels, patience)


def kinds_of(settings: Mapping[str, Any]) -> tuple[EventKind, ...]:
    """The kinds of a scenario's settings, in their order."""
    told = settings.get("recognition", {}).get("kind", [])
    return tuple(one.kind() for one in msgspec.convert(told, list[_Kind]))


def of_city(kinds: Iterable[EventKind], file: Path) -> tuple[EventKind, ...]:
    """The kinds with a city's own patience; as they are where there is no such file. Raises
    ``BadPatience``."""
    known = {one.code: one for one in kinds}
    if not file.is_file():
        return tuple(known.values())
    try:
        document = Document(file.name, file.read_text(encoding="utf-8"))
    except TomlError as error:
        raise BadPatience(f"{file}:{error.line}: {error}: mend the TOML") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadPatience(f"{file}:0: {error}: save it in UTF-8") from error
    for code, told in document.data.items():
        where = f"{file}:{document.line(code)}"
        old = known.get(code)
        if old is None or not isinstance(told, Mapping):
            raise BadPatience(f"{where}: {code} is no kind of event: use {', '.join(known)}")
        said = {**msgspec.structs.asdict(old.patience), **told}
        try:
            patience = msgspec.convert(said, Patience)
        except msgspec.ValidationError as error:
            raise BadPatience(f"{where}: {error}: set only {', '.join(FIELDS)}") from error
        known[code] = replace(old, patience=patience)
    return tuple(known.values())


def taken(
    scenarios: Iterable[Folder], city: City, data: Path, tell: Callable[[str], None]
) -> Catalogue:
    """What all scenarios of a city take. Of a scenario that cannot be used nothing is taken, and of
    a city's file that cannot be used nothing holds: both are told, and the others go on."""
    kinds: list[EventKind] = []
    adding: dict[str, Adds] = {}
    device = ""
    for one in scenarios:
        folder = data / "scenarios" / one.id
        try:
            own = kinds_of(one.manifest.settings)
            catalogue([*kinds, *own])
            adds = _adds(one, city, folder) if own else nothing
        except Exception as error:  # whatever an outsider's code raises while it is imported
            tell(f"scenario {one.id} takes no events: {type(error).__name__}: {error}")
            continue
        try:
            own = of_city(own, folder / FILE)
        except BadPatience as error:
            tell(f"{error}; the scenario's own figures hold")
        if own:
            device = device or str(one.manifest.settings["recognition"].get("device", ""))
        adding |= {kind.code: adds for kind in own}
        kinds += own

    def add(sighted: Sighted) -> Mapping[str, Any]:
        return adding[sighted.kind](sighted)

    return catalogue(kinds, device, add)


def _adds(one: Folder, city: City, folder: Path) -> Adds:
    if not (one.folder / "recognised.py").exists():
        return nothing
    found: Adds = part(one, "recognised").adds(city, folder)
    return found
