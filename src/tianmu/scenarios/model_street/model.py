"""The models of the model street: see ``docs/rooms/scenarios.md``."""

from __future__ import annotations

from tianmu.scenarios.model_street.run_dwell import dwell

MODELS = (dwell,)
