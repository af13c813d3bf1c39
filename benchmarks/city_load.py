"""Loads on a whole city that give up nothing: what is not acknowledged is sent again.

Now and then something acknowledged is sent again on purpose. Each remembers what was acknowledged.
"""

from __future__ import annotations

import abc
import asyncio
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from tianmu.rehearse.panel.panel import Nature, NotConfirmed, Panel
from tianmu.rehearse.panel.script import Component, fire, normal

ROWS = 50
"""observations in a batch"""
AWAY = (httpx.HTTPError, OSError, KeyError, json.JSONDecodeError)
"""what a load sees while the city, or a part of it, is away"""


class Load(abc.ABC):
    """Something that goes in until it is told to stop; what was begun is acknowledged first."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.stop = threading.Event()
        self.retries = 0
        self.trouble: list[str] = []
        self._thread = threading.Thread(target=self._guarded, name=type(self).__name__, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self.stop.set()
        self._thread.join(120)
        if self._thread.is_alive():
            self.trouble.append(f"{type(self).__name__}: what was begun is not acknowledged")

    def _guarded(self) -> None:
        try:
            self.run()
        except Exception as error:
            self.trouble.append(f"{type(self).__name__}: {type(error).__name__}: {error}")

    @abc.abstractmethod
    def run(self) -> None:
        """Send until told to stop."""

    def post(self, door: str, path: str, token: str = "", **more: Any) -> httpx.Response:
        """Post until it is acknowledged. A door that is away is looked for again: a city that was
        started anew may have other ports and tokens."""
        headers = more.pop("headers")
        while True:
            try:
                said = json.loads((self.data / "run" / "rehearsal.json").read_text())
                port = said["ports"]["http"] if door == "http" else said["ports"]["web"]
                bearer = token or said["tokens"]["rehearsal"]
                answer = httpx.post(
                    f"http://127.0.0.1:{port}{path}", timeout=20,
                    headers={**headers, "Authorization": f"Bearer {bearer}"}, **more,
                )  # fmt: skip
                if answer.status_code < 300:
                    return answer
                if answer.status_code not in {401, 429, 503}:
                    raise RuntimeError(f"{path} → {answer.status_code}: {answer.text[:300]}")
            except AWAY:
                pass
            self.retries += 1
            time.sleep(0.1)


class Observations(Load):
    def __init__(self, data: Path, token: str, datastreams: list[str], seed: int) -> None:
        super().__init__(data)
        self._token, self._names, self._random = token, datastreams, random.Random(seed)
        self._start = int(time.time() * 1000) - 86_400_000
        self._seed = seed
        self.acknowledged: set[tuple[str, int]] = set()
        self.again = 0

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            answer = self._send(number)
            if answer["accepted"] != ROWS:
                raise RuntimeError(f"batch {number}: {answer}")
            self.acknowledged |= {(row["datastream"], row["time"]) for row in self._rows(number)}
            if self._random.random() < 0.1:
                self.again += 1
                if not self._send(self._random.randint(0, number))["duplicate"]:
                    raise RuntimeError("what was acknowledged was taken a second time")
            number += 1
            time.sleep(0.02)

    def _rows(self, number: int) -> list[dict[str, Any]]:
        return [
            {
                "datastream": self._names[n % len(self._names)],
                "time": self._start + number * ROWS + n,
                "value": float(number % 10),
            }
            for n in range(ROWS)
        ]

    def _send(self, number: int) -> dict[str, Any]:
        key = {"Idempotency-Key": f"{self._seed}-{number}"}
        found: dict[str, Any] = self.post(
            "http", "/observations", self._token, json=self._rows(number), headers=key
        ).json()
        return found


class Reports(Load):
    def __init__(self, data: Path, places: list[dict[str, float]], seed: int) -> None:
        super().__init__(data)
        self._places, self._random, self._seed = places, random.Random(seed), seed
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            body = {
                "channel": "hotline",
                "text": f"the lamp at number {self._random.randint(1, 9)} is dark",
                "place": self._random.choice(self._places),
            }  # fmt: skip
            key = {"Idempotency-Key": f"{self._seed}-{number}"}
            for _ in range(1 if self._random.random() < 0.9 else 2):
                taken = self.post("web", "/api/reports", json=body, headers=key).json()["report"]
                self.acknowledged.add(taken)
            number += 1
            time.sleep(0.15)


class Fires(Load):
    """Each component burns once. A frame that is not confirmed is sent again."""

    def __init__(self, data: Path, address: str, components: list[Component]) -> None:
        super().__init__(data)
        self.address, self._components = address, components
        self.acknowledged: list[Component] = []

    def run(self) -> None:
        asyncio.run(self._burn())

    async def _burn(self) -> None:
        waiting = list(self._components)
        while waiting and not self.stop.is_set():
            try:
                said = json.loads((self.data / "run" / "rehearsal.json").read_text())
            except AWAY:
                await asyncio.sleep(0.1)
                continue
            nature = Nature(patience=1.0, resends=3, reconnect=0.2)
            port = said["ports"]["gbt26875"]
            async with Panel(self.address, "127.0.0.1", port, nature=nature) as panel:
                while waiting and not self.stop.is_set():
                    try:
                        await panel.send(normal(waiting[0]))
                        await panel.send(fire(waiting[0]))
                    except NotConfirmed:
                        self.retries += 1
                        break
                    self.acknowledged.append(waiting.pop(0))
                    self.retries += panel.counts.resent
                    await asyncio.sleep(random.uniform(0.2, 1.8))
