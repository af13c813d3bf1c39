"""How many wells there are: a danger of its own, for the page."""

from __future__ import annotations

from tianmu.scenarios.present import Present
from tianmu.scenarios.world import World


def present(world: World) -> Present:
    number = len(world.devices("well", 10))
    return Present(world.now, 0, why=({"zh": f"{number} 口井", "en": f"{number} wells"},))
