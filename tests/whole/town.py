"""What tests of the whole city share: people who sign in, things to register, waiting."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import Component, Event
from waiting import eventually

PASSWORDS = {
    name: f"Blue-{number}-lantern-9!"
    for number, name in enumerate(("system", "security", "audit", "duty"), 71)
}
_numbers = itertools.count(1)


def fresh(stem: str) -> str:
    """A name that nobody else in this city has."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def tianmu(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """One command as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "tianmu", *arguments], input=stdin, capture_output=True, timeout=120,
        check=False,
    )  # fmt: skip


@contextlib.contextmanager
def person(city: City, account: str) -> Iterator[City]:
    """A person signed in by password, as a browser is: by cookie."""
    who = City(city.url, "", city.ports)
    who.http.headers.pop("authorization")
    who.http.headers["x-requested-with"] = "tianmu"
    who.post("/api/session", {"account": account, "password": PASSWORDS[account]})
    try:
        yield who
    finally:
        who.http.close()


class Ingest:
    """A source that sends observations over HTTP."""

    def __init__(self, city: City, name: str = "", **about: Any) -> None:
        self.city, self.name = city, name or fresh("http")
        self.token = equipment.source(city, self.name, "http", **about)
        self.http = httpx.Client(
            base_url=f"http://{city.host}:{city.ports['http']}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        # gate hears of the source when it reads the registry
        eventually(lambda: self.send(b"[]").status_code != 401, what="gate knows the source")

    def send(self, body: bytes | list[Any], **headers: str) -> httpx.Response:
        """``headers`` with ``_`` for ``-``."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        named.setdefault("content-type", "application/json")
        if isinstance(body, list):
            body = json.dumps(body).encode()
        return self.http.post("/observations", content=body, headers=named)


def spot(city: City) -> dict[str, float]:
    """A place in the city, far from those given before."""
    west, south, east, north = city.get("/api/city")["bbox"]
    number = next(_numbers)
    return {
        "longitude": round(west + (east - west) * (0.3 + 0.4 * (number * 0.6180340 % 1.0)), 6),
        "latitude": round(south + (north - south) * (0.3 + 0.4 * (number * 0.7548777 % 1.0)), 6),
        "precision": 5,
    }


def register(city: City, kind: str, stem: str = "device", **more: Any) -> str:
    """Register a device of a kind somewhere in the city; its id."""
    name = fresh(stem)
    more.setdefault("place", spot(city))
    city.post("/api/devices", {"device": name, "kind": kind, **more})
    return name


class Sender:
    """An MQTT source that publishes observations of one datastream."""

    def __init__(self, city: City, datastream: str) -> None:
        self._name, self._stream = fresh("mqtt"), datastream
        token = equipment.source(city, self._name, "mqtt")
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=self._name)
        self.client.username_pw_set(self._name, token)
        joined = threading.Event()
        self.client.on_connect = lambda c, u, f, why, p: None if why.is_failure else joined.set()
        self.client.reconnect_delay_set(1, 1)
        self.client.connect(city.host, city.ports["mqtt"])
        self.client.loop_start()
        assert joined.wait(20)

    def publish(self, at: int, what: float) -> paho.MQTTMessageInfo:
        row = {"datastream": self._stream, "time": at, "value": what}
        return self.client.publish(f"tianmu/{self._name}/observations", json.dumps([row]), qos=1)

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def kind_of(city: City, lane: str, properties: int = 1) -> tuple[str, dict[str, Any]]:
    """(code, first property) of a device kind of the pack in a lane, whatever it is called."""
    for kind in city.get("/api/city/seeding")["kinds"]:
        if kind["lane"] == lane and len(kind["properties"]) == properties:
            return kind["code"], kind["properties"][0]
    raise AssertionError(f"the pack has no kind in lane {lane} with {properties} properties")


def value(city: City, device: str, prop: str) -> dict[str, Any]:
    """The present value of a property: what the wall would show."""
    found = city.get(f"/api/devices/{device}")["values"]
    return next(one for one in found if one["property"] == prop)


def panel_source(
    city: City, components: list[Component], places: list[dict[str, Any]] | None = None
) -> tuple[str, str]:
    """A fire panel with its components registered; (address on the wire, source). ``places`` are
    those of the components; one place for all where left out."""
    address = f"{uuid.uuid4().int % (1 << 47):012x}"
    name = fresh("panel")
    equipment.source(city, name, "gbt26875", life=True, allow=[address])
    kinds = {
        kind["code"]: tuple(p["code"] for p in kind["properties"])
        for kind in city.get("/api/city/seeding")["kinds"]
    }
    where = dict(
        zip(
            (component_device(address, one) for one in components),
            places or [spot(city)] * len(components),
            strict=True,
        )
    )
    panel = Panel(address, city.host, city.ports["gbt26875"], components=components)
    for device in panel.devices(kinds, source=name):
        body = {
            "device": device.device, "kind": device.kind, "name": device.name,
            "properties": list(device.properties), "source": name, "origin": "seeded",
            "labels": dict(device.labels),
            "place": where.get(device.device, next(iter(where.values()))),
        }  # fmt: skip
        city.post("/api/devices", body)
    return address, name


def component_device(address: str, component: Component) -> str:
    """The id under which ``panel_source`` registered it."""
    return (
        f"gbt26875-{address}-{component.system_type}-{component.system_address}"
        f"-{component.type}-{component.address}"
    )


def from_panel(city: City, address: str, *events: Event) -> list[float]:
    """Events from a real panel, one after another; seconds until each was confirmed."""

    async def send() -> list[float]:
        nature = Nature(patience=5.0, reconnect=0.3)
        async with Panel(address, city.host, city.ports["gbt26875"], nature=nature) as panel:
            return [await panel.send(event) for event in events]

    return asyncio.run(send())


def alarms_of(city: City, device: str) -> list[dict[str, Any]]:
    """All alarms there ever were of a device."""
    found: list[dict[str, Any]] = city.get(
        "/api/alarms", state="all", device=device, limit=500
    )["items"]  # fmt: skip
    return found


def every(city: City, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, Any] = {}
    while True:
        page = city.get(path, limit=500, **params, **cursor)
        items += page["items"]
        if not page["next"]:
            return items
        cursor = {"cursor": page["next"]}


def heard_of(heard: Heard, event: str, fits: Callable[[Any], bool], within: float = 15.0) -> Any:
    """The data of the first pushed event that fits."""
    found = heard.first(event, fits, within)
    assert found is not None, f"no {event} was pushed within {within:g} s"
    return found[1]
