"""Node-RED 4: the same messages over HTTP or MQTT, one threshold rule in a function node.

One process, headless, without a login and without its editor, as its ``settings.js`` allows.
It keeps nothing on disk, looks up no device and writes no history.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tianmu.rehearse.bench import ingest as bench_ingest
from tianmu.rehearse.bench.given import DEADBAND, LIMIT, Ingest, Latency
from tianmu.rehearse.bench.latency import FRAMES_PER_SECOND
from tianmu.rehearse.city.city import City, connect
from tianmu.rehearse.city.patience import until
from tianmu.rehearse.load.mixed import GATEWAYS, Load, Phase, Plan, Sent
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import SECONDS, Absent, Figure
from tianmu.rehearse.peers.websocket import Socket

WANTED = "4"
"""the last edition that runs on Node.js 20"""
TIMED = "timed"
LESS = (
    "one rule where the city has seven; nothing is durable, no device is looked up, no history "
    "is written"
)
RULE = f"""
const open = context.get("open") || new Map();
const told = [];
const rows = Array.isArray(msg.payload) ? msg.payload
  : Array.isArray(msg.payload.datastream)
    ? msg.payload.datastream.map((d, i) => ({{
        datastream: d, time: msg.payload.time[i], value: msg.payload.value[i] }}))
    : [msg.payload];
for (const row of rows) {{
  if (row.value > {LIMIT}) {{
    if (!open.has(row.datastream)) {{
      open.set(row.datastream, row.time);
      told.push({{ payload: {{ datastream: row.datastream, value: row.value }} }});
    }}
  }} else if (row.value < {LIMIT - DEADBAND}) open.delete(row.datastream);
}}
context.set("open", open);
global.set("seen", (global.get("seen") || 0) + rows.length);
msg.statusCode = 200;
msg.payload = {{ accepted: rows.length }};
return [msg, told.length ? told : null];
"""
"""a threshold with a dead band, kept for each datastream (JavaScript of a function node)"""
SETTINGS = """module.exports = {{
  uiHost: "127.0.0.1", uiPort: {port}, httpAdminRoot: false, httpNodeRoot: "/",
  userDir: {folder}, flowFile: "flows.json", credentialSecret: false, apiMaxLength: "64mb",
  telemetry: {{ enabled: false }}, externalModules: {{ autoInstall: false }},
  logging: {{ console: {{ level: "warn" }} }},
}};
"""


def flow(mqtt: int) -> list[dict[str, Any]]:
    """HTTP in (and MQTT in where there is a broker's port) → rule → answer, and events pushed."""
    place = {"x": 0, "y": 0, "z": "tab"}
    nodes: list[dict[str, Any]] = [
        {"id": "tab", "type": "tab", "label": "rule"},
        {"id": "in", "type": "http in", "url": "/observations", "method": "post",
         "wires": [["rule"]], **place},
        {"id": "rule", "type": "function", "func": RULE, "outputs": 2,
         "wires": [["out"], ["push"]], **place},
        {"id": "out", "type": "http response", "wires": [], **place},
        {"id": "listener", "type": "websocket-listener", "path": "/events", "wholemsg": "false"},
        {"id": "push", "type": "websocket out", "server": "listener", "client": "", "wires": [],
         **place},
        {"id": "asked", "type": "http in", "url": "/seen", "method": "get", "wires": [["seen"]],
         **place},
        {"id": "seen", "type": "function", "outputs": 1, "wires": [["say"]],
         "func": 'msg.payload = { seen: global.get("seen") || 0 }; return msg;', **place},
        {"id": "say", "type": "http response", "wires": [], **place},
    ]  # fmt: skip
    if mqtt:
        nodes += [
            {"id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(mqtt),
             "clientid": "rule", "autoConnect": True, "protocolVersion": "4", "keepalive": "60",
             "cleansession": True},
            {"id": "mqtt", "type": "mqtt in", "topic": "tianmu/+/observations", "qos": "1",
             "datatype": "json", "broker": "broker", "inputs": 0, "wires": [["counted"]], **place},
            {"id": "counted", "type": "function", "func": RULE, "outputs": 2,
             "wires": [[], ["push"]], **place},
        ]  # fmt: skip
    return nodes


class NodeRed:
    """What the two measurements share: how it is had, and how it is started."""

    name = "Node-RED"
    licence = "Apache-2.0"

    def installed(self, folder: Path) -> bool:
        return own.has_npm(folder, "node-red")

    def install(self, folder: Path) -> str:
        return own.add_npm(folder, "node-red", WANTED)

    @contextlib.contextmanager
    def serving(self, folder: Path, *, mqtt: bool = False) -> Iterator[Path]:
        """Started in a temporary folder, which tells of its door in the way a city's does."""
        with contextlib.ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tianmu-peer-")))
            port, broker = own.free_port(), 0
            if mqtt:
                broker = stack.enter_context(mosquitto(home))
            (home / "flows.json").write_text(json.dumps(flow(broker)))
            _write_door(home, port, broker)
            (home / "settings.js").write_text(
                SETTINGS.format(port=port, folder=json.dumps(str(home)))
            )
            program = folder / "node_modules" / "node-red" / "red.js"
            command = ["node", str(program), "-u", str(home), "-s", str(home / "settings.js")]
            stack.enter_context(own.running(command, home / "log", port=port))
            _flows_started(connect(home))
            yield home


class NodeRedIngest(NodeRed):
    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        seconds = min(given.seconds, SECONDS)
        if given.form == "mqtt":
            return [self._by_mqtt(folder, given, seconds)]
        form = "json" if given.form == "arrow" else given.form
        note = LESS + ("; it reads no Arrow, so it is given JSON" if form != given.form else "")
        with self.serving(folder) as home:
            door = connect(home)
            begin = time.perf_counter()
            sent = bench_ingest.send(door, given.bench, form, given.batch, seconds)
            lasted = time.perf_counter() - begin
            seen = int(door.get("/seen")["seen"])
        what = f"HTTP, {form} in batches of {given.batch}, through its rule"
        waits = np.array(sent.latencies or [0.0]) * 1000
        p99 = f"p99 {np.percentile(waits, 99):.1f} ms; " if sent.latencies else ""
        return [Figure(what, min(seen, sent.acknowledged) / lasted, "obs/s",
                       "observations_per_second", note=p99 + note)]  # fmt: skip

    def _by_mqtt(self, folder: Path, given: Ingest, seconds: float) -> Figure:
        """Counted where the rule has seen it: the broker acknowledges before that."""
        with self.serving(folder, mqtt=True) as home:
            door = connect(home)
            begin = time.perf_counter()
            sent = bench_ingest.send(door, given.bench, "mqtt", given.batch, seconds)
            seen, last = 0, time.perf_counter()
            while time.perf_counter() - last < 3.0 and seen < sent.acknowledged:
                now = int(door.get("/seen")["seen"])
                if now > seen:
                    seen, last = now, time.perf_counter()
                time.sleep(0.05)
            lasted = last - begin
        note = f"{LESS}; its broker (mosquitto) acknowledges before the rule has seen it"
        if lost := sent.acknowledged - seen:
            note = f"{lost} acknowledged observations never reached its rule; {note}"
        what = f"MQTT QoS 1 in batches of {given.batch}, through its rule"
        return Figure(what, seen / lasted, "obs/s", "observations_per_second", note=note)


class NodeRedLatency(NodeRed):
    """A JSON message over HTTP → its event on a WebSocket, under the same ordinary load."""

    def run(self, folder: Path, given: Latency) -> list[Figure]:
        seconds = min(given.seconds, SECONDS)
        with self.serving(folder) as home:
            waits, load = _latency(home, replace(given, seconds=seconds))
        note = (
            f"{load.acknowledged[TIMED] / seconds:,.0f} obs/s of {given.rate:,.0f} asked were "
            f"taken meanwhile; a JSON message where the city decodes a panel's frame; {LESS}"
        )
        what = "message to WebSocket event"
        if not waits:
            return [Figure(f"{what}: no event came", 0.0, "ms", note=note)]
        return [
            Figure(f"{what}, p50", statistics.median(waits), "ms", "p50_ms", "less", note),
            Figure(f"{what}, p99", float(np.percentile(waits, 99)), "ms", "p99_ms", "less", note),
        ]


def _latency(home: Path, given: Latency) -> tuple[list[float], Sent]:
    """Milliseconds from message to event, and what became of the load meanwhile."""
    door = connect(home)
    phases = (Phase("warm", 1.0, given.rate), Phase(TIMED, given.seconds, given.rate))
    tokens = ("none",) * GATEWAYS
    load = Load(Plan(home, door.url, tokens, "none", given.bench.datastreams, phases))
    try:
        load.ready()
        waits = asyncio.run(_time_events(door, load, given.seconds))
        return waits, load.finish(60)
    finally:
        load.close()


async def _time_events(door: City, load: Load, seconds: float) -> list[float]:
    heard: dict[str, float] = {}
    sent: dict[str, float] = {}
    socket = await Socket.open("127.0.0.1", door.ports["http"], "/events")

    async def listen() -> None:
        async for text in socket:
            heard.setdefault(json.loads(text)["datastream"], time.perf_counter())

    listening = asyncio.create_task(listen())
    load.begin()
    await asyncio.sleep(1.0)
    async with httpx.AsyncClient(base_url=door.url, timeout=30) as client:
        begin = time.perf_counter()
        while (now := time.perf_counter()) < begin + seconds:
            name = f"latency-{len(sent)}"
            sent[name] = now
            row = {"datastream": name, "time": time.time_ns() // 1_000_000, "value": LIMIT * 1.5}
            await client.post("/observations", json=row)
            due = begin + len(sent) / FRAMES_PER_SECOND
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
    await asyncio.sleep(1.0)
    listening.cancel()
    socket.close()
    return [(heard[name] - at) * 1000 for name, at in sent.items() if name in heard]


def _write_door(home: Path, port: int, broker: int) -> None:
    """What a city writes for rehearsal: our generators find the peer as they find a city."""
    said = {
        "url": f"http://127.0.0.1:{port}", "ports": {"http": port, "mqtt": broker},
        "tokens": {"rehearsal": "none"}, "authority": "", "certificate": "",
    }  # fmt: skip
    (home / "run").mkdir()
    (home / "run" / "rehearsal.json").write_text(json.dumps(said))


def _flows_started(door: City, within: float = 30.0) -> None:
    if not until(lambda: door.http.get("/seen").status_code == 200, within):
        raise Absent("Node-RED listens, but its flow does not start")


@contextlib.contextmanager
def mosquitto(home: Path) -> Iterator[int]:
    """A broker of the peer's own, open to this machine only, that drops nothing; its port."""
    places = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin:/usr/local/sbin"
    program = own.add_debian("mosquitto", lambda: shutil.which("mosquitto", path=places))
    port = own.free_port()
    (home / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
        "max_inflight_messages 2000\nmax_queued_messages 0\nlog_type error\n"
    )
    command = [program, "-c", str(home / "mosquitto.conf")]
    with own.running(command, home / "mosquitto.log", port=port):
        yield port
