"""A simulated logger against the real connector: two readings of one standard understand each
other, and nothing that was answered is lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.registry import SourceChanged
from tianmu.rehearse.field.replay import Due
from tianmu.rehearse.station import frame as wire
from tianmu.rehearse.station import water
from tianmu.rehearse.station.script import Nature, Step, Upload, Value
from tianmu.rehearse.station.station import NotAnswered, Station
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.hj212.connector import Hj212Connector
from tianmu.sense.hj212.frame import Framer
from tianmu.sense.hj212.segment import decode
from waiting import until

KEY = bytes(range(16))
PUBLISHED = Path(__file__).parents[3] / "shared/data/water/cnemc_4hourly_jiangsu_taihu.csv"


class Ledger:
    """An intake in memory; ``full`` makes it refuse."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.taken: dict[bytes, Readings] = {}
        self.refused: list[str] = []
        self.full = False
        self.made = SourceChanged(
            source="s", number=1, protocol="hj212", settings=settings or {}, at=0, actor="test"
        )

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        if self.full:
            raise OSError("the disk is full")
        assert key is not None
        again = key in self.taken
        self.taken.setdefault(key, readings)
        return Taken(len(readings.address), 0, again)

    async def quarantine(self, protocol: str, payload: bytes, **said: Any) -> None:
        self.refused.append(said["reason"])

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        return self.made

    async def unknown(self, *args: Any, candidate: Candidate, **said: Any) -> None:
        raise AssertionError("nobody is unknown here")

    def in_maintenance(self, address: str) -> bool:
        return False

    def now(self) -> int:
        return time.time_ns() // 1000


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def wrapped() -> None:
        asyncio.run(asyncio.wait_for(test(), 30))

    wrapped.__name__ = test.__name__
    return wrapped


def real_time(*figures: float) -> Upload:
    codes = ("w01018", "w21003", "w21011")
    return Upload(
        tuple(
            Value(code, (("Rtd", str(figure)), ("Flag", "N")))
            for code, figure in zip(codes, figures, strict=False)
        )
    )


@pytest.mark.parametrize(
    ("edition", "key"), [(2005, None), (2017, None), (2025, None), (2025, KEY)]
)
def test_every_edition_is_understood(edition: int, key: bytes | None) -> None:
    @run
    async def through() -> None:
        ledger = Ledger({"sm4_key": KEY.hex()} if key else {})
        connector = Hj212Connector(ledger, "Asia/Shanghai")
        port = await connector.start("127.0.0.1", 0)
        nature = Nature(edition=edition, key=key, heartbeat=0.05, patience=15)
        async with Station("A1", "127.0.0.1", port, nature=nature) as station:
            for number in range(5):
                await station.send(real_time(number, 2, 3))
            counts = station.counts
            assert (counts.sent, counts.acknowledged, counts.resent) == (5, 5, 0)
            assert len(counts.latencies) == 5 and connector.state()["frames"] >= 5
            if edition == 2025:
                await until(lambda: any("link" in r.property for r in ledger.taken.values()))
        uploads = [r for r in ledger.taken.values() if "link" not in r.property]
        assert [r.value[0] for r in uploads] == [0, 1, 2, 3, 4]
        assert not ledger.refused
        await connector.stop()

    through()


@run
async def test_what_is_not_answered_is_sent_again_kept_and_sent_when_the_link_is_back() -> None:
    ledger = Ledger()
    ledger.full = True
    connector = Hj212Connector(ledger, "Asia/Shanghai")
    port = await connector.start("127.0.0.1", 0)
    nature = Nature(edition=2025, patience=0.1, resends=1, reconnect=0.05, heartbeat=None)
    station = Station("A1", "127.0.0.1", port, nature=nature)
    await station.start()
    with pytest.raises(NotAnswered):
        await station.send(real_time(1))
    await station.play([Step(0, real_time(2)), Step(0.01, real_time(3))])
    assert station.counts.kept == 2 and station.counts.resent == 3 and not ledger.taken
    ledger.full = False
    await station.drop()
    await until(lambda: len(ledger.taken) == 2)
    assert station.counts.connections == 2
    assert [r.value[0] for r in ledger.taken.values()] == [2, 3]
    await station.stop()
    await connector.stop()


@run
async def test_long_uploads_are_split_and_answered_packet_by_packet() -> None:
    ledger = Ledger()
    connector = Hj212Connector(ledger, "Asia/Shanghai")
    port = await connector.start("127.0.0.1", 0)
    async with Station("A1", "127.0.0.1", port, nature=Nature(patience=15)) as station:
        codes = [f"a{n:05d}" for n in range(80)]
        record = tuple(
            Value(code, (("Min", "1"), ("Avg", "2"), ("Max", "3"), ("Flag", "N"))) for code in codes
        )
        await station.send(Upload(record, "2051"))
        assert station.counts.acknowledged == station.counts.sent > 2
    names = [name for readings in ledger.taken.values() for name in readings.property]
    assert sorted(names) == [f"{code}.minute" for code in codes]
    assert connector.state()["messages_whole"] == 1
    await connector.stop()


@run
async def test_the_centre_is_obeyed() -> None:
    setup = {"time": True, "over_time": 7, "recount": 2, "real_time_interval": 60,
             "minute_interval": 5, "state": False}  # fmt: skip
    ledger = Ledger({"setup": setup, "over_time": 1})
    connector = Hj212Connector(ledger, "Asia/Shanghai")
    port = await connector.start("127.0.0.1", 0)
    nature = Nature(patience=1, clock_off=-3600)
    async with Station("A1", "127.0.0.1", port, nature=nature) as station:
        await station.send(real_time(1))
        await until(lambda: bool(connector.state().get("set_up")))
        assert station.intervals == {"RtdInterval": 60, "MinInterval": 5}
        before = ledger.now()
        await station.send(real_time(2))
        first, second = (int(r.time[0]) for r in ledger.taken.values())
        # its clock was an hour behind and was set
        assert before - first > 3_500e6 and before - second < 5e6
        reply = await connector.history("A1", "2061", before - 86_400_000_000, before)
        assert reply.execution_return == 100 and "no data" in reply.problem()
        record = Upload((Value("w01018", (("Avg", "5"),)),), "2061", datetime.now().astimezone())
        await station.send(record)
        reply = await connector.history(
            "A1", "2061", before - 172_800_000_000, before + 172_800_000_000
        )
        assert reply.ok and len(reply.answers) == 1
        reply = await connector.ask("A1", "1011")
        assert reply.ok and len(reply.answers[0].value("SystemTime")) == 14
        reply = await connector.ask("A1", "3019", [("PolId", "w01018")])
        assert reply.answers[0].value("w01018-SN") == "A1"
    await connector.stop()


@run
async def test_many_stations_in_one_process_lose_nothing() -> None:
    ledger = Ledger()
    connector = Hj212Connector(ledger, "Asia/Shanghai")
    port = await connector.start("127.0.0.1", 0)
    async with contextlib.AsyncExitStack() as stack:
        stations = [
            await stack.enter_async_context(Station(f"S{n:03d}", "127.0.0.1", port))
            for n in range(60)
        ]
        steps = [Step(60, real_time(n)) for n in range(5)]
        await asyncio.gather(*(station.play(steps, speed=6000) for station in stations))
        assert sum(station.counts.acknowledged for station in stations) == 300
    assert len(ledger.taken) == 300
    await connector.stop()


def test_both_readings_of_the_standard_agree() -> None:
    sent = wire.pack([("QN", "1"), ("ST", "21"), ("CN", "2011"), ("PW", "x"), ("MN", "M"),
                      ("Flag", "9")], "DataTime=20261123100000;w01018-Rtd=1", KEY)  # fmt: skip
    (frame,) = Framer().feed(sent)
    message = decode(frame, KEY)
    assert message.value("w01018-Rtd") == "1" and message.encrypted
    (fields,) = wire.unpack(bytearray(b"noise" + sent + b"##12"), KEY)
    assert fields["MN"] == "M" and wire.values(fields["CP"])["w01018-Rtd"] == "1"
    # HJ 212-2017 appendix A
    assert wire.check(
        b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;"
        b"CP=&&RtdInterval=30&&"
    ) == 0x1C80  # fmt: skip


# --- water -----------------------------------------------------------------------------------


def test_shipped_figures() -> None:
    samples = water.read()
    assert len(samples) <= 40
    stations = water.by_station(samples)
    assert len(stations) == 6 and all(len(of) == 6 for of in stations.values())
    assert {sample.grade for sample in samples} >= {"Ⅱ", "Ⅲ"}
    first = samples[0].upload({"w01001", "w21003"})
    assert [value.code for value in first.values] == ["w01001", "w21003"]
    assert len({water.mn_of(name) for name in stations}) == 6
    assert all(len(water.mn_of(name)) == 24 for name in stations)


def test_a_file_that_is_not_as_published_is_refused_with_its_place(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("断面名称,监测时间,水温(℃)\nA,yesterday,3\n", encoding="utf-8")
    with pytest.raises(water.NotAsPublished, match=r"row 2.*yesterday"):
        water.read(wrong)
    wrong.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(water.NotAsPublished, match="断面名称"):
        water.read(wrong)
    old = tmp_path / "old.csv"
    old.write_bytes(
        "断面名称,监测时间,水温(℃),氨氮(mg/L)\nA,2021-04-01 08:00,3.5,--\n".encode("gb18030")
    )
    (sample,) = water.read(old)
    assert sample.values == {"w01010": "3.5"}


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published file is not at hand")
def test_the_file_as_published() -> None:
    samples = water.read(PUBLISHED)
    assert len(samples) == 917 and len(water.by_station(samples)) == 36
    assert any(not sample.in_order for sample in samples)
    shipped = {(s.station, s.at): s.values for s in water.read()}
    for sample in samples:
        expected = shipped.get((sample.station, sample.at))
        assert expected is None or expected == sample.values


def test_recorded_times_are_laid_onto_now() -> None:
    instants = [datetime(2021, 4, 2, hour) for hour in (0, 4, 8, 12, 16, 20)]
    due = Due(datetime(2026, 11, 23, 9, 30))
    got = list(islice(due.of(instants), 5))
    assert [index for _, index in got] == [2, 3, 4, 5, 0]
    assert [delay / 3600 for delay, _ in got] == [0, 2.5, 4, 4, 4]
    fast = list(islice(Due(datetime(2026, 11, 23, 9, 30), speed=3600).of(instants), 3))
    assert [round(delay, 3) for delay, _ in fast] == [0, 2.5, 4]
    # a recording that has this day of the year begins there
    year = [datetime(2014, month, 23, 9) for month in range(1, 13)]
    assert next(iter(Due(datetime(2026, 11, 23, 9, 30)).of(year))) == (0, 10)
    assert list(Due(datetime(2026, 1, 1)).of([])) == []


@run
async def test_published_figures_arrive_as_readings() -> None:
    ledger = Ledger()
    connector = Hj212Connector(ledger, "Asia/Shanghai")
    port = await connector.start("127.0.0.1", 0)
    samples = water.by_station(water.read())["江边闸"]
    async with Station(water.mn_of("江边闸"), "127.0.0.1", port, name="江边闸") as station:
        due = Due(datetime.now(), speed=1e6)
        playing = asyncio.create_task(station.play(water.steps(samples, due, {"w01001", "w01009"})))
        await until(lambda: station.counts.acknowledged >= 7)
        playing.cancel()
        device = station.device("surface_water_station", ["w01001", "w01009"])
        assert device.labels["address"] == f"hj212/{station.mn}"
        assert next(iter(ledger.taken.values())).address[0] == device.labels["address"]
    assert {name for r in ledger.taken.values() for name in r.property} == {"w01001", "w01009"}
    await connector.stop()
