"""Scenarios are found, never listed: every folder here that has a ``scenario.toml``."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tianmu.scenarios.contract import Model
from tianmu.scenarios.manifest import BadManifest, Manifest, read

HERE = Path(__file__).parent
MANIFEST = "scenario.toml"


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


@cache
def find() -> Found:
    """All scenarios. A folder that cannot be loaded is told and does not stop the others."""
    scenarios: dict[str, Scenario] = {}
    broken: list[Broken] = []
    for file in sorted(HERE.glob(f"*/{MANIFEST}")):
        name = file.parent.name.replace("_", "-")
        try:
            manifest = read(file)
            if manifest.id != name:
                raise BadManifest(f"{file}: id is {manifest.id}: call it {name}, as its folder")
            scenarios[name] = Scenario(file.parent, manifest, _models(file.parent))
        except Exception as error:  # whatever an outsider's code raises while it is imported
            broken.append(Broken(name, f"{type(error).__name__}: {error}"))
    return Found(scenarios, tuple(broken))


def _models(folder: Path) -> tuple[Model, ...]:
    if not (folder / "model.py").exists():
        return ()
    module = importlib.import_module(f"{__package__}.{folder.name}.model")
    models = getattr(module, "MODELS", None)
    if not isinstance(models, tuple) or not all(isinstance(one, Model) for one in models):
        raise TypeError(f"{folder.name}/model.py: MODELS is no tuple of Model: see contract.py")
    names = [one.name for one in models]
    if len(set(names)) != len(names):
        raise ValueError(f"{folder.name}/model.py: two models have one name: rename one")
    return models
