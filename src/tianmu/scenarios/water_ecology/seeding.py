"""Makes the waters of a trial city: a river network from elsewhere, outlets drawn by seed.

``python -m tianmu.scenarios.water_ecology.seeding PACK --flowlines FILE`` writes
``river_reaches.csv`` (the network, transplanted) and ``water_outlets.csv`` (invented) into a pack.
A city with a network of its own writes the first itself and needs neither.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tianmu.city import pack
from tianmu.city.charter.head import read_head
from tianmu.city.file.reader import PackReader
from tianmu.city.place.waters import OUTLETS, REACHES, Reach
from tianmu.scenarios.water_ecology.words import SeedingSettings, settings

SEED = 20261128


def flowlines(file: Path) -> list[Reach]:
    """Reaches of a file in the columns of NHDPlus V2 (COMID, FromNode, ToNode, LENGTHKM…)."""
    with file.open(encoding="utf-8", newline="") as text:
        return [
            Reach(
                code=row["COMID"],
                name=row["GNIS_NAME"].strip(),
                start=row["FromNode"].removesuffix(".0"),
                end=row["ToNode"].removesuffix(".0"),
                length_km=float(row["LENGTHKM"]),
                order=int(row["StreamOrde"]),
            )
            for row in csv.DictReader(text)
        ]


def outlets(reaches: Sequence[Reach], wanted: SeedingSettings, seed: int) -> list[dict[str, str]]:
    """Rows of ``water_outlets.csv``: on reaches by their length, of kinds by their share."""
    draw = np.random.default_rng(seed)
    length = np.array([one.length_km for one in reaches])
    where = draw.choice(len(reaches), wanted.outlets, p=length / length.sum())
    share = np.array([one.share for one in wanted.kind])
    kinds = draw.choice(len(wanted.kind), wanted.outlets, p=share / share.sum())
    count: dict[str, int] = {}
    rows = []
    for place, number in zip(where, kinds, strict=True):
        reach, kind = reaches[place], wanted.kind[number]
        count[kind.code] = count.get(kind.code, 0) + 1
        factor = np.exp(draw.normal(0.0, wanted.scatter, len(kind.profile)))
        profile = [
            f"{item}={usual * scale:.3g}"
            for (item, usual), scale in zip(kind.profile.items(), factor, strict=True)
        ]
        rows.append(
            {
                "code": f"{kind.code}-{count[kind.code]}",
                "name_zh": f"{kind.name['zh']}{count[kind.code]}号",
                "name_en": f"{kind.name['en']} {count[kind.code]}",
                "kind": kind.code,
                "reach": reach.code,
                "km": f"{draw.uniform(0, reach.length_km):.3f}",
                "profile": " ".join(profile),
                "basis": wanted.basis,
            }
        )
    return rows


def write(folder: Path, reaches: Sequence[Reach], seed: int, languages: Sequence[str]) -> None:
    """Both files into the pack at ``folder``."""
    with (folder / REACHES).open("w", encoding="utf-8", newline="") as text:
        plain = csv.writer(text, lineterminator="\n")
        plain.writerow(("code", "name", "from", "to", "length_km", "order"))
        for one in reaches:
            plain.writerow((one.code, one.name, one.start, one.end, one.length_km, one.order))
    rows = outlets(reaches, settings().seeding, seed)
    names = [one for one in rows[0] if "_" not in one or one.removeprefix("name_") in languages]
    with (folder / OUTLETS).open("w", encoding="utf-8", newline="") as text:
        named = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
        named.writeheader()
        named.writerows(rows)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("pack", help="a pack's name or folder")
    asked.add_argument("--flowlines", type=Path, required=True, help="a file like NHDPlus V2's")
    asked.add_argument("--seed", type=int, default=SEED)
    given = asked.parse_args()
    folder = pack.locate(given.pack)
    reader = PackReader(folder)  # of its head only: the rest may wait for what is made here
    if read_head(reader) is None:
        raise SystemExit("\n".join(str(fault) for fault in reader.faults))
    write(folder, flowlines(given.flowlines), given.seed, reader.languages)


if __name__ == "__main__":
    main()
