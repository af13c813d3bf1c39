"""Observations to gate's HTTP door, as a gateway in the field would send them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter

import httpx


class Gateway:
    """Keeps sending a batch until gate has acknowledged it: refused for want of room or time, it
    waits as told and sends the same again under the same idempotency key."""

    def __init__(self, url: str, token: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=30,
            verify=tls or True,
        )
        self.counts: Counter[str] = Counter()

    async def send(self, body: bytes, key: str) -> None:
        while True:
            wait = 1.0
            with contextlib.suppress(httpx.TransportError):
                answer = await self._http.post(
                    "/observations", content=body, headers={"Idempotency-Key": key}
                )
                if answer.status_code == 200:
                    said = answer.json()
                    self.counts["accepted"] += said["accepted"]
                    self.counts["held"] += said["held"]
                    self.counts["refused"] += len(said["refused"])
                    return
                if answer.status_code not in {429, 503, 507}:
                    self.counts[f"answered_{answer.status_code}"] += 1
                    self.counts["refused_batches"] += 1
                    return
                wait = float(answer.headers.get("retry-after", "1"))
            self.counts["sent_again"] += 1
            await asyncio.sleep(wait)

    async def close(self) -> None:
        await self._http.aclose()
