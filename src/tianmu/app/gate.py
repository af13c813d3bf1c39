"""Process gate: the connectors and their ports."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tianmu.access import tls
from tianmu.app.certificate import serve_renewed
from tianmu.app.cited import Cited
from tianmu.app.pictures import Pictures
from tianmu.app.platform import PLATFORM_SOURCE, Platform
from tianmu.app.policy import bounds_of, horizon_of
from tianmu.app.process import Said, port_of, say, starting
from tianmu.app.settings import Settings
from tianmu.city.city import City
from tianmu.facts.registry import SourceChanged
from tianmu.scenarios.folder.load import folders
from tianmu.scenarios.recognition import taken
from tianmu.sense.admission import Admission
from tianmu.sense.cap import connector as cap
from tianmu.sense.cap.asking import Asking
from tianmu.sense.cap.connector import Bulletins
from tianmu.sense.contract import Connector
from tianmu.sense.gate import Gate, Plug
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.hj212.connector import Hj212Connector
from tianmu.sense.http import plain
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.http.door import Doors
from tianmu.sense.intake import Intake
from tianmu.sense.mqtt.apart import LifeConnector
from tianmu.sense.mqtt.broker import Broker
from tianmu.sense.mqtt.client import Server
from tianmu.sense.mqtt.connector import MqttConnector
from tianmu.sense.recognition import connector as recognition
from tianmu.sense.recognition.connector import Recognitions
from tianmu.sense.source import Sources
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from tianmu.store.registry.warm import warm

log = logging.getLogger("tianmu.gate")

PACE = 0.02
"""seconds between commits of ordinary observations where little comes; life safety has none"""
MQTTS = "mqtts://"
"""before a broker's address: it speaks TLS, by a certificate that this machine trusts"""


async def serve(settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Run gate until ``stop`` is set."""
    data = settings.folder
    said = starting(settings.run, "gate")
    say(settings.run, said)
    main, life = Records(data / "gate.sqlite", pace=PACE), Records(data / "gate-life.sqlite")
    intake = Intake(main, life, Registry(data), Sources(), admission=Admission(bounds_of(city)))
    kinds = taken(folders(city.folder)[0].values(), city, data, log.warning)
    days = city.retention.sighting_days
    pictures = Pictures(data, settings.scan, days)
    recognitions = Recognitions(intake, pictures, kinds, refused_days=days)
    bulletins = Bulletins(intake, city, Cited(data))
    asking = Asking(intake, bulletins, city.outbound.feeds)
    doors = Doors(
        {
            recognition.PROTOCOL: {recognition.PATH: recognitions},
            cap.PROTOCOL: {cap.PATH: bulletins},
        }
    )
    http = HttpConnector(intake, tls=settings.certificate, doors=doors)
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
    apart = LifeConnector(intake, http, server)
    plugs["mqtt"] = Plug(MqttConnector(intake, http, server, apart), server.host, server.port)
    platform = Platform(settings, intake, {name: plug.connector for name, plug in plugs.items()})
    gate = Gate(
        intake,
        SqliteJournal(data),
        plugs,
        platform=platform.readings,
        platform_source=PLATFORM_SOURCE,
        on_sources=_tell(broker, apart),
        horizon=horizon_of(city),
    )
    await asyncio.to_thread(warm)
    await asyncio.to_thread(plain.warm)
    await gate.start()
    recognitions.start()
    bulletins.start()
    asking.start()
    said.ports, said.state = gate.ports, "ready"
    if broker is not None and broker.kind.trial:
        said.notes = [broker.kind.note]
    say(settings.run, said)
    await serve_renewed(settings, stop, *_renewable(settings, http, broker, server))
    await stop.wait()
    asking.stop()
    bulletins.stop()
    recognitions.stop()
    await gate.stop()
    if broker is not None:
        await broker.stop()
    main.close()
    life.close()


def _renewable(
    settings: Settings, http: HttpConnector, broker: Broker | None, server: Server
) -> Iterator[Callable[[], None]]:
    """What takes up a renewed certificate; gate trusts it before the broker shows it."""
    yield http.renew
    if settings.certificate is not None and server.tls is not None and broker is not None:
        context, file = server.tls, Path(settings.certificate[0])
        yield lambda: tls.trust_also(context, file)
        yield broker.renew


async def _broker(settings: Settings, said: Said) -> tuple[Broker | None, Server]:
    if settings.broker:
        secure = settings.broker.startswith(MQTTS)
        host, _, port = settings.broker.removeprefix(MQTTS).rpartition(":")
        user = os.environ.get("TIANMU_BROKER_USER", "")
        password = os.environ.get("TIANMU_BROKER_PASSWORD", "")
        context = ssl.create_default_context() if secure else None
        return None, Server(host, int(port), user, password, tls=context)
    port_number = port_of(settings, said, "mqtt") or _free_port(settings.host)
    certificate = settings.certificate
    broker = Broker(settings.run / "mqtt", settings.host, port_number, tls=certificate)
    await broker.start([])
    trusted = tls.trusting(settings.authority, Path(certificate[0])) if certificate else None
    return broker, Server(
        settings.local_host, port_number, "tianmu-gate", broker.password, tls=trusted
    )


def _free_port(host: str) -> int:
    import socket

    with socket.create_server((host, 0)) as listener:
        return int(listener.getsockname()[1])


def _tell(broker: Broker | None, apart: LifeConnector) -> Callable[[Sequence[SourceChanged]], None]:
    def tell(sources: Sequence[SourceChanged]) -> None:
        if broker is not None:
            broker.write_users(sources)
        apart.follow()

    return tell
