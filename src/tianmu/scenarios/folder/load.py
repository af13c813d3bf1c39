"""Scenarios are found, never listed: every folder that comes with the program or
lies in a pack's ``scenarios`` and has a ``scenario.toml``."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from tianmu import scenarios
from tianmu.city import brought
from tianmu.facts import shapes
from tianmu.scenarios.contract import Model
from tianmu.scenarios.folder.manifest import BadManifest, Manifest, read


@dataclass(frozen=True)
class Folder:
    """A scenario's folder and what it says of itself; its code was not looked at."""

    folder: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        return self.manifest.id


@dataclass(frozen=True)
class Scenario(Folder):
    """A scenario's folder with its models."""

    models: tuple[Model, ...]

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
    return _read(_files(pack))


def folders(pack: Path | None = None) -> tuple[dict[str, Folder], tuple[Broken, ...]]:
    """What every folder says of itself, for who needs none of its models: quick, and a model that
    is broken keeps no other part of its scenario from working. With the folders whose manifest
    cannot be read."""
    return _folders(_files(pack))


def manifests(pack: Path | None = None) -> dict[str, Manifest]:
    """Those that can be read."""
    return {one.id: one.manifest for one in folders(pack)[0].values()}


def part(scenario: Folder, name: str) -> ModuleType:
    """A module of a scenario's folder, such as ``judge``. Raises what its import raises."""
    return _module(scenario.folder, name)


Files = tuple[tuple[Path, int], ...]
"""(manifest, when it was changed) of each folder"""


def _files(pack: Path | None) -> Files:
    files = (folder / brought.MANIFEST for folder in brought.folders(pack))
    return tuple((file, file.stat().st_mtime_ns) for file in files)


@lru_cache(maxsize=16)
def _folders(files: Files) -> tuple[dict[str, Folder], tuple[Broken, ...]]:
    found: dict[str, Folder] = {}
    broken: list[Broken] = []
    for file, _ in files:
        try:
            manifest, name = read(file), brought.id_of(file.parent)
            if manifest.id != name:
                raise BadManifest(f"{file}: id is {manifest.id}: call it {name}, as its folder")
            found[name] = Folder(file.parent, manifest)
        except Exception as error:  # whatever stands in an outsider's file
            broken.append(_broken(file.parent, error))
    return found, tuple(broken)


@lru_cache(maxsize=16)
def _read(files: Files) -> Found:
    told, faulty = _folders(files)
    scenarios: dict[str, Scenario] = {}
    broken = list(faulty)
    for name, one in told.items():
        try:
            scenarios[name] = Scenario(one.folder, one.manifest, _models(one.folder))
        except Exception as error:  # whatever an outsider's code raises while it is imported
            broken.append(_broken(one.folder, error))
    return Found(scenarios, tuple(broken))


def _broken(folder: Path, error: Exception) -> Broken:
    return Broken(brought.id_of(folder), f"{type(error).__name__}: {error}")


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
    around = scenarios.__path__
    if str(folder.parent) not in around:
        around.append(str(folder.parent))
    try:
        module = importlib.import_module(f"{scenarios.__name__}.{folder.name}.{name}")
    except SystemExit as end:  # a script that ends itself, and would end us
        raise ImportError(f"{folder.name}/{name}.py ends the program when imported") from end
    shapes.learn()
    if Path(module.__file__ or "").parent != folder:
        raise ImportError(f"{module.__file__} is of this name already: rename the folder {folder}")
    return module
