"""Process gate: the connectors and their ports."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

from tianmu.app.platform import PLATFORM_SOURCE, Platform
from tianmu.app.process import Said, port_of, say, starting
from tianmu.app.settings import Settings
from tianmu.city.pack import City
from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Connector
from tianmu.sense.gate import Gate, Plug
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.hj212.connector import Hj212Connector
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt.broker import Broker
from tianmu.sense.mqtt.connector import MqttConnector, Server
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry


async def serve(settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Run gate until ``stop`` is set."""
    data = settings.folder
    said = starting(settings.run, "gate")
    say(settings.run, said)
    main, life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
    intake = Intake(main, life, Registry(data), Sources())
    http = HttpConnector(intake, tls=settings.certificate)
    plugs = {"http": Plug(http, settings.host, port_of(settings, said, "http"))}
    wired: list[Connector] = [
        Gbt26875Connector(intake, city.time_zone),
        Hj212Connector(intake, city.time_zone),
    ]
    for connector in wired:
        plugs[connector.protocol] = Plug(
            connector, settings.host, port_of(settings, said, connector.protocol)
        )
    broker, server = await _broker(settings, said)
    plugs["mqtt"] = Plug(MqttConnector(intake, http, server), server.host, server.port)
    platform = Platform(settings, intake, {name: plug.connector for name, plug in plugs.items()})
    gate = Gate(
        intake,
        SqliteJournal(data),
        plugs,
        platform=platform.readings,
        platform_source=PLATFORM_SOURCE,
        on_sources=_tell_broker(broker),
    )
    await gate.start()
    said.ports, said.state = gate.ports, "ready"
    if broker is not None and broker.kind.trial:
        said.notes = [broker.kind.note]
    say(settings.run, said)
    await stop.wait()
    await gate.stop()
    if broker is not None:
        await broker.stop()
    main.close()
    life.close()


async def _broker(settings: Settings, said: Said) -> tuple[Broker | None, Server]:
    if settings.broker:
        host, _, port = settings.broker.rpartition(":")
        user = os.environ.get("TIANMU_BROKER_USER", "")
        password = os.environ.get("TIANMU_BROKER_PASSWORD", "")
        return None, Server(host, int(port), user, password)
    port_number = port_of(settings, said, "mqtt") or _free_port(settings.host)
    broker = Broker(settings.run / "mqtt", settings.host, port_number)
    await broker.start([])
    return broker, Server(settings.host, port_number, "tianmu-gate", broker.password)


def _free_port(host: str) -> int:
    import socket

    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def _tell_broker(broker: Broker | None) -> Callable[[Sequence[SourceChanged]], None]:
    def tell(sources: Sequence[SourceChanged]) -> None:
        if broker is not None:
            broker.write_users(sources)

    return tell
