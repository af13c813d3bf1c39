"""Lines of panels: garbage, drops, silence, floods, UDP, and the end of the gate."""

from __future__ import annotations

import asyncio
from typing import Any

from tianmu.sense.gbt26875.codec import Frame, parse
from tianmu.sense.gbt26875.options import Options
from tianmu.sense.gbt26875.tables import CONFIRM, DENY
from waiting import until

from .centre import Ledger, centre, fire, frame, run


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
            await until(lambda: ledger.rows("link")[-1] == 0.0)
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
            await until(lambda: connector.state()["connections"] == 1)
            assert ledger.rows("link") == [1.0, 1.0]

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
            whole = frame(1, fire())
            device.send(whole[:30])  # by then its serial is known
            for byte in whole[30:-1]:
                if ledger.refused:
                    break
                device.send(bytes((byte,)))
                await asyncio.sleep(0.01)
            await until(lambda: ledger.refused)
            answer = await device.hear()
            assert (answer.command, answer.serial) == (DENY, 1)
            device.send(frame(2, fire()))
            answer = await device.hear()
            assert (answer.command, answer.serial) == (CONFIRM, 2)

    run(scene())


def test_who_says_nothing_or_nothing_readable_is_closed() -> None:
    async def scene() -> None:
        async with centre(Ledger(), Options(silent_seconds=0.2)) as (connector, connect, _port):
            assert await (await connect()).closed()
            assert connector.state()["silent"] == 1
        options = Options(half_seconds=0.1, refused_in_row=3)
        async with centre(Ledger(), options) as (connector, connect, _port):
            mad = await connect()
            mad.send((frame(1, check=1) + frame(1, check=2)) * 3)
            assert await mad.closed()
            assert connector.state()["given_up"] == 1

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
            heard = [await device.hear() for _ in range(count)]
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
            await until(lambda: connector.state().get("frames") == 1)
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
            answer = await asyncio.wait_for(peer.heard.get(), 15)
            assert (answer.command, answer.serial) == (CONFIRM, 8)
            transport.sendto(frame(9, fire())[:50])
            answer = await asyncio.wait_for(peer.heard.get(), 15)
            assert (answer.command, answer.serial) == (DENY, 9)
            assert ledger.rows("state") == [2.0]
            await until(lambda: ledger.rows("link") == [1.0, 0.0])
            assert connector.state()["udp_peers"] == 0
            transport.close()

    run(scene())
