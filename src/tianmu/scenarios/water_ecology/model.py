"""The models of this scenario; README.md says what each rests on."""

from __future__ import annotations

from tianmu.scenarios.contract import Model
from tianmu.scenarios.water_ecology.run_classes import COMPLIANCE, GB3838, TLI
from tianmu.scenarios.water_ecology.run_series import OUTLOOK, TREND
from tianmu.scenarios.water_ecology.run_trace import TRACE

MODELS: tuple[Model, ...] = (GB3838, TLI, COMPLIANCE, TREND, OUTLOOK, TRACE)
