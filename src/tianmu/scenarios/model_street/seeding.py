"""Makes the shop fronts of a trial city from a seed, along the pack's cameras.

``python -m tianmu.scenarios.model_street.seeding PACK`` writes ``shop_fronts.csv`` into the pack,
every line marked as seeded. A city with fronts of its own writes the file itself.
"""

from __future__ import annotations

import argparse
import csv
import math

import msgspec
import numpy as np

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.city.place.front import FILE
from tianmu.facts.origin import Origin
from tianmu.facts.place import DEGREE_M
from tianmu.facts.text import Text
from tianmu.scenarios.settings import settings_of

SEED = 20261128


class SeedingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    along: str
    """kind of the pack's resources along which fronts stand"""
    each: int
    """fronts at one of them"""
    nearest_m: float
    farthest_m: float
    names: tuple[Text, ...]


def fronts(city: City, wanted: SeedingSettings, seed: int) -> list[dict[str, str]]:
    """Rows of ``shop_fronts.csv``."""
    draw = np.random.default_rng(seed)
    found: list[dict[str, str]] = []
    for place in city.resources.values():
        if place.kind != wanted.along:
            continue
        for number in range(1, wanted.each + 1):
            angle = draw.uniform(0, 2 * math.pi)
            metres = draw.uniform(wanted.nearest_m, wanted.farthest_m)
            name = wanted.names[int(draw.integers(len(wanted.names)))]
            east = metres / DEGREE_M / math.cos(math.radians(place.latitude))
            shown = {
                f"name_{language}": f"{name[language]} {len(found) + 1}"
                for language in city.languages
                if language in name
            }
            found.append(
                {
                    "code": f"{place.code}-front-{number}",
                    **shown,
                    "longitude": f"{place.longitude + math.cos(angle) * east:.6f}",
                    "latitude": f"{place.latitude + math.sin(angle) * metres / DEGREE_M:.6f}",
                    "origin": str(Origin.SEEDED),
                }
            )
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pack", help="a pack's name or folder")
    asked.add_argument("--seed", type=int, default=SEED)
    given = asked.parse_args()
    folder = pack.locate(given.pack)
    wanted = msgspec.convert(settings_of(__file__)["seeding"], SeedingSettings)
    rows = fronts(pack.load(given.pack), wanted, given.seed)
    if not rows:
        raise SystemExit(f"{folder}: no resource of kind {wanted.along}: add them to resources.csv")
    with (folder / FILE).open("w", encoding="utf-8", newline="") as text:
        out = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


if __name__ == "__main__":
    main()
