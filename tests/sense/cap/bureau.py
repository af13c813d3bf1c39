"""A weather bureau at a gate's door. Its messages are our own, written after the standard: none of
anybody's is copied here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.bulletin import Bulletin
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import BULLETIN, OBSERVATION, REGISTRY
from tianmu.sense.cap import held
from tianmu.sense.cap.codec import NAMESPACE
from tianmu.sense.cap.connector import PATH, PROTOCOL, Bulletins, address
from tianmu.sense.cap.held import Standing
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.http.door import Doors
from tianmu.sense.intake import Intake
from tianmu.sense.source import digest
from tianmu.store.records import Transaction

from ..door import NOW, Door, post

SECOND, HOUR = 1_000_000, 3_600_000_000
ROOT = "320481000000"
EAST, WEST = "320481001000", "320481002000"


@cache
def city() -> City:
    return load("liyang")


def at(hours: float) -> str:
    """A time as CAP writes it, so many hours after the door's clock."""
    from datetime import UTC, datetime

    told = datetime.fromtimestamp(NOW / 1e6 + hours * 3600, UTC)
    return told.strftime("%Y-%m-%dT%H:%M:%S-00:00")


def reference(identifier: str, hours: float = 0.0, sender: str = "bureau@example") -> str:
    return f"{sender},{identifier},{at(hours)}"


def area(code: str = "", polygon: str = "", circle: str = "", name: str = "somewhere") -> str:
    told = f"<areaDesc>{name}</areaDesc>"
    told += f"<polygon>{polygon}</polygon>" if polygon else ""
    told += f"<circle>{circle}</circle>" if circle else ""
    if code:
        told += f"<geocode><valueName>code</valueName><value>{code}</value></geocode>"
    return f"<area>{told}</area>"


def info(
    event: str = "暴雨", severity: str = "Severe", language: str = "zh-CN", *, areas: str = "",
    effective: float | None = None, expires: float | None = 6, more: str = "",
    headline: str = "暴雨橙色预警",
) -> str:  # fmt: skip
    begins = "" if effective is None else f"<effective>{at(effective)}</effective>"
    ends = "" if expires is None else f"<expires>{at(expires)}</expires>"
    return (
        f"<info><language>{language}</language><category>Met</category><event>{event}</event>"
        f"<urgency>Expected</urgency><severity>{severity}</severity><certainty>Likely</certainty>"
        f"{begins}{ends}<senderName>气象台</senderName><headline>{headline}</headline>"
        f"{more}{areas or area(EAST)}</info>"
    )


def alert(
    identifier: str = "a1", *infos: str, kind: str = "Alert", hours: float = 0.0,
    status: str = "Actual", sender: str = "bureau@example", references: str = "",
    scope: str = "<scope>Public</scope>",
) -> bytes:  # fmt: skip
    refers = f"<references>{references}</references>" if references else ""
    told = infos if infos or kind == "Cancel" else (info(),)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><alert xmlns="{NAMESPACE}">'
        f"<identifier>{identifier}</identifier><sender>{sender}</sender><sent>{at(hours)}</sent>"
        f"<status>{status}</status><msgType>{kind}</msgType>{scope}{refers}{''.join(told)}</alert>"
    ).encode()


def version_1(tx: Transaction) -> None:
    """The tables of messages as they were before what is for the public stood apart."""
    for line in (
        "DROP TABLE bulletin_public_reference",
        "DROP INDEX bulletin_public_until",
        "DROP INDEX bulletin_public_ended_by",
        "ALTER TABLE bulletin DROP COLUMN public_until",
        "ALTER TABLE bulletin DROP COLUMN public_ended",
        "ALTER TABLE bulletin DROP COLUMN public_ended_by",
        "UPDATE journal_schema SET version = 1 WHERE room = 'bulletin'",
    ):
        tx.connection.exec_driver_sql(line)


class Bureau:
    """A gate with source ``bureau``; devices for the city and one town where ``registered``."""

    def __init__(self, data: Path, *, registered: bool = True, **source: Any) -> None:
        self.data, self.now = data, NOW
        self.door = Door(data, 0)
        registry = self.door.intake.registry
        registry.refresh(self.door.journal)
        if registered and registry.find("warned-city") is None:
            self.register()
        door = self.door
        door.intake = Intake(door.main, door.life, registry, door.sources, now=lambda: self.now)
        self.bulletins = Bulletins(door.intake, city())
        self.http = HttpConnector(door.intake, doors=Doors({PROTOCOL: {PATH: self.bulletins}}))
        self.source = SourceChanged(
            **{
                "source": "bureau", "number": 7, "protocol": PROTOCOL, "at": 0, "actor": "test",
                "token_digest": digest("bureau"), **source,
            }
        )  # fmt: skip
        door.sources.apply(self.source)

    def register(self) -> None:
        devices = [
            Device(
                device=name, kind="warnings_in_force", properties=("rainstorm", "gale"),
                place=Place(division=division), labels={"address": address(division)},
            )
            for name, division in (("warned-city", ROOT), ("warned-east", EAST))
        ]  # fmt: skip
        registry = self.door.intake.registry
        fact = registry.registration(devices, at=1, actor="test")
        self.door.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        registry.refresh(self.door.journal)

    async def tell(self, body: bytes) -> tuple[int, dict[str, Any]]:
        status, answer, _ = await post(self.http, "bureau", body, path=PATH)
        return status, answer

    async def state(self, body: bytes) -> str:
        """What became of the one alert in ``body``."""
        _, answer = await self.tell(body)
        found: str = answer["alerts"][0]["state"]
        return found

    def facts(self) -> list[Bulletin]:
        found = []
        for one in self.door.journal.read(BULLETIN.name, 0):
            told = decode(one.payload)
            assert isinstance(told, Bulletin)
            found.append(told)
        return found

    def stages(self, *, public: bool = False) -> dict[str, str]:
        standing: list[Standing] = self.door.main.read(
            lambda c: held.listed(c, 0, 1000, public=public)
        )
        return {one.bulletin.identifier: one.stage(self.now) for one in standing}

    def levels(self, name: str) -> list[int]:
        """Values of a datastream, as they came."""
        device, _, property = name.partition("/")
        [index] = self.door.intake.resolve([device], [property]).tolist()
        return [
            int(value)
            for batch in self.door.entries(OBSERVATION.name)
            for stream, value in zip(batch.datastream, batch.value, strict=True)
            if int(stream) == index
        ]

    def close(self) -> None:
        self.door.close()
