"""Alerta 9 with PostgreSQL: the merge, on the signals of the storm.

Alerta joins an alert to another of the same resource: equal events are duplicates, events named
under ``correlate`` are related. Place is no such key, so it is given the signals twice: by device,
as they come, and by a square of ``CELL`` degrees, the nearest that one can do for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tianmu.rehearse.bench.given import Storm
from tianmu.rehearse.bench.storm import pairwise
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import SECONDS, Figure
from tianmu.rehearse.peers.postgresql import USER, cluster

WORKERS, CONNECTIONS = 2, 8
CELL = 0.001
"""degrees: about a hundred metres"""
PART = SECONDS / 3
"""seconds for each of the three loads"""
SETTINGS = """DATABASE_URL = "postgresql://{user}@127.0.0.1:{port}/postgres"
SECRET_KEY = "none"
AUTH_REQUIRED = False
LOG_LEVEL = "ERROR"
"""


class Alerta:
    name = "Alerta"
    licence = "Apache-2.0"

    def installed(self, folder: Path) -> bool:
        return own.has_venv(folder, "alerta-server") and own.has_venv(folder, "gunicorn")

    def install(self, folder: Path) -> str:
        return own.add_venv(folder, "alerta-server", "alerta-server", "psycopg2-binary", "gunicorn")

    def run(self, folder: Path, given: Storm) -> list[Figure]:
        with self._serving(folder) as url:
            return asyncio.run(_storm(url, given))

    @contextlib.contextmanager
    def _serving(self, folder: Path) -> Iterator[str]:
        with cluster() as (database, home):
            port = own.free_port()
            settings = home / "alertad.conf"
            settings.write_text(SETTINGS.format(user=USER, port=database))
            # --preload: two workers that make the tables at once end in an error
            command = [
                str(own.python(folder).with_name("gunicorn")), "--preload", "-w", str(WORKERS),
                "-b", f"127.0.0.1:{port}", "alerta:create_app()",
            ]  # fmt: skip
            env = {"ALERTA_SVR_CONF_FILE": str(settings)}
            with own.running(command, home / "alerta.log", port=port, env=env, cwd=home):
                yield f"http://127.0.0.1:{port}"


async def _storm(url: str, given: Storm) -> list[Figure]:
    """By device, the same again as duplicates, then by square."""
    by_device = [_alert(name, "device") for name in given.devices]
    by_cell = [
        _alert(f"{x // CELL:.0f} {y // CELL:.0f}", "fire")
        for x, y in zip(given.x, given.y, strict=True)
    ]
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        fresh, fresh_s = await _send(client, by_device)
        again, again_s = await _send(client, by_device[: len(fresh)])
        correlated, correlated_s = await _send(client, by_cell)
    truth = dict(zip(given.devices, given.incident, strict=True))
    found = {given.devices[i]: case for i, case in correlated.items()}
    apart = {given.devices[i]: case for i, case in fresh.items()}
    precision, recall = pairwise(_of(truth, found), found)
    asked = f"{WORKERS} workers, {CONNECTIONS} connections; PostgreSQL with fsync"
    less = "it makes no case, order or clock of an alert"
    incidents = len({truth[name] for name in found})
    return [
        Figure("signals accepted, each a device of its own", len(fresh) / fresh_s, "1/s",
               "signals_per_second", note=f"{asked}; {less}; {len(set(apart.values()))} open "
               f"alerts for {len(set(_of(truth, apart).values()))} incidents"),
        Figure("the same signals again, taken as duplicates", len(again) / again_s, "1/s",
               "signals_per_second", note=asked),
        Figure(f"signals joined by squares of {CELL}°", len(correlated) / correlated_s, "1/s",
               "signals_per_second", note=f"{asked}; {len(set(found.values()))} open alerts for "
               f"{incidents} incidents, pairwise precision {precision:.3f}, recall {recall:.3f}"),
    ]  # fmt: skip


def _of(truth: dict[str, int], found: dict[str, str]) -> dict[str, int]:
    return {name: truth[name] for name in found}


def _alert(resource: str, event: str) -> dict[str, Any]:
    return {
        "resource": resource, "event": event, "environment": "Production", "severity": "major",
        "service": ["city"], "group": "fire", "value": "1", "text": event,
    }  # fmt: skip


async def _send(
    client: httpx.AsyncClient, alerts: list[dict[str, Any]]
) -> tuple[dict[int, str], float]:
    """As many as are taken within the time: number of the signal → its alert; seconds."""
    found: dict[int, str] = {}
    answers: Counter[int] = Counter()
    waiting = iter(range(len(alerts)))
    begin = time.perf_counter()

    async def worker() -> None:
        for number in waiting:
            if time.perf_counter() > begin + PART:
                return
            answer = await client.post("/alert", json=alerts[number])
            answers[answer.status_code] += 1
            if answer.status_code == 201:
                found[number] = msgspec.json.decode(answer.content)["id"]
            elif sum(answers.values()) - answers[201] > 20:
                raise RuntimeError(f"it refuses alerts: {answer.text[:200]}")

    await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))
    return found, time.perf_counter() - begin
