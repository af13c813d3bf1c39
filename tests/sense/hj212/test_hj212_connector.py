"""The connector over real sockets: what is answered and what is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.batch import BAD, GOOD, UNCERTAIN, ObservationBatch
from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.topic import OBSERVATION
from tianmu.sense.hj212 import segment as seg
from tianmu.sense.hj212.frame import pack
from tianmu.sense.hj212.options import Options
from tianmu.sense.hj212.segment import Message
from waiting import until

from .logger import KEY, MN, OTHER, Ledger, run, running, stamp, upload


@run
async def test_an_upload_is_answered_once_it_is_on_disk() -> None:
    ledger = Ledger()
    ledger.durable.clear()
    async with running(ledger) as (connector, connect):
        logger = await connect()
        frame = upload()
        await logger.send(frame[:40])
        await asyncio.sleep(0.02)
        await logger.send(frame[40:])
        assert await logger.silent()
        ledger.durable.set()
        answer = await logger.next()
        assert answer.header == (
            ("QN", "20261123100000123"), ("ST", "91"), ("CN", "9014"), ("PW", "123456"),
            ("MN", MN), ("Flag", "4"),
        ) and answer.groups == ()  # fmt: skip
        ((readings, _),) = ledger.taken
        assert list(readings.property) == ["w01018"] and readings.value.tolist() == [31.5]
        assert connector.state()["answered"] == 1 and connector.state()["connections"] == 1


@run
async def test_flag_says_whether_and_how_to_answer() -> None:
    ledger = Ledger()
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(upload(flag="Flag=4;", qn="1"))
        await logger.send(upload(flag="", qn="2", area=f"DataTime={stamp()};011-Rtd=1"))
        assert await logger.silent() and len(ledger.taken) == 2
        await logger.send(upload(flag="Flag=9;", qn="3", area=f"DataTime={stamp()};a34004-Rtd=1"))
        answer = await logger.next()
        assert answer.field("Flag") == "8" and answer.field("QN") == "3"
        await logger.send(upload(flag="Flag=1;", qn="4", area=f"DataTime={stamp()};02-Rtd=1"))
        answer = await logger.next()
        assert answer.field("Flag") == "0" and answer.field("QN") == ""
        assert answer.value("QN") == "4"


@run
async def test_some_loggers_of_2005_wait_for_an_answer_they_do_not_ask_for() -> None:
    ledger = Ledger({"always_answer": True})
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(upload(flag="", qn=""))
        assert (await logger.next()).field("CN") == "9014"


@run
async def test_what_is_sent_again_takes_effect_once_and_is_answered_again() -> None:
    ledger = Ledger()
    async with running(ledger) as (connector, connect):
        logger = await connect()
        area = f"DataTime={stamp()};w01018-Rtd=31.5"
        await logger.send(upload(area))
        await logger.send(upload(area))
        await logger.send(upload(area, qn="20261123110000123", more="RF=1;", flag="Flag=9;"))
        assert [(await logger.next()).field("CN") for _ in range(3)] == ["9014"] * 3
        assert len(ledger.taken) == 1 and connector.state()["again"] == 2


@run
async def test_no_room_no_answer() -> None:
    ledger = Ledger()
    ledger.full = True
    async with running(ledger) as (connector, connect):
        logger = await connect()
        frame = upload()
        await logger.send(frame)
        assert await logger.silent()
        assert connector.state()["not_kept"] == 1
        ledger.full = False
        await logger.send(frame)
        assert (await logger.next()).field("CN") == "9014"


@run
async def test_wrong_check_sum_is_kept_and_not_answered() -> None:
    ledger = Ledger()
    async with running(ledger) as (connector, connect):
        logger = await connect()
        good = upload()
        bad = good[:-6] + b"0000\r\n"
        await logger.send(bad + b"what is this" + good)
        assert (await logger.next()).field("CN") == "9014"
        assert await logger.silent(0.05)
        payloads = [payload for payload, _, _ in ledger.refused]
        assert payloads == [bad, b"what is this"]
        assert "check sum" in ledger.refused[0][1] and ledger.refused[0][2] == "water"
        assert not await connector.replay(bad, source="water", peer="x")
        assert await connector.replay(upload(qn="77", area=f"DataTime={stamp()};a34004-Rtd=3"),
                                      source="water", peer="x")  # fmt: skip


@run
async def test_a_modbus_check_sum_is_named() -> None:
    ledger = Ledger()
    async with running(ledger) as (_, connect):
        logger = await connect()
        # github.com/linqiu126/hcu, zhbhjt212msg.h
        text = (
            b"##0076ST=91;CN=9013;PW=123456;MN=ABCDEFG1234567;Flag=0;"
            b"CP=&&QN=20170516010101001&&1CBA\r\n"
        )
        await logger.send(text)
        await until(lambda: bool(ledger.refused))
        assert "Modbus" in ledger.refused[0][1]


@run
async def test_strangers_are_offered_and_not_answered() -> None:
    ledger = Ledger()
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(upload(mn="NOBODY"))
        assert await logger.silent()
        ((address, payload, candidate),) = ledger.strangers
        assert address == "hj212/NOBODY" and payload == upload(mn="NOBODY", area=_area(payload))
        assert candidate.data["system_name"]["en"] == "surface water pollution source"
        assert candidate.data["factors"]["w01018"]["unit"] == "mg/L"


@run
async def test_made_up_names_do_not_fill_the_queue() -> None:
    ledger = Ledger()
    async with running(ledger, Options(strangers=3)) as (connector, connect):
        logger = await connect()
        await logger.send(b"".join(upload(mn=f"X{n % 6}") for n in range(12)))
        await until(lambda: connector.state().get("unknown") == 12)
        await asyncio.sleep(0.02)
        assert {address for address, _, _ in ledger.strangers} == {f"hj212/X{n}" for n in range(3)}
        assert connector.state()["unknown_not_offered"] == 6


SEGMENTS = st.one_of(
    st.binary(max_size=120),
    st.tuples(
        st.sampled_from(["2011", "2051", "3020", "9011", "9012", "9013", "9014", "9015", "1013",
                         "", "0", "2081", "9999"]),
        st.sampled_from(["Flag=5;", "Flag=9;", "", "Flag=x;", "Flag=7;PNUM=3;PNO=2;", "Flag=999;",
                         "PNUM=;PNO=0;"]),
        st.text("aw01-RtdDataTimeQn=,;/&.2", max_size=60),
    ).map(lambda x: f"QN=1;ST=21;CN={x[0]};PW=123456;MN={MN};{x[1]}CP=&&{x[2]}&&".encode()),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(SEGMENTS, min_size=1, max_size=8))
def test_nothing_that_is_sent_ends_the_connection(segments: list[bytes]) -> None:
    async def through() -> None:
        ledger = Ledger({"part_seconds": 0.01, "sm4_key": KEY})
        async with running(ledger, Options(half_seconds=0.05)) as (connector, connect):
            logger = await connect()
            await logger.send(b"".join(pack(segment) for segment in segments) + b"\r\n")
            await logger.send(upload(qn="last", area=f"DataTime={stamp()};a34004-Rtd=12"))
            async with asyncio.timeout(30):
                while (await logger.next()).field("QN") != "last":
                    pass
            assert connector.state().get("failed", 0) == 0

    asyncio.run(through())


def _area(payload: bytes) -> str:
    return payload.split(b"&&")[1].decode()


@run
async def test_wrong_password() -> None:
    ledger = Ledger({"stations": {MN: {"password": "secret"}}})
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(upload())
        assert await logger.silent() and not ledger.taken
        assert "password" in ledger.refused[0][1]
        await logger.send(upload(pw="secret"))
        assert (await logger.next()).field("PW") == "secret"
        await logger.send(upload(mn=OTHER))
        assert (await logger.next()).field("MN") == OTHER


@run
async def test_heart_beat() -> None:
    ledger = Ledger()
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(pack(f"QN=1;ST=21;CN=9015;PW=123456;MN={MN};Flag=9;CP=&&&&".encode()))
        answer = await logger.next()
        assert answer.field("CN") == "9013" and answer.field("Flag") == "8"
        assert list(ledger.taken[0][0].property) == ["link"]


@run
async def test_encrypted_upload() -> None:
    ledger = Ledger({"sm4_key": KEY})
    async with running(ledger) as (_, connect):
        logger = await connect()
        text = f"QN=1;ST=31;CN=2051;PW=123456;MN={MN};Flag=9;CP=&&"
        text += f"DataTime={stamp()};a01011-Avg=1.35,a01011-Flag=N&&"
        message = seg.parse(text.encode())
        secret = Message(message.header, message.groups, True)
        await logger.send(seg.encode(secret, bytes.fromhex(KEY)))
        assert (await logger.next()).field("CN") == "9014"
        assert list(ledger.taken[0][0].property) == ["a01011.minute"]
        await logger.send(seg.encode(secret, b"1" * 16))
        assert await logger.silent()
        assert "key" in ledger.refused[0][1]


@run
async def test_split_packets_share_their_time_in_any_order() -> None:
    ledger = Ledger({"part_seconds": 5})
    async with running(ledger) as (connector, connect):
        logger = await connect()
        second = upload("w21003-Rtd=2", qn="2", flag="Flag=7;", more="PNO=0002;PNUM=0002;")
        first = upload(f"DataTime={stamp()};w01018-Rtd=1", qn="1", flag="Flag=7;",
                       more="PNUM=2;PNO=1;")  # fmt: skip
        await logger.send(second)
        assert await logger.silent()  # waits for the time, so it is not answered
        await logger.send(first)
        assert {(await logger.next()).field("QN") for _ in range(2)} == {"1", "2"}
        times = {int(readings.time[0]) for readings, _ in ledger.taken}
        assert len(times) == 1 and not any(readings.side for readings, _ in ledger.taken)
        await logger.send(second)
        assert (await logger.next()).field("QN") == "2"
        state = connector.state()
        assert state["messages_whole"] == 1 and state["parts_again"] == 1


@run
async def test_a_packet_whose_time_never_comes_gets_that_of_receipt() -> None:
    ledger = Ledger({"part_seconds": 0.1})
    async with running(ledger) as (_, connect):
        logger = await connect()
        await logger.send(upload("w21003-Rtd=2", flag="Flag=7;", more="PNUM=2;PNO=2;"))
        assert (await logger.next()).field("CN") == "9014"
        assert ledger.taken[0][0].side[0] == {"told_time": ""}


@run
async def test_one_connection_speaks_for_many_stations() -> None:
    ledger = Ledger()
    async with running(ledger) as (connector, connect):
        logger = await connect()
        await logger.send(upload(qn="1") + upload(qn="2", mn=OTHER))
        assert {(await logger.next()).field("MN") for _ in range(2)} == {MN, OTHER}
        assert connector.state()["stations"] == 2


@run
async def test_records_of_2005_without_marks_follow_the_marks_of_their_values() -> None:
    ledger = Ledger()
    async with running(ledger) as (_, connect):
        logger = await connect()
        hour = stamp()[:10]
        record = f"DataTime={hour}0000;011-Avg={{}}"
        for qn, area, cn in (
            ("1", record.format(1), "2061"),
            ("2", f"DataTime={hour}0000;011-Rtd=2,011-Flag=D", "2011"),
            ("3", record.format(3), "2061"),
        ):
            await logger.send(upload(area, cn=cn, qn=qn, flag="Flag=1;"))
            await logger.next()
        assert [readings.quality.tolist() for readings, _ in ledger.taken] == [
            [GOOD], [BAD], [UNCERTAIN],
        ]  # fmt: skip


@run
async def test_a_flooding_client_is_slowed_and_a_senseless_one_closed() -> None:
    ledger = Ledger()
    options = Options(rate=100, burst=5, refused_in_row=3)
    async with running(ledger, options) as (connector, connect):
        logger = await connect()
        for number in range(4):
            await logger.send(b"".join(upload(qn=str(number * 10 + n)) for n in range(10)))
            for _ in range(10):
                await logger.next()
        assert connector.state()["slowed"] >= 1
        senseless = await connect()
        async with asyncio.timeout(30):
            while not senseless.reader.at_eof():
                senseless.writer.write(b"y" * 5000)
                await asyncio.sleep(0.02)
                if senseless.writer.is_closing():
                    break
                try:
                    async with asyncio.timeout(0.01):
                        if await senseless.reader.read(10) == b"":
                            break
                except TimeoutError:
                    continue
                except ConnectionError:
                    break
        assert connector.state()["given_up"] == 1


def test_from_the_wire_to_the_journal(tmp_path: Path) -> None:
    """With the real intake: what is answered can be read back from disk, once."""
    intake_module = pytest.importorskip("tianmu.sense.intake")
    from tianmu.sense.source import Sources
    from tianmu.store.journal.sqlite import SqliteJournal
    from tianmu.store.records import Records
    from tianmu.store.registry import Registry

    async def through() -> None:
        main, life = Records(tmp_path / "gate.sqlite"), Records(tmp_path / "gate-life.sqlite")
        registry, sources = Registry(tmp_path), Sources()
        device = Device(device="river-1", kind="water_station", properties=("w01018", "w21003"),
                        labels={"address": f"hj212/{MN}"})  # fmt: skip
        registry.apply(registry.registration([device], at=0, actor="test"))
        sources.apply(SourceChanged(source="water", number=7, protocol="hj212", allow=(MN,),
                                    at=0, actor="test"))  # fmt: skip
        intake = intake_module.Intake(main, life, registry, sources)
        try:
            async with running(intake) as (_, connect):
                logger = await connect()
                area = f"DataTime={stamp()};w01018-Rtd=31.5;w21003-Rtd=0.5"
                for _ in range(2):
                    await logger.send(upload(area))
                    assert (await logger.next()).field("CN") == "9014"
            entries = SqliteJournal(tmp_path).read(OBSERVATION.name, 0)
            assert len(entries) == 1
            batch = ObservationBatch.decode(entries[0].payload)
            assert batch.source == 7 and np.array_equal(batch.value, [31.5, 0.5])
        finally:
            main.close()
            life.close()

    asyncio.run(asyncio.wait_for(through(), 60))
