"""A small real city for the web: hub's own parts on real files, a real server on a real port.

Gate and watch are played by the test through their own tables and topics; nothing is mocked.
"""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from tianmu.access import account as accounts
from tianmu.access import first, token
from tianmu.access.role import ROLES
from tianmu.access.session import Sessions
from tianmu.city.city import City
from tianmu.command import provider
from tianmu.command.table import metadata as command_table
from tianmu.facts.alarm import AlarmState
from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, DevicesRegistered, SourceChanged
from tianmu.manage.contact import reach
from tianmu.manage.manage import Manage
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.occurrence import Alarm, tell
from tianmu.sense import hold
from tianmu.sense import state as gate_state
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import Records, Transaction
from tianmu.store.registry import Registry
from tianmu.web.app import create_app
from tianmu.web.bounds.limit import Rate, Rates
from tianmu.web.hub import Hub, parents

FAST = Rates(sign_in=Rate(1000, 1000), change=Rate(1000, 1000), read=Rate(5000, 5000))


@dataclass
class World:
    """The running web of a small city, and what the test plays beside it."""

    hub: Hub
    watch: Records
    gate: Records
    live: Live
    url: str
    tokens: dict[str, str] = field(default_factory=dict)
    """role → bearer token of an account that holds it (city-wide)"""

    @property
    def city(self) -> City:
        return self.hub.city

    def client(self, role: str = "", **more: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20, **more)

    def account(
        self, name: str, roles: list[str], *, division: str = "", department: str = ""
    ) -> str:
        """Make an account with these roles; a token that acts as it."""
        records, at = self.hub.records, self.hub.clock()

        def make(tx: Transaction) -> str:
            accounts.create(
                tx.connection, name, name, at=at, division=division, department=department
            )
            accounts.set_roles(tx.connection, name, roles)
            return token.issue(
                tx.connection, kind="api", account=name, name="test", actor="test", at=at
            )[1]

        return records.transact(make)

    def cookie(self, account: str) -> httpx.Client:
        """A browser signed in by a one-time link."""
        records, at = self.hub.records, self.hub.clock()
        plain = records.transact(
            lambda tx: token.make_link(tx.connection, account, at=at, actor="test")
        )
        browser = httpx.Client(
            base_url=self.url, headers={"X-Requested-With": "tianmu"}, timeout=20
        )
        assert browser.post("/api/session/link", json={"token": plain}).status_code == 200
        return browser

    def raise_alarm(
        self, device: str = "d0", *, told: dict[str, Any] | None = None, **more: Any
    ) -> Alarm:
        """An alarm as watch writes it: its row and its fact in one commit; ``told`` is what came
        along with it."""
        index = self.hub.registry.find(device)
        assert index is not None
        known = self.hub.registry.device(index)
        now = self.hub.clock()
        alarm = Alarm(
            **{
                "alarm": uuid.uuid4().hex[:12],
                "identity": f"rule@{device}/{uuid.uuid4().hex[:6]}",
                "rule": "rule",
                "device": device,
                "datastream": f"{device}/state",
                "device_kind": known.kind,
                "state": AlarmState.UNACKNOWLEDGED,
                "condition": True,
                "priority": 1,
                "department": known.department,
                "division": known.place.division,
                "longitude": known.place.longitude,
                "latitude": known.place.latitude,
                "origin": Origin.SEEDED,
                "text": {"zh": "火警", "en": "Fire alarm"},
                "raised_at": now,
                "observed_at": now,
                "changed_at": now,
                "version": 1,
                **more,
            }
        )

        def write(tx: Transaction) -> None:
            tx.connection.execute(sa.insert(alarm_table.ALARM).values(alarm_table.to_row(alarm)))
            fact = tell(alarm, "raise", AlarmState.NORMAL, at=now, data=told)
            tx.append("alarm", encode(fact))

        self.watch.transact(write)
        return alarm

    def settle(self) -> None:
        """Let ``manage`` work through what is there."""
        while self.hub.manage.step(0.0):
            pass

    def matter(self) -> str:
        """Some matter for whose cases somebody answers."""
        for key in self.city.matters:
            if self.city.owner_of(key, self.city.root.code):
                return key
        raise AssertionError("nobody answers for anything")

    def towns(self) -> list[str]:
        return [one.code for one in self.city.divisions.values() if one.tier == 2]


def devices_of(city: City, count: int) -> list[Device]:
    kinds = list(city.kinds)
    towns = [one for one in city.divisions.values() if one.tier == 2]
    random = np.random.default_rng(7)
    made = []
    for n in range(count):
        kind = city.kinds[kinds[n % len(kinds)]]
        made.append(
            Device(
                device=f"d{n}",
                name=f"device {n}",
                kind=kind.code,
                properties=tuple(kind.properties),
                place=Place(
                    longitude=float(random.uniform(119.2, 119.6)),
                    latitude=float(random.uniform(31.2, 31.6)),
                    division=towns[n % len(towns)].code,
                ),
                department=kind.department,
                origin=Origin.SEEDED,
                source="seeded",
                labels={"address": f"wire/{n}"},
            )
        )
    return made


class _Server(uvicorn.Server):
    """Hub's server in a thread of the test: it says when it listens, and ends as hub does."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
        self._app = app
        self._up = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)

    def install_signal_handlers(self) -> None:
        return None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.push.close()
        await super().shutdown(sockets)

    def start(self) -> int:
        """→ its port."""
        self._thread.start()
        assert self._up.wait(30), "the server did not start"
        return int(self.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> None:
        self.should_exit = True
        self._thread.join(10)


def make_world(
    data: Path, city: City, rates: Rates = FAST, devices: int = 60, ui: Path | None = None
) -> Iterator[World]:
    """A city in ``data``, served until the generator goes on; ``ui``: the pages as they are
    built, else two files that stand for them."""
    records = Records(data / "hub.sqlite")
    watch, gate = Records(data / "watch.sqlite"), Records(data / "gate.sqlite")
    watch.create(alarm_table.METADATA, room=alarm_table.ROOM)
    gate.create(hold.metadata)
    gate.create(gate_state.metadata)
    registry = Registry(data)

    def now() -> int:
        return time.time_ns() // 1000

    divisions, departments = parents(city)
    sessions = Sessions(records, now, divisions=divisions, departments=departments)
    records.create(command_table, room="command")
    manage = Manage(
        records, SqliteJournal(data), city, now, data,
        providers=provider.ready, present=reach.present,
    )  # fmt: skip
    if ui is None:
        ui = data / "ui"
        (ui / "assets").mkdir(parents=True)
        (ui / "index.html").write_text("<!doctype html><title>天目</title>" + " " * 2000)
        (ui / "assets" / "app-1a2b.js").write_text("export const a = 1;\n" * 200)
    hub = Hub(
        data=data,
        city=city,
        records=records,
        journal=lambda: SqliteJournal(data),
        registry=registry,
        sessions=sessions,
        manage=manage,
        live=lambda: Live.open_readonly(data),
        history=History(data),
        rates=rates,
        ui=ui,
    )
    manage.start()
    hub.registrar.write(
        lambda tx: SourceChanged(
            source="seeded", number=1, protocol="http", origin=Origin.SEEDED,
            name={"zh": "模拟", "en": "Seeded"}, at=now(), actor="test",
        )
    )  # fmt: skip

    def register(tx: Transaction) -> DevicesRegistered:
        return registry.registration(devices_of(city, devices), at=now(), actor="test")

    hub.registrar.write(register)
    live = Live(data, datastreams=registry.count_datastreams, devices=registry.count_devices)
    first.first_start(records, now())
    server = _Server(create_app(hub))
    made = World(hub, watch, gate, live, f"http://127.0.0.1:{server.start()}")
    for code in ROLES:
        made.tokens[code] = made.account(f"t-{code}".replace("_", "-"), [code])
    yield made
    server.stop()
    live.close()
    for one in (records, watch, gate):
        one.close()
