"""What panels are asked over real sockets: the clock, the duty check, readings, several at once."""

from __future__ import annotations

import asyncio

import pytest

from tianmu.sense.gbt26875.body import write_objects
from tianmu.sense.gbt26875.link import NoAnswer
from tianmu.sense.gbt26875.tables import ANSWER, CONFIRM, CONTROL, DENY, REQUEST
from waiting import until

from .centre import CENTRE, PANEL, STRANGER, Ledger, centre, frame, run


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
            await until(lambda: connector.state().get("clocks_set") == 1)
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
            await until(lambda: ledger.rows("state") == [1.0 + (1 << 11)])
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
