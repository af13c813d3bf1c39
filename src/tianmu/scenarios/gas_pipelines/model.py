"""The models of this scenario; README.md says what each rests on."""

from __future__ import annotations

from tianmu.scenarios.contract import Model
from tianmu.scenarios.gas_pipelines.run_ground import ISOLATION, LEL, PERMITS
from tianmu.scenarios.gas_pipelines.run_leak import LEAK
from tianmu.scenarios.gas_pipelines.run_state import HYDRAULICS

MODELS: tuple[Model, ...] = (HYDRAULICS, LEAK, ISOLATION, PERMITS, LEL)
