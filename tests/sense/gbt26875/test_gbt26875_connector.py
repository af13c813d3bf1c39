"""The connector over real sockets: what is confirmed, what is denied, what is asked."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.gbt26875.body import write_objects
from tianmu.sense.gbt26875.codec import Frame, build, parse
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.frame import Framer
from tianmu.sense.gbt26875.link import NoAnswer
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.gbt26875.tables import ANSWER, CONFIRM, CONTROL, DENY, REQUEST, SEND

PANEL, CENTRE, STRANGER = "320481000001", "320481999999", "999999999999"
QUIET = {"synchronise": False}
QUICK = Options(patience=0.15, settle=0.0, half_seconds=0.3, minute=0.3)


class Ledger:
    """An intake in memory that keeps what it is given, or fails as told."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.taken: list[tuple[Readings, bytes | None]] = []
        self.refused: list[tuple[bytes, str, int]] = []
        self.strangers: list[tuple[str, Candidate]] = []
        self.full = False
        self.gate = asyncio.Event()
        self.gate.set()
        self._source = SourceChanged(
            source="fire", number=1, protocol="gbt26875", life_safety=True,
            settings=QUIET if settings is None else settings, at=0, actor="test",
        )  # fmt: skip

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        await self.gate.wait()
        if self.full:
            raise OSError("the disk is full")
        self.taken.append((readings, key))
        return Taken(known=len(readings.address), held=0, duplicate=False)

    async def quarantine(
        self,
        protocol: str,
        payload: bytes,
        *,
        reason: str,
        peer: str,
        source: str = "",
        offset: int = 0,
    ) -> None:
        if self.full:
            raise OSError("the disk is full")
        self.refused.append((payload, reason, offset))

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        return self._source if address in (PANEL, "0" * 12 + "@127.0.0.1") else None

    async def unknown(
        self, protocol: str, address: str, *, peer: str, payload: bytes, candidate: Candidate
    ) -> None:
        self.strangers.append((address, candidate))

    def in_maintenance(self, address: str) -> bool:
        return False

    def now(self) -> int:
        return time.time_ns() // 1000

    def rows(self, name: str) -> list[float]:
        return [
            float(value)
            for readings, _ in self.taken
            for prop, value in zip(readings.property, readings.value, strict=True)
            if prop == name
        ]


class Device:
    """The other end of a socket, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.framer = Framer()
        self.waiting: list[Frame] = []

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, patience: float = 2.0) -> Frame:
        async with asyncio.timeout(patience):
            while not self.waiting:
                chunk = await self.reader.read(4096)
                if not chunk:
                    raise EOFError
                self.waiting += [parse(cut.data) for cut in self.framer.feed(chunk)]
        return self.waiting.pop(0)

    async def silent(self, seconds: float = 0.1) -> bool:
        try:
            await self.hear(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, patience: float = 2.0) -> bool:
        async with asyncio.timeout(patience):
            while await self.reader.read(4096):
                pass
        return True


@contextlib.asynccontextmanager
async def centre(
    ledger: Ledger, options: Options = QUICK
) -> AsyncIterator[tuple[Gbt26875Connector, Callable[[], Awaitable[Device]], int]]:
    connector = Gbt26875Connector(ledger, "Asia/Shanghai", options)
    port = await connector.start("127.0.0.1", 0)
    devices: list[Device] = []

    async def connect() -> Device:
        device = Device(*await asyncio.open_connection("127.0.0.1", port))
        devices.append(device)
        return device

    try:
        yield connector, connect, port
    finally:
        for device in devices:
            device.writer.close()
        await connector.stop()


def label() -> bytes:
    now = time.localtime(time.time() + 8 * 3600 + time.timezone)
    return bytes((now[5], now[4], now[3], now[2], now[1], now[0] - 2000))


def frame(
    serial: int,
    data: bytes = b"",
    *,
    source: str = PANEL,
    command: int = SEND,
    check: int | None = None,
    at: bytes | None = None,
) -> bytes:
    return build(
        serial=serial, source=source, destination=CENTRE, command=command, data=data,
        label=label() if at is None else at, check=check,
    )  # fmt: skip


def fire(number: int = 25) -> bytes:
    thing = {
        "system_type": 1, "system_address": 1, "component_type": 40,
        "component_address": number, "state": ["fire"], "description": "三楼走廊",
    }  # fmt: skip
    return bytes((2, 1)) + write_objects(2, [thing])


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def settled(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def test_a_fire_is_confirmed_once_it_is_on_disk() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            ledger.gate.clear()
            device.send(frame(77, fire()))
            assert await device.silent()
            ledger.gate.set()
            answer = await device.hear()
            assert (answer.command, answer.serial) == (CONFIRM, 77)
            assert (answer.source, answer.destination) == (CENTRE, PANEL)
            assert answer.data == b""
            assert answer.fault is None
            assert ledger.rows("state") == [2.0]
            assert ledger.rows("link") == [1.0]

    run(scene())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(5, fire(), check=0), "checksum"),
        (frame(5, fire(), command=9), "command 9"),
        (frame(5, fire() + b"\0"), "announces 1 objects"),
        (frame(5, b"\x5a\x01" + bytes(6), command=CONTROL), "may not command"),
        (frame(5, fire())[:-2] + b"!!", "23 23"),
    ],
    ids=["checksum", "command", "objects", "direction", "end"],
)
def test_what_is_wrong_is_denied_and_kept(data: bytes, reason: str) -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            device.send(data)
            answer = await device.hear()
            assert (answer.command, answer.serial) == (DENY, 5)
            assert answer.destination == PANEL
            await settled(lambda: bool(ledger.refused))
            assert ledger.refused[0][0] == data
            assert reason in ledger.refused[0][1]
            assert ledger.taken == []
            device.send(frame(6, fire()))
            assert (await device.hear()).command == CONFIRM

    run(scene())


def test_a_length_beyond_the_limit_is_denied_and_the_next_frame_is_read() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            long = bytearray(frame(5))
            long[24:26] = (2000).to_bytes(2, "little")
            long[27:27] = bytes(2000)
            device.send(bytes(long) + frame(6, fire()))
            answers = {(a.serial, a.command) for a in [await device.hear(), await device.hear()]}
            assert answers == {(5, DENY), (6, CONFIRM)}
            assert ledger.refused[0][0] == bytes(long)

    run(scene())


def test_a_frame_sent_again_is_confirmed_again_and_counted_once() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            again = frame(3, fire())
            ledger.gate.clear()
            device.send(again + again)
            assert await device.silent()
            ledger.gate.set()
            for _ in range(2):
                answer = await device.hear()
                assert (answer.command, answer.serial) == (CONFIRM, 3)
            other = await connect()
            other.send(again)
            assert (await other.hear()).command == CONFIRM
            assert ledger.rows("state") == [2.0]
            assert connector.state()["duplicates"] == 2
            device.send(frame(4, fire()))
            assert (await device.hear()).serial == 4
            assert ledger.rows("state") == [2.0, 2.0]

    run(scene())


def test_a_panel_without_a_clock_may_tell_of_a_second_fire() -> None:
    async def scene() -> None:
        ledger = Ledger(QUIET | {"duplicate_seconds": 0.1})
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            timeless = frame(0, fire(), at=bytes(6))
            device.send(timeless)
            await device.hear()
            await asyncio.sleep(0.15)
            device.send(timeless)
            await device.hear()
            keys = [key for _, key in ledger.taken]
            assert ledger.rows("state") == [2.0, 2.0]
            assert len(set(keys)) == 2

    run(scene())


def test_nothing_is_confirmed_while_the_disk_is_full() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            ledger.full = True
            for data in (frame(1, fire()), frame(2), frame(3, fire(), source=STRANGER)):
                device.send(data)
                assert (await device.hear()).command == DENY
            ledger.full = False
            device.send(frame(1, fire()))
            assert (await device.hear()).command == CONFIRM
            assert ledger.rows("state") == [2.0]
            assert connector.state()["not_kept"] == 3

    run(scene())


def test_heart_beats_and_the_end_of_a_link_are_told() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            for serial in range(3):
                device.send(frame(serial))
                answer = await device.hear()
                assert (answer.command, answer.serial) == (CONFIRM, serial)
            device.send(frame(9, b"\x16"))
            assert (await device.hear()).command == CONFIRM
            assert ledger.rows("link") == [1.0] * 4
            assert connector.state()["panels"] == 1
            device.writer.close()
            await settled(lambda: ledger.rows("link")[-1] == 0.0)
            assert connector.state()["panels"] == 0

    run(scene())


def test_a_panel_that_reconnects_is_not_down() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            first, second = await connect(), await connect()
            first.send(frame(0))
            await first.hear()
            second.send(frame(0))
            await second.hear()
            first.writer.close()
            await settled(lambda: connector.state()["connections"] == 1)
            assert ledger.rows("link") == [1.0, 1.0]

    run(scene())


def test_a_stranger_is_offered_kept_and_confirmed() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            data = frame(1, fire(), source=STRANGER)
            for beat in (data, frame(2, source=STRANGER), frame(3, source=STRANGER)):
                device.send(beat)
                assert (await device.hear()).command == CONFIRM
            assert [address for address, _ in ledger.strangers] == [f"gbt26875/{STRANGER}"]
            assert ledger.strangers[0][1].kind == "fire_transmission_unit"
            assert [payload for payload, _, _ in ledger.refused] == [data]
            assert ledger.taken == []

    run(scene())


def test_a_panel_without_an_address_is_known_by_its_ip() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            device.send(frame(1, fire(), source="0" * 12))
            assert (await device.hear()).command == CONFIRM
            assert ledger.taken[0][0].address[0] == f"gbt26875/{'0' * 12}@127.0.0.1/1-1-40-25"

    run(scene())


def test_a_makers_own_type_is_confirmed_and_its_bytes_kept() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            data = frame(1, b"\x96\x01 whatever it is")
            device.send(data)
            assert (await device.hear()).command == CONFIRM
            assert ledger.refused[0][0] == data

    run(scene())


def test_the_clock_is_set_on_the_first_frame_and_asked_again() -> None:
    async def scene() -> None:
        ledger = Ledger({})
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            wrong = bytes((0, 0, 8, 20, 11, 26))
            device.send(frame(1, at=wrong))
            assert (await device.hear()).command == CONFIRM
            heard = [await device.hear() for _ in range(2)]
            assert [f.command for f in heard] == [CONTROL, CONTROL]
            assert heard[0].serial == heard[1].serial == 0
            assert heard[0].type == 90
            assert heard[0].objects[0]["time"][:4] >= "2026"
            assert (heard[0].source, heard[0].destination) == (CENTRE, PANEL)
            device.send(frame(heard[1].serial, command=CONFIRM))
            await settled(lambda: connector.state().get("clocks_set") == 1)
            assert len(ledger.rows("clock")) == 1
            device.send(frame(2))
            assert (await device.hear()).command == CONFIRM
            assert await device.silent()

    run(scene())


def test_a_duty_check_that_is_answered_and_one_that_is_not() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            device.send(frame(1))
            await device.hear()
            check = asyncio.create_task(connector.duty_check(f"gbt26875/{PANEL}", 2))
            asked = await device.hear()
            assert (asked.command, asked.type) == (CONTROL, 91)
            assert asked.objects == [{"minutes": 2}]
            device.send(frame(asked.serial, command=CONFIRM))
            answer = {"operations": ["duty_answer"], "operator": 7}
            device.send(frame(2, bytes((24, 1)) + write_objects(24, [answer])))
            assert (await device.hear()).command == CONFIRM
            assert await check
            assert ledger.rows("duty_check") == [1.0]
            check = asyncio.create_task(connector.duty_check(PANEL, 1))
            device.send(frame((await device.hear()).serial, command=CONFIRM))
            assert not await check
            assert ledger.rows("duty_check") == [1.0, 0.0]
            with pytest.raises(NoAnswer):
                await connector.duty_check(STRANGER, 1)

    run(scene())


def test_a_panel_is_read_and_a_denial_is_asked_again_three_times() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            device.send(frame(1))
            await device.hear()
            place = {"system_type": 1, "system_address": 1}
            read = asyncio.create_task(connector.read(PANEL, 61, [place]))
            asked = await device.hear()
            assert (asked.command, asked.type, asked.objects) == (REQUEST, 61, [place])
            state = bytes((1, 1)) + write_objects(1, [place | {"state": ["normal", "manual"]}])
            device.send(frame(asked.serial, state, command=ANSWER))
            assert (await read)[0]["state"] == ["normal", "manual"]
            await settled(lambda: ledger.rows("state") == [1.0 + (1 << 11)])
            assert await device.silent()  # an answer is not confirmed
            read = asyncio.create_task(connector.read(PANEL, 81, [{"reserved": 0}]))
            for _ in range(4):
                asked = await device.hear()
                device.send(frame(asked.serial, command=DENY))
            with pytest.raises(NoAnswer, match="denied"):
                await read
            with pytest.raises(ValueError, match="asks nothing"):
                await connector.read(PANEL, 1, [])

    run(scene())


def test_several_questions_in_flight_are_told_apart() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            device.send(frame(1))
            await device.hear()
            reads = [
                asyncio.create_task(connector.read(PANEL, flag, [{"reserved": 0}]))
                for flag in (81, 85)
            ]
            first, second = await device.hear(), await device.hear()
            version, state = b"\x19\x01\x02\x05", b"\x15\x01\x01" + bytes(6)
            assert (first.type, second.type) == (81, 85)
            device.send(frame(second.serial, version, command=ANSWER))
            device.send(frame(first.serial, state, command=ANSWER))
            assert (await reads[0])[0]["state"] == ["normal"]
            assert (await reads[1])[0] == {"major": 2, "minor": 5}

    run(scene())


def test_garbage_before_between_and_after() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            device.send(b"+CONNECT OK\r\n" + frame(1, fire(1)) + b"\xff@@##\0" + frame(2, fire(2)))
            assert [(await device.hear()).serial for _ in range(2)] == [1, 2]
            assert ledger.rows("state") == [2.0, 2.0]
            assert b"".join(payload for payload, _, _ in ledger.refused) == (
                b"+CONNECT OK\r\n\xff@@##\0"
            )

    run(scene())


def test_a_frame_that_comes_by_drops_is_given_up_and_the_link_goes_on() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, connect, _port):
            device = await connect()
            for byte in frame(1, fire())[:60]:
                device.send(bytes((byte,)))
                await asyncio.sleep(0.004)
            await settled(lambda: bool(ledger.refused))
            answer = await device.hear()
            assert (answer.command, answer.serial) == (DENY, 1)
            device.send(frame(2, fire()))
            answer = await device.hear()
            assert (answer.command, answer.serial) == (CONFIRM, 2)

    run(scene())


def test_who_says_nothing_or_nothing_readable_is_closed() -> None:
    async def scene() -> None:
        options = Options(silent_seconds=0.2, half_seconds=0.1, refused_in_row=3)
        async with centre(Ledger(), options) as (connector, connect, _port):
            silent = await connect()
            assert await silent.closed()
            mad = await connect()
            mad.send((frame(1, check=1) + frame(1, check=2)) * 3)
            assert await mad.closed()
            assert connector.state()["given_up"] == 1
            assert connector.state()["silent"] == 1

    run(scene())


def test_no_more_connections_than_allowed() -> None:
    async def scene() -> None:
        async with centre(Ledger(), Options(connections=2)) as (connector, connect, _port):
            devices = [await connect() for _ in range(2)]
            for device in devices:
                device.send(frame(1))
                await device.hear()
            assert await (await connect()).closed()
            assert connector.state()["connections_refused"] == 1
            devices[0].send(frame(2))
            assert (await devices[0].hear()).serial == 2

    run(scene())


def test_a_flood_is_read_slowly_and_none_of_it_is_lost() -> None:
    async def scene() -> None:
        ledger = Ledger()
        options = Options(rate=400, burst=50, in_flight=4)
        async with centre(ledger, options) as (connector, connect, _port):
            device = await connect()
            count = 250
            device.send(b"".join(frame(n, fire(n)) for n in range(count)))
            start = time.monotonic()
            heard = [await device.hear() for _ in range(count)]
            assert time.monotonic() - start > 0.2
            assert [f.serial for f in heard] == list(range(count))
            assert len(ledger.rows("state")) == count
            assert connector.state()["slowed"] >= 1

    run(scene())


def test_stopping_lets_what_is_under_way_end() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, connect, _port):
            device = await connect()
            ledger.gate.clear()
            device.send(frame(1, fire()))
            await settled(lambda: connector.state().get("frames") == 1)
            stop = asyncio.create_task(connector.stop())
            await asyncio.sleep(0.05)
            ledger.gate.set()
            await stop
            assert (await device.hear()).command == CONFIRM
            assert ledger.rows("state") == [2.0]
            assert 0.0 not in ledger.rows("link")

    run(scene())


def test_the_same_over_udp() -> None:
    class Peer(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.heard: asyncio.Queue[Frame] = asyncio.Queue()

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.heard.put_nowait(parse(data))

    async def scene() -> None:
        ledger = Ledger()
        options = Options(silent_seconds=0.3)
        async with centre(ledger, options) as (connector, _connect, port):
            transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
                Peer, remote_addr=("127.0.0.1", port)
            )
            transport.sendto(frame(8, fire()))
            answer = await asyncio.wait_for(peer.heard.get(), 2)
            assert (answer.command, answer.serial) == (CONFIRM, 8)
            transport.sendto(frame(9, fire())[:50])
            answer = await asyncio.wait_for(peer.heard.get(), 2)
            assert (answer.command, answer.serial) == (DENY, 9)
            assert ledger.rows("state") == [2.0]
            await settled(lambda: ledger.rows("link") == [1.0, 0.0])
            assert connector.state()["udp_peers"] == 0
            transport.close()

    run(scene())


def test_what_was_quarantined_is_played_again() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, _connect, _port):
            good, odd = frame(1, fire()), frame(2, fire(), source=STRANGER)
            assert await connector.replay(good, source="", peer="127.0.0.1:1")
            assert ledger.rows("state") == [2.0]
            for bad in (odd, good[:-4], frame(3, fire(), check=0), b"", b"\x16"):
                assert not await connector.replay(bad, source="", peer="127.0.0.1:1")

    run(scene())
