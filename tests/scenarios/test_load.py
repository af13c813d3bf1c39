"""Folders are found, and one that is broken stops no other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tianmu.city import brought, pack
from tianmu.scenarios import run
from tianmu.scenarios.contract import Column, Model
from tianmu.scenarios.folder import load, manifest
from tianmu.scenarios.folder.fit import fit

TOML = """id = "{id}"
name = {{ zh = "试验", en = "Trial" }}
what = {{ zh = "试验", en = "A trial" }}
"""
MODEL = """
from tianmu.scenarios.contract import Model
def run(table, parameters):
    return table.select([])
MODELS = (Model("one", "does nothing", (), (), (), (), run),)
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Scenarios of another place, under the package's own name."""
    monkeypatch.setattr(brought, "SHIPPED", tmp_path)
    monkeypatch.setattr(sys.modules["tianmu.scenarios"], "__path__", [str(tmp_path)])
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith("tianmu.scenarios.trial_")]:
        del sys.modules[name]


def put(folder: Path, name: str, toml: str, model: str = "") -> None:
    (folder / name).mkdir()
    (folder / name / "scenario.toml").write_text(toml, encoding="utf-8")
    if model:
        (folder / name / "__init__.py").write_text("")
        (folder / name / "model.py").write_text(model)


def test_a_broken_folder_stops_no_other(folders: Path) -> None:
    put(folders, "trial_good", TOML.format(id="trial-good"), MODEL)
    put(folders, "trial_plain", TOML.format(id="trial-plain"))
    put(folders, "trial_code", TOML.format(id="trial-code"), "import no_such_thing")
    put(folders, "trial_models", TOML.format(id="trial-models"), "MODELS = [1]")
    put(folders, "trial_toml", 'id = "trial-toml\n')
    put(folders, "trial_name", TOML.format(id="other"))
    found = load.find()
    assert set(found.scenarios) == {"trial-good", "trial-plain"}
    why = {one.id: one.why for one in found.broken}
    assert "no_such_thing" in why["trial-code"] and "MODELS" in why["trial-models"]
    assert "scenario.toml:1:" in why["trial-toml"] and "call it trial-name" in why["trial-name"]


def test_what_folders_say_of_themselves_needs_none_of_their_code(folders: Path) -> None:
    put(folders, "trial_code", TOML.format(id="trial-code"), "raise SystemExit")
    put(folders, "trial_toml", 'id = "trial-toml\n')
    found, broken = load.folders()
    assert list(found) == list(load.manifests()) == ["trial-code"]
    assert [one.id for one in broken] == ["trial-toml"]
    assert "tianmu.scenarios.trial_code" not in sys.modules
    (folders / "trial_code" / "judge.py").write_text("word = 'still judged'")
    assert load.part(found["trial-code"], "judge").word == "still judged"
    assert "ends the program" in load.find().broken[1].why


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("colour = 1", "unknown field `colour`"),
        ('[[quality]]\nwhat = { zh = "甲", en = "a" }\nstate = "soon"', "toml:6: state soon"),
        ('[[quality]]\nwhat = { zh = "甲", en = "a" }\nstate = "exempt"', "why is not said in zh"),
        ('[[charts]]\ncode = "a"\nname = { zh = "甲" }\nkind = "k"\nproperty = "p"', "said in en"),
        ('[[plan]]\nat = 1\nrole = "r"\ntask = { zh = "甲", en = "a" }', "degree 1: there is no"),
    ],
)
def test_a_fault_of_the_manifest_is_told_with_its_line(
    tmp_path: Path, more: str, told: str
) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(TOML.format(id="x") + more, encoding="utf-8")
    with pytest.raises(manifest.BadManifest, match=told):
        manifest.read(file)


def test_a_model_that_breaks_its_contract_is_told() -> None:
    gives = (Column("a", "", "one"),)
    short = Model("short", "", (), (), gives, (), lambda table, _: pa.table({"a": [1]}))
    with pytest.raises(run.BadModel, match="gave 1 rows"):
        run.run_model(short, pa.table({"x": [1, 2]}), {})


def test_every_scenario_of_ours_loads() -> None:
    found = load.find()
    cities = [pack.load(name) for name in ("liyang", "port_ellery")]
    assert not found.broken
    assert "forest-fire" in found.scenarios
    for scenario in found.scenarios.values():
        assert scenario.manifest.quality, f"{scenario.id}: say what is done and what is exempt"
        assert (scenario.folder / "README.md").exists(), f"{scenario.id} has no README.md"
        tests = Path(__file__).parent / scenario.folder.name
        assert list(tests.glob("test_*.py")), f"{scenario.id} has no tests"
        assert set(scenario.manifest.models) <= {one.name for one in scenario.models}
        if scenario.manifest.kind == "scenario":
            for city in cities:
                here = fit(scenario.manifest, city)
                where = f"{scenario.id} in {city.folder.name}"
                assert not here.lacks, f"{where}: there is no {', '.join(here.lacks)}"
                assert all(post.parties for post in here.posts), where
