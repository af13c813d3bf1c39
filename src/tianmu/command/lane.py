"""The way to one receiver. Each has its own, so that one that is dead or slow delays no other.

Of each case only its first waiting message is under way; several cases are, up to the pack's
``at_once``. While the receiver is away one message at a time tries whether it is back.

A summons waits for no other: who is called next does not wait until a gateway has taken the number
of who was called first. It is dead as soon as nobody waits for an answer to it any more.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import httpx
from sqlalchemy import Connection

from tianmu.access import exposure
from tianmu.access.keys import Keys, NotOurs
from tianmu.city.charter.outbound import Outbound
from tianmu.command import delivery, signing, webhook
from tianmu.command.delivery import Delivery
from tianmu.command.send import Outcome, client, send
from tianmu.command.webhook import Webhook
from tianmu.facts.address import Allowed
from tianmu.manage.kept.table import case_id
from tianmu.store.records import Records, Transaction

log = logging.getLogger("tianmu.command")
IDLE = 60.0
"""seconds after which it looks again though nobody called"""
SECOND = 1_000_000
REMEMBERED = 10_000
"""cases, from which on those of an hour ago are forgotten"""


def wait_of(policy: Outbound, attempts: int) -> float:
    """Seconds until the try after ``attempts`` failed ones, spread by a fifth to either side so
    that what failed together does not come back together."""
    grown = policy.first_wait_s * policy.growth ** min(attempts - 1, 100)
    return min(policy.longest_wait_s, grown) * random.uniform(0.8, 1.2)


class Lane:
    """Sends what waits for one receiver until it is cancelled."""

    def __init__(
        self,
        name: str,
        records: Records,
        keys: Keys,
        clock: Callable[[], int],
        policy: Callable[[], Outbound],
    ) -> None:
        self.name, self.records, self.keys = name, records, keys
        self.clock, self.policy = clock, policy
        self.woken = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._away_until = 0
        self._failures = 0
        self._passed: dict[int, int] = {}
        """serial of a case → µs when it was written down that the receiver was handed it"""

    async def run(self) -> None:
        """Until cancelled; then what is under way is given up (and sent again another time)."""
        line = client(self.policy().at_once)
        try:
            while True:
                self.woken.clear()
                try:
                    wait = await self._start(line)
                except Exception:
                    log.exception("webhook %s: what waits cannot be read; tried again", self.name)
                    wait = 1.0
                try:
                    await asyncio.wait_for(self.woken.wait(), wait)
                except TimeoutError:
                    continue
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)
            await line.aclose()

    async def _start(self, line: httpx.AsyncClient) -> float:
        """Begin what may be sent now; seconds until there is more to begin."""
        now = self.clock()
        if await asyncio.to_thread(self.records.read, lambda c: delivery.late(c, now, self.name)):
            await self.records.write_async(
                lambda tx: delivery.expire(tx.connection, now, self.name)
            )
        if now < self._away_until:
            return (self._away_until - now) / SECOND
        room = (1 if self._failures else self.policy().at_once) - len(self._under_way)
        if room <= 0:
            return IDLE
        busy = set(self._under_way)
        found, next_at, told = await asyncio.to_thread(self._look, now, room, busy)
        if told is None or not told[0].on:
            return IDLE
        for one in found:
            self._under_way[one.delivery] = asyncio.create_task(self._one(line, one, *told))
        if len(found) == room:
            return IDLE  # whichever ends first wakes us
        return min(IDLE, max(0.0, (next_at - now) / SECOND)) if next_at else IDLE

    def _look(
        self, now: int, room: int, busy: set[str]
    ) -> tuple[list[Delivery], int, tuple[Webhook, Allowed] | None]:
        def ask(
            c: Connection,
        ) -> tuple[list[Delivery], int, tuple[Webhook, Allowed] | None]:
            found, next_at = delivery.due(c, self.name, now, room, busy)
            try:
                return found, next_at, (webhook.get(c, self.name), webhook.allowed(c))
            except webhook.NoWebhook:
                return [], 0, None

        return self.records.read(ask)

    async def _one(
        self, line: httpx.AsyncClient, one: Delivery, told: Webhook, allowed: Allowed
    ) -> None:
        """One try, and what became of it, on disk."""
        policy = self.policy()
        try:
            now = self.clock()
            valid = await asyncio.to_thread(webhook.secrets, self.keys, told, now)
            headers = signing.headers(valid, one.delivery, now // SECOND, one.body)
            outcome = await send(
                line, told.url, headers, one.body, allowed, policy.timeout_s, now / SECOND
            )
        except NotOurs as error:
            outcome = Outcome(False, error=str(error), away=True)
        except Exception as error:
            log.exception("webhook %s: %s could not be sent", self.name, one.delivery)
            outcome = Outcome(False, error=f"{type(error).__name__}: {error}"[:400])
        try:
            await self._settle(one, outcome, policy, told)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("webhook %s: what became of %s is not kept", self.name, one.delivery)
            await asyncio.sleep(1)  # it waits still and is sent again, by the same id
        finally:
            self._under_way.pop(one.delivery, None)
            self.woken.set()

    async def _settle(
        self, one: Delivery, outcome: Outcome, policy: Outbound, told: Webhook
    ) -> None:
        now, passed = self.clock(), self._passes(one, outcome)
        first = one.first_at or now
        said = {
            "attempts": one.attempts + 1,
            "first_at": first,
            "status": outcome.status,
            "error": outcome.error,
        }
        self._failures = self._failures + 1 if outcome.away else 0
        if outcome.taken:
            said |= {"state": "done", "settled_at": now}
        elif outcome.gone:
            said |= {"next_at": now}
        else:
            asked = min(outcome.wait_s, policy.longest_wait_s)
            next_at = now + round(max(wait_of(policy, one.attempts + 1), asked) * SECOND)
            given_up = next_at - first > policy.give_up_h * 3600 * SECOND or one.serial == 0
            if given_up or (one.until and next_at >= one.until):
                said |= {"state": "dead", "settled_at": now}
            else:
                said |= {"next_at": next_at}
            if outcome.away:
                rest = max(wait_of(policy, min(self._failures, 4)), asked)
                self._away_until = now + round(rest * SECOND)

        def write(tx: Transaction) -> None:
            delivery.note(tx.connection, one, **said)
            if passed:
                exposure.passed_on(
                    tx.connection, case_id(one.serial), at=now, actor="@system", to=told.name,
                    what=one.type,
                )  # fmt: skip
            if outcome.gone:
                webhook.switch_off(
                    tx.connection,
                    self.name,
                    "the receiver answered 410 Gone: it wants nothing any more",
                )

        await self.records.write_async(write)
        if passed:
            self._passed[one.serial] = now

    def _passes(self, one: Delivery, outcome: Outcome) -> bool:
        """Whether the receiver may have the case by this try, and it is not written down lately. A
        test or a warning tells of none, a withdrawal of nothing but its id."""
        if one.serial <= 0 or one.type == delivery.WITHDRAWN:
            return False
        if not (outcome.status or outcome.begun):
            return False
        since = self.clock() - exposure.AGAIN
        if len(self._passed) >= REMEMBERED:
            self._passed = {case: at for case, at in self._passed.items() if at > since}
        return self._passed.get(one.serial, 0) <= since
