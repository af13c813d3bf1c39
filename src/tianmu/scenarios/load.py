"""Scenarios are found, never listed: every folder here, and of a pack's ``scenarios``, that has a
``scenario.toml``."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from tianmu.city import brought
from tianmu.scenarios.contract import Model
from tianmu.scenarios.manifest import BadManifest, Manifest, read


@dataclass(frozen=True)
class Scenario:
    """A scenario's folder: what it says of itself, and its models."""

    folder: Path
    manifest: Manifest
    models: tuple[Model, ...]

    @property
    def id(self) -> str:
        return self.manifest.id

    def model(self, name: str) -> Model | None:
        return next((one for one in self.models if one.name == name), None)


@dataclass(frozen=True)
class Broken:
    """A folder that could not be loaded, and why."""

    id: str
    why: str


@dataclass(frozen=True)
class Found:
    """All folders, in the order of their names."""

    scenarios: dict[str, Scenario]
    broken: tuple[Broken, ...]


def find(pack: Path | None = None) -> Found:
    """All scenarios, with those of the pack in a folder. One that cannot be loaded is told and does
    not stop the others."""
    files = (folder / brought.MANIFEST for folder in brought.folders(pack))
    return _read(tuple((file, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=16)
def _read(files: tuple[tuple[Path, int], ...]) -> Found:
    """(manifest, when it was changed) of each folder → what is in them."""
    scenarios: dict[str, Scenario] = {}
    broken: list[Broken] = []
    for file, _ in files:
        name = brought.id_of(file.parent)
        try:
            manifest = read(file)
            if manifest.id != name:
                raise BadManifest(f"{file}: id is {manifest.id}: call it {name}, as its folder")
            scenarios[name] = Scenario(file.parent, manifest, _models(file.parent))
        except Exception as error:  # whatever an outsider's code raises while it is imported
            broken.append(Broken(name, f"{type(error).__name__}: {error}"))
    return Found(scenarios, tuple(broken))


def manifests(pack: Path | None = None) -> dict[str, Manifest]:
    """What every folder says of itself, without a look at its code; without those that cannot be
    read (``find`` tells of them)."""
    found: dict[str, Manifest] = {}
    for folder in brought.folders(pack):
        try:
            manifest = read(folder / brought.MANIFEST)
        except BadManifest:
            continue
        if manifest.id == brought.id_of(folder):
            found[manifest.id] = manifest
    return found


def part(scenario: Scenario, name: str) -> ModuleType:
    """A module of a scenario's folder, such as ``judge``. Raises what its import raises."""
    return _module(scenario.folder, name)


def _models(folder: Path) -> tuple[Model, ...]:
    if not (folder / "model.py").exists():
        return ()
    module = _module(folder, "model")
    models = getattr(module, "MODELS", None)
    if not isinstance(models, tuple) or not all(isinstance(one, Model) for one in models):
        raise TypeError(f"{folder.name}/model.py: MODELS is no tuple of Model: see contract.py")
    names = [one.name for one in models]
    if len(set(names)) != len(names):
        raise ValueError(f"{folder.name}/model.py: two models have one name: rename one")
    return models


def _module(folder: Path, name: str) -> ModuleType:
    around = sys.modules[__package__].__path__
    if str(folder.parent) not in around:
        around.append(str(folder.parent))
    module = importlib.import_module(f"{__package__}.{folder.name}.{name}")
    if Path(module.__file__ or "").parent != folder:
        raise ImportError(f"{module.__file__} is of this name already: rename the folder {folder}")
    return module
