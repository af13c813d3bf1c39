"""Published figures of China's automatic surface-water stations, as uploads of such stations.

The figures are those of 中国环境监测总站 (China National Environmental Monitoring Centre), one
every four hours, with the official class. Played here they are transplanted: measured elsewhere,
at another time, and marked so. A small table of them is shipped; a whole file as published may be
named.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from tianmu.rehearse.field.replay import Due
from tianmu.rehearse.station.script import Step, Upload, Value

COLUMNS: dict[str, str] = {
    "水温": "w01010",
    "pH": "w01001",
    "溶解氧": "w01009",
    "电导率": "w01014",
    "浊度": "w01003",
    "高锰酸盐指数": "w01019",
    "氨氮": "w21003",
    "总磷": "w21011",
    "总氮": "w21001",
    "叶绿素α": "w01016",
    "藻密度": "w19011",
}
"""columns of the file as published, without their units, and the factor code of each"""

SHIPPED = "water_stations.csv"
IN_ORDER = "正常"
MISSING = frozenset({"", "*", "--", "-", "NA"})


class NotAsPublished(ValueError):
    """The file is not a table as the centre publishes it; says where and how to mend it."""


@dataclass(frozen=True)
class Sample:
    """What one station told at one instant."""

    station: str
    at: datetime
    """local time, as published, without a zone"""
    grade: str
    """official water-quality class (Ⅰ … 劣Ⅴ), or empty"""
    values: dict[str, str]
    """factor code → figure as published; missing ones are left out"""
    in_order: bool
    """whether the station said it ran normally (站点情况)"""

    def upload(self, codes: Collection[str] | None = None, at: datetime | None = None) -> Upload:
        """As a real-time upload of the factors ``codes`` (None: all)."""
        mark = "N" if self.in_order else "M"
        return Upload(
            tuple(
                Value(code, (("Rtd", figure), ("Flag", mark)))
                for code, figure in self.values.items()
                if codes is None or code in codes
            ),
            at=at,
        )


def read(path: Path | None = None) -> list[Sample]:
    """Samples of a file as published (UTF-8 or GB 18030), or of the shipped table, in time order.

    Raises ``NotAsPublished`` naming the line.
    """
    if path is None:
        raw = files("tianmu.rehearse").joinpath("data", SHIPPED).read_bytes()
        where = SHIPPED
    else:
        raw, where = path.read_bytes(), str(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", "replace")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    table = csv.DictReader(io.StringIO("\n".join(lines)))
    names = table.fieldnames or ()
    factors = {
        name: COLUMNS[name.partition("(")[0].strip()]
        for name in names
        if name.partition("(")[0].strip() in COLUMNS
    }
    wanting = [name for name in ("断面名称", "监测时间") if name not in names]
    if wanting or not factors:
        what = "、".join(wanting) if wanting else "any of " + "、".join(COLUMNS)
        raise NotAsPublished(f"{where}: the head has no column {what}: give the file as published")
    samples = []
    for number, row in enumerate(table, 2):
        try:
            at = datetime.strptime(row["监测时间"].strip(), "%Y-%m-%d %H:%M")
        except ValueError:
            raise NotAsPublished(
                f"{where}, row {number}: 监测时间 {row['监测时间']!r} is not like 2021-04-01 08:00"
            ) from None
        values = {
            code: figure
            for name, code in factors.items()
            if (figure := (row[name] or "").strip()) not in MISSING and _is_number(figure)
        }
        grade = (row.get("水质类别") or "").strip()
        samples.append(
            Sample(
                station=row["断面名称"].strip(),
                at=at,
                grade="" if grade in MISSING else grade,
                values=values,
                in_order=(row.get("站点情况") or IN_ORDER).strip() in (IN_ORDER, ""),
            )
        )
    return sorted(samples, key=lambda sample: (sample.at, sample.station))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def mn_of(station: str) -> str:
    """A stable MN of 24 hexadecimal digits for a station known only by its name."""
    return hashlib.blake2b(station.encode(), digest_size=12).hexdigest().upper()


def by_station(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Samples of each station, in time order."""
    out: dict[str, list[Sample]] = {}
    for sample in samples:
        out.setdefault(sample.station, []).append(sample)
    return out


async def steps(
    samples: Sequence[Sample], due: Due, codes: Collection[str] | None = None
) -> AsyncIterator[Step]:
    """A script for ``Station.play`` at speed 1 (``due`` has the speed in it): the latest figures
    at once, then each at its time of day, from the start again at the end; ``DataTime`` is now.
    Nothing where no sample has any of ``codes``."""
    if not any(sample.upload(codes).values for sample in samples):
        return
    for delay, index in due.of([sample.at for sample in samples]):
        upload = samples[index].upload(codes)
        if upload.values:
            yield Step(delay, upload)
        else:
            due.carry(delay)
