"""``scenario.toml``: what a scenario says of itself, as data.

Its page, its place in the menu and its checklist are made from it; see docs/rooms/scenarios.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from tianmu.city.device.anomaly import MOST_PER_WEEK
from tianmu.city.file.document import Document, TomlError
from tianmu.city.level.plan import COLOURS
from tianmu.city.place.network import Positive
from tianmu.facts.text import Text

LANGUAGES = ("zh", "en")
KINDS = ("scenario", "engine")
FIGURES = ("mean", "low", "high")
AtLeastOne = Annotated[float, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
MOST_STEPS = 96
"""of one forecast"""
DAY_MIN = 1440


class BadManifest(ValueError):
    """A ``scenario.toml`` that cannot be used: file, line, what, remedy."""


class Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the checklist: done, or exempt and why."""

    what: Text
    state: str
    """``done`` or ``exempt``"""
    why: Text = {}
    """of an exemption; of what is done, where it can be seen"""


class Chart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chart of the page: one property of devices of one kind over time."""

    code: str
    name: Text
    kind: str
    property: str
    hours: int = 24


class Forecast(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A property of devices of one kind that is forecast, with bands."""

    code: str
    name: Text
    kind: str
    property: str
    hours: int
    """how far ahead"""
    step_min: int = 60
    """minutes of one step: what is forecast is a figure of each step"""
    of: str = "mean"
    """``mean``, ``low`` or ``high`` of a step"""
    rule: str = ""
    """a threshold rule whose limit is watched: told where it will be passed"""
    warn: float = 0.5
    """probability from which that is told"""
    false_alarms_per_week: float = 0.0
    """tolerable, of all its devices together; above 0: a passing that is likely raises an alarm"""
    priority: int = 3
    """of such an alarm: 1 highest … 4 lowest"""
    release: Share = 0.8
    """times the chance that tells such an alarm: it ends below this, so that it does not come and
    go with each forecast"""


class Laid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The network that ``along.py`` beside the manifest lays: alarms on it are judged together."""

    name: Text
    matters: tuple[str, ...]
    """of the alarms that are: code without the edition, or with it"""
    speed_m_s: Positive
    """at which what goes wrong usually travels along it, either way"""
    faster: AtLeastOne = 2.0
    slower: AtLeastOne = 3.0
    slack_min: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """minutes that measuring and telling may put an alarm off"""
    hours: Positive = 24.0
    """alarms that rose longer ago than this are no cause of anything new"""
    within_m: Positive = 100.0
    """what stands so near to one of its nodes stands on it"""


class Judging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How works runs the scenario's ``judge.py``."""

    every_min: float
    """minutes of one step; it is run once after each"""
    settle_s: float = 60.0
    """so long after a step its last readings may come in"""
    over_min: float = 60.0
    """a condition that is told no more ends after so long"""
    grown: AtLeastOne = 1.5
    """times the value that was told last, from which a condition is told anew"""
    moved_m: Positive = 100.0
    """so far elsewhere is it told anew, where no ``within_m`` says how surely it lies"""


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a department does in a scenario; who it is, the pack says by its duties."""

    code: str
    name: Text
    does: Text
    matter: str = ""
    """answered for by whoever leads this matter"""
    party: str = "lead"
    """``lead`` or ``joint`` of the matter"""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to be done at a degree of danger."""

    at: int
    """from this degree on"""
    role: str
    task: Text
    warning: str = ""
    """event of the pack's ``warnings.toml`` that is proposed then, with its ``colour``"""
    colour: str = ""


class Degree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One degree of danger, lowest first."""

    name: Text
    colour: str
    """``#rrggbb``"""
    says: Text = {}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a ``scenario.toml``."""

    id: str
    name: Text
    what: Text
    kind: str = "scenario"
    """``scenario``; or ``engine``: models only, no page"""
    devices: tuple[str, ...] = ()
    """device kinds of the pack that it reads"""
    rules: tuple[str, ...] = ()
    """rules of the pack whose alarms are its own"""
    matters: tuple[str, ...] = ()
    """matters whose cases are its own: code without the edition, or with it"""
    roles: tuple[Role, ...] = ()
    degrees: tuple[Degree, ...] = ()
    plan: tuple[Step, ...] = ()
    charts: tuple[Chart, ...] = ()
    shapes: dict[str, Text] = {}
    """what the shapes of its map stand for, by their kind: for the map's key"""
    fresh_s: float = 120.0
    """for so long the danger that was reckoned is told to all who ask"""
    forecasts: tuple[Forecast, ...] = ()
    along: Laid | None = None
    judging: Judging | None = None
    """where it has a ``judge.py``"""
    models: dict[str, Text] = {}
    """what each of its models does, for the page; left out: as ``model.py`` says it"""
    quality: tuple[Quality, ...] = ()
    settings: dict[str, Any] = {}
    """tables, thresholds and words of its own code"""
    notes: tuple[Text, ...] = ()
    """what is a default or not verified: shown with the scenario"""


@dataclass(frozen=True)
class _At:
    """Where a manifest stands, so that a fault can say its line."""

    document: Document
    file: Path

    def wrong(self, path: tuple[str | int, ...], what: str) -> BadManifest:
        return BadManifest(f"{self.file}:{self.document.line(*path)}: {what}")


def read(file: Path) -> Manifest:
    """The manifest in ``file``. Raises ``BadManifest`` at its first fault."""
    try:
        document = Document(file.name, file.read_text(encoding="utf-8"))
    except TomlError as error:
        raise BadManifest(f"{file}:{error.line}: {error}: mend the TOML") from error
    except UnicodeDecodeError as error:
        raise BadManifest(f"{file}:0: {error}: save it in UTF-8") from error
    try:
        manifest = msgspec.convert(document.data, Manifest)
    except msgspec.ValidationError as error:
        told = str(error)
        remedy = "docs/rooms/scenarios.md says what each key is"
        raise BadManifest(f"{file}:{_line(document, told)}: {told}: {remedy}") from error
    _check(manifest, _At(document, file))
    return manifest


def _line(document: Document, told: str) -> int:
    """The line of a path like ``$.quality[2].state``."""
    at = told.rpartition("`$")[2].rstrip("`")
    keys: list[str | int] = []
    for part in at.replace("[", ".[").split("."):
        if part.startswith("["):
            index = part.strip("[]")
            keys.append(int(index) if index.isdigit() else index)
        elif part:
            keys.append(part)
    return document.line(*keys)


def _check(manifest: Manifest, at: _At) -> None:
    if manifest.kind not in KINDS:
        raise at.wrong(("kind",), f"kind {manifest.kind}: one of {', '.join(KINDS)}")
    _bilingual(manifest.name, at, ("name",))
    _bilingual(manifest.what, at, ("what",))
    for part in ("roles", "degrees", "charts", "forecasts"):
        for index, one in enumerate(getattr(manifest, part)):
            _bilingual(one.name, at, (part, index, "name"))
    if manifest.along is not None:
        _bilingual(manifest.along.name, at, ("along", "name"))
    for name, what in manifest.models.items():
        _bilingual(what, at, ("models", name))
    for index, step in enumerate(manifest.plan):
        _bilingual(step.task, at, ("plan", index, "task"))
        if not 1 <= step.at <= len(manifest.degrees):
            raise at.wrong(("plan", index, "at"), f"degree {step.at}: there is no such degree")
        if bool(step.warning) != (step.colour in COLOURS):
            told = f"warning {step.warning!r} with colour {step.colour!r}"
            raise at.wrong(("plan", index), f"{told}: give both, a colour of {', '.join(COLOURS)}")
        if step.role not in {role.code for role in manifest.roles}:
            raise at.wrong(("plan", index, "role"), f"role {step.role}: add it to roles")
    for index, role in enumerate(manifest.roles):
        if role.party not in {"lead", "joint"}:
            raise at.wrong(("roles", index, "party"), f"party {role.party}: lead or joint")
    for index, asked in enumerate(manifest.forecasts):
        _forecast(asked, at, ("forecasts", index))
    if (judging := manifest.judging) is not None:
        for name, low in (("every_min", 0.01), ("settle_s", 0.0), ("over_min", 0.0)):
            value = getattr(judging, name)
            if not low <= value <= DAY_MIN:
                told = f"{name} {value:g}: give {low:g} to {DAY_MIN}"
                raise at.wrong(("judging", name), told)
    for index, line in enumerate(manifest.quality):
        _bilingual(line.what, at, ("quality", index, "what"))
        if line.state not in {"done", "exempt"}:
            raise at.wrong(("quality", index, "state"), f"state {line.state}: done or exempt")
        if line.state == "exempt" or line.why:
            _bilingual(line.why, at, ("quality", index, "why"))


def steps_of(asked: Forecast) -> int:
    """How many steps ahead it looks."""
    return asked.hours * 60 // asked.step_min


def _forecast(asked: Forecast, at: _At, path: tuple[str | int, ...]) -> None:
    if asked.of not in FIGURES:
        raise at.wrong((*path, "of"), f"of {asked.of}: one of {', '.join(FIGURES)}")
    if asked.step_min < 1 or 1440 % asked.step_min:
        raise at.wrong((*path, "step_min"), f"step_min {asked.step_min}: give a part of 1440")
    if asked.hours * 60 % asked.step_min or not 1 <= steps_of(asked) <= MOST_STEPS:
        raise at.wrong(
            (*path, "hours"),
            f"hours {asked.hours} in steps of {asked.step_min} min: 1 to {MOST_STEPS} whole steps",
        )
    if not 0 < asked.warn <= 1:
        raise at.wrong((*path, "warn"), f"warn {asked.warn}: give a probability above 0")
    tolerable = asked.false_alarms_per_week
    if not 0 <= tolerable <= MOST_PER_WEEK:
        told = f"false_alarms_per_week {tolerable:g}: 0 (no alarms) to {MOST_PER_WEEK:g}"
        raise at.wrong((*path, "false_alarms_per_week"), told)
    if tolerable and not asked.rule:
        told = "false_alarms_per_week without a rule: name the threshold rule whose limit it is of"
        raise at.wrong((*path, "false_alarms_per_week"), told)
    if asked.priority not in (1, 2, 3, 4):
        raise at.wrong((*path, "priority"), f"priority {asked.priority}: 1 (highest) to 4")


def _bilingual(text: Mapping[str, str], at: _At, path: tuple[str | int, ...]) -> None:
    for language in LANGUAGES:
        if not text.get(language, "").strip():
            raise at.wrong(path, f'{path[-1]} is not said in {language}: add {language} = "…"')
