"""What panels say over real sockets: what is confirmed, what is denied, what is kept."""

from __future__ import annotations

import asyncio

import pytest

from tianmu.sense.gbt26875.tables import CONFIRM, CONTROL, DENY
from waiting import until

from .centre import CENTRE, PANEL, QUIET, STRANGER, Ledger, centre, fire, frame, run


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
            await until(lambda: bool(ledger.refused))
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
