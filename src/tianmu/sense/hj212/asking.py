"""What the centre asks of loggers: requests, notifications, and the set-up of a new connection.

A request is answered by 9011 (will it be executed?), then by data, then by 9012 (how it went); a
notification by 9013. Answers carry the QN of the request, those of 2005 in the data area. What is
not answered in time is sent again (HJ 212-2017 6.6, 6.7, 9.2).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.readings import write_time
from tianmu.sense.hj212.segment import Group, Message, Pair
from tianmu.sense.hj212.settings import Settings
from tianmu.sense.hj212.tables import EXECUTION_RETURNS, REQUEST_RETURNS, is_encrypted_command

log = logging.getLogger("tianmu.hj212")

STARTS = frozenset({"2011", "2021"})
"""begin uploads that go on until they are stopped: accepted is all there is to wait for"""


@dataclass(frozen=True)
class Reply:
    """What became of a request."""

    qn: str
    request_return: int | None
    """``QnRtn`` (``tables.REQUEST_RETURNS``), or None: no answer 9011"""
    execution_return: int | None
    """``ExeRtn`` (``tables.EXECUTION_RETURNS``), or None: none came, or a notification"""
    answers: tuple[Message, ...]
    """the data that came for it, in order"""
    sent: int
    """how often it was sent"""

    @property
    def ok(self) -> bool:
        """Accepted and, where the logger said so, executed."""
        return self.request_return in (None, 1) and self.execution_return in (None, 1)

    def problem(self, language: str = "en") -> str:
        """What went wrong, in words; empty where nothing did."""
        for code, table in (
            (self.request_return, REQUEST_RETURNS),
            (self.execution_return, EXECUTION_RETURNS),
        ):
            if code not in (None, 1):
                return table.get(code or 0, {}).get(language, str(code))
        return ""


class NotAnswered(TimeoutError):
    """The logger did not answer, however often it was asked."""


class NotConnected(ConnectionError):
    """The station has no connection now."""


@dataclass
class Station:
    """A logger as it last spoke."""

    mn: str
    send: Callable[[bytes], None] | None
    """writes to the connection it last spoke on, None once that is closed"""
    edition: int
    system: str
    password: str
    settings: Settings
    zone: ZoneInfo
    last_at: int
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """loggers execute one command at a time"""


@dataclass
class _Pending:
    cn: str
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    request_return: int | None = None
    execution_return: int | None = None
    notified: bool = False
    answers: list[Message] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return self.notified or self.request_return is not None or bool(self.answers)

    @property
    def done(self) -> bool:
        refused = self.request_return not in (None, 1)
        begun = self.cn in STARTS and self.request_return is not None
        return self.notified or refused or begun or self.execution_return is not None


class Asking:
    """Requests under way, by (MN, QN)."""

    def __init__(self, now: Callable[[], int], counts: Counter[str]) -> None:
        self._now, self._counts = now, counts
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._last_qn = 0

    def answer(self, message: Message) -> bool:
        """Take 9011, 9012, 9013 or data as an answer; False where nobody asked."""
        mn, cn = message.field("MN"), message.field("CN")
        qn = message.field("QN") or message.value("QN")
        pending = self._pending.get((mn, qn))
        if pending is None:
            if cn in ("9011", "9012", "9013"):
                self._counts["answers_unasked"] += 1
                return False
            # data packets have a QN of their own: told by their command
            pending = next(
                (p for (m, _), p in self._pending.items() if m == mn and p.cn == cn), None
            )
            if pending is None:
                return False
        if cn == "9011":
            pending.request_return = _code(message.value("QnRtn"))
        elif cn == "9012":
            pending.execution_return = _code(message.value("ExeRtn"))
        elif cn == "9013":
            pending.notified = True
        else:
            pending.answers.append(message)
        pending.stirred.set()
        return True

    async def ask(
        self, station: Station, cn: str, items: Sequence[Pair | Group] = (), *, system: str = ""
    ) -> Reply:
        """Send a command and wait until it is executed, refused or not answered.

        ``items`` are pairs or groups of pairs of the data area; ``system`` is ``ST``, else that of
        the station. Raises ``NotConnected`` or ``NotAnswered``; ``ValueError`` where a command of
        2025 has to be encrypted and the station's key is not set.
        """
        async with station.turn:
            settings = station.settings
            qn = self._qn(station.zone)
            frame = self._frame(station, cn, items, qn, system)
            key = (station.mn, qn)
            pending = self._pending[key] = _Pending(cn)
            sent = 0
            try:
                while sent < max(1, settings.recount) and not pending.answered:
                    if station.send is None:
                        raise NotConnected(f"station {station.mn} has no connection now")
                    station.send(frame)
                    sent += 1
                    self._counts["requests_sent"] += 1
                    await self._stir(pending, settings.over_time)
                if not pending.answered:
                    self._counts["requests_unanswered"] += 1
                    raise NotAnswered(
                        f"station {station.mn} did not answer command {cn} in {sent} × "
                        f"{settings.over_time:g} s"
                    )
                while not pending.done:
                    if not await self._stir(pending, settings.execute_seconds):
                        break
                return Reply(
                    qn,
                    pending.request_return,
                    pending.execution_return,
                    tuple(pending.answers),
                    sent,
                )
            finally:
                del self._pending[key]

    async def _stir(self, pending: _Pending, seconds: float) -> bool:
        pending.stirred.clear()
        try:
            async with asyncio.timeout(seconds):
                await pending.stirred.wait()
        except TimeoutError:
            return False
        return True

    def _qn(self, zone: ZoneInfo) -> str:
        """Milliseconds of now, never twice the same."""
        at = max(self._now() // 1000, self._last_qn + 1)
        self._last_qn = at
        return write_time(at * 1000, zone, milliseconds=True)

    def _frame(
        self, station: Station, cn: str, items: Sequence[Pair | Group], qn: str, system: str
    ) -> bytes:
        settings = station.settings
        version = {2005: 0, 2017: 1}.get(station.edition, 2)
        encrypted = station.edition == 2025 and is_encrypted_command(cn) and bool(settings.sm4_key)
        message = seg.compose(
            cn,
            mn=station.mn,
            pw=station.password,
            st=system or station.system,
            qn=qn,
            # 2005 asks with 3 in its own examples; its bit 1 says nothing without PNUM
            flag=version << 2 | 1,
            items=items,
            encrypted=encrypted,
        )
        return seg.encode(message, settings.key)

    # -- commands of table 9 --

    async def set_time(self, station: Station) -> Reply:
        """1012: the logger's clock becomes ours. In 2017 the factor may be named by ``PolId``."""
        text = write_time(self._now(), station.zone)
        return await self.ask(station, "1012", [("SystemTime", text)])

    async def set_up(self, station: Station) -> list[str]:
        """First connection (6.7): what the settings say, in the standard's order. What failed, in
        words; one failure does not keep the rest from being told."""
        setup = station.settings.setup
        steps: list[tuple[str, list[Pair | Group]]] = []
        if setup.over_time is not None or setup.recount is not None:
            pairs: list[Pair | Group] = []
            if setup.over_time is not None:
                pairs.append(("OverTime", str(setup.over_time)))
            if setup.recount is not None:
                pairs.append(("ReCount", str(setup.recount)))
            steps.append(("1000", pairs))
        if setup.time:
            steps.append(("1012", []))
        if setup.real_time_interval is not None:
            steps.append(("1062", [("RtdInterval", str(setup.real_time_interval))]))
        if setup.minute_interval is not None:
            steps.append(("1064", [("MinInterval", str(setup.minute_interval))]))
        if setup.real_time is not None:
            steps.append(("2011" if setup.real_time else "2012", []))
        if setup.state is not None:
            steps.append(("2021" if setup.state else "2022", []))
        failed = []
        for cn, items in steps:
            try:
                if cn == "1012":
                    reply = await self.set_time(station)
                else:
                    reply = await self.ask(station, cn, items)
            except (NotAnswered, ValueError) as error:
                failed.append(f"{cn}: {error}")
                continue
            except NotConnected as error:
                failed.append(f"{cn}: {error}")
                break
            if not reply.ok:
                failed.append(f"{cn}: {reply.problem()}")
        self._counts["set_up"] += 1
        if failed:
            log.warning("station %s could not be set up: %s", station.mn, "; ".join(failed))
        return failed


def _code(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 100
