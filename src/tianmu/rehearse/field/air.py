"""One year of hourly air quality and weather of a station in Beijing, published over MQTT.

The table is part of UCI's Beijing Multi-Site Air Quality (CC BY 4.0, see ``data/NOTICE.md``), with
its real gaps. Played in another city it is transplanted: measured elsewhere, and marked so.
"""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
import ssl
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import aiomqtt

from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.rehearse.field.replay import Due

COLUMNS: dict[str, str] = {
    "PM2.5": "pm25",
    "PM10": "pm10",
    "SO2": "so2",
    "NO2": "no2",
    "CO": "co",
    "O3": "o3",
    "TEMP": "temperature",
    "PRES": "pressure",
    "DEWP": "dew_point",
    "RAIN": "rain",
    "WSPM": "wind_speed",
}
"""columns of the table and the properties they become; µg/m³, °C, hPa, mm, m/s as published"""

SHIPPED = "air_dongsi_2015.csv.gz"


class NotAsPublished(ValueError):
    """The file is not a table as UCI publishes it; says where and how to mend it."""


@dataclass(frozen=True)
class Hour:
    """What the station told for one hour."""

    at: datetime
    """local time of Beijing, as published, without a zone"""
    values: dict[str, float]
    """property → figure; missing ones are left out"""


def read(path: Path | None = None) -> list[Hour]:
    """Hours of a table as published, or of the shipped one, in time order.

    Raises ``NotAsPublished`` naming the row.
    """
    if path is None:
        raw = files("tianmu.rehearse").joinpath("data", SHIPPED).read_bytes()
    else:
        raw = path.read_bytes()
    where = str(path or SHIPPED)
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    table = csv.DictReader(io.StringIO(text))
    names = table.fieldnames or ()
    wanting = [name for name in ("year", "month", "day", "hour", *COLUMNS) if name not in names]
    if wanting:
        raise NotAsPublished(f"{where}: the head has no column {', '.join(wanting)}")
    hours = []
    for number, row in enumerate(table, 2):
        try:
            year, month, day, hour = (int(row[name]) for name in ("year", "month", "day", "hour"))
            at = datetime(year, month, day, hour)
            values = {
                name: float(row[column]) for column, name in COLUMNS.items() if row[column] != "NA"
            }
        except (TypeError, ValueError) as error:
            raise NotAsPublished(f"{where}, row {number}: {error}") from None
        hours.append(Hour(at, values))
    return sorted(hours, key=lambda hour: hour.at)


@dataclass
class Counts:
    """What became of what was published; one message per hour."""

    sent: int = 0
    acknowledged: int = 0
    observations: int = 0
    latencies: list[float] = field(default_factory=list)
    """seconds from publishing to the broker's acknowledgement, the newest 10,000"""


def message(device: str, hour: Hour, at: datetime, only: Collection[str] | None = None) -> bytes:
    """The payload that gate takes: an array of observations at ``at`` (aware)."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps(
        [
            {"datastream": f"{device}/{name}", "time": stamp, "value": value}
            for name, value in hour.values.items()
            if only is None or name in only
        ]
    ).encode()


class AirStation:
    """Publishes hours for ever. ``token`` is that of ``source``; QoS 1, so each waits for the
    broker's acknowledgement."""

    def __init__(
        self,
        device: str,
        host: str,
        port: int,
        *,
        source: str,
        token: str,
        hours: Sequence[Hour],
        zone: str,
        speed: float = 1.0,
        only: Collection[str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.device_id, self.source = device, source
        self.counts = Counts()
        self._host, self._port, self._token, self._tls = host, port, token, tls
        self._zone, self._speed, self._only = ZoneInfo(zone), speed, only
        self._hours = hours

    async def run(self) -> None:
        """Play until cancelled: the hour that fits now at once, then each when it is due.

        Raises ``aiomqtt.MqttError`` where the broker cannot be reached or refuses; called again
        it goes on from what fits then.
        """
        client = aiomqtt.Client(
            self._host,
            self._port,
            username=self.source,
            password=self._token,
            identifier=f"rehearse-{self.source}-{self.device_id}",
            tls_context=self._tls,
        )
        due = Due(datetime.now(self._zone), self._speed)
        async with client:
            for delay, index in due.of([hour.at for hour in self._hours]):
                # even at any speed others get their turn
                await asyncio.sleep(delay)
                await self._publish(client, self._hours[index])

    async def _publish(self, client: aiomqtt.Client, hour: Hour) -> None:
        payload = message(self.device_id, hour, datetime.now(UTC), self._only)
        if payload == b"[]":
            return
        self.counts.sent += 1
        began = time.monotonic()
        await client.publish(f"tianmu/{self.source}/observations", payload, qos=1)
        self.counts.acknowledged += 1
        self.counts.observations += payload.count(b'"datastream"')
        if len(self.counts.latencies) >= 10_000:
            del self.counts.latencies[:5_000]
        self.counts.latencies.append(time.monotonic() - began)

    def device(
        self,
        kind: str,
        properties: Iterable[str] = tuple(COLUMNS.values()),
        *,
        name: str = "",
        place: Place | None = None,
        department: str = "",
    ) -> Device:
        """The station as a device to register, marked as transplanted."""
        return Device(
            device=self.device_id,
            name=name,
            kind=kind,
            properties=tuple(properties),
            place=place or Place(),
            department=department,
            source=self.source,
            origin=Origin.TRANSPLANTED,
        )
