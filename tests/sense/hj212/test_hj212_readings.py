"""Which value, at what time, how good: messages of HJ 212 as readings."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tianmu.facts.batch import BAD, GOOD, MAINTENANCE, UNCERTAIN
from tianmu.sense.contract import Readings
from tianmu.sense.hj212.readings import read_time, to_readings, write_time
from tianmu.sense.hj212.rollup import RollUp
from tianmu.sense.hj212.segment import parse
from tianmu.sense.hj212.settings import DEFAULT, Settings, read_settings

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = int(datetime(2026, 11, 23, 4, 0, tzinfo=UTC).timestamp() * 1e6)  # 12:00 in Shanghai
TEN = int(datetime(2026, 11, 23, 2, 0, tzinfo=UTC).timestamp() * 1e6)  # 10:00 in Shanghai


def readings(
    area: str,
    cn: str = "2011",
    settings: Settings = DEFAULT,
    *,
    time: str = "",
    maintenance: bool = False,
) -> Readings:
    text = f"QN=20261123100000000;ST=32;CN={cn};PW=123456;MN=M1;Flag=5;CP=&&{area}&&"
    return to_readings(
        parse(text.encode()), settings, zone=SHANGHAI, received=NOW, time=time,
        maintenance=maintenance,
    )  # fmt: skip


def test_real_time_values_are_the_factors_own_property() -> None:
    got = readings("DataTime=20261123100000;w01018-Rtd=31.5,w01018-Flag=N;060-Rtd=0.82")
    assert list(got.address) == ["hj212/M1"] * 2
    assert list(got.property) == ["w01018", "w21003"]  # 060 of 2005 is w21003
    assert got.value.tolist() == [31.5, 0.82]
    assert got.time.tolist() == [TEN, TEN]
    assert got.quality is not None and got.quality.tolist() == [GOOD, GOOD]
    assert not got.side and got.sequence is None


@pytest.mark.parametrize(("cn", "period"), [("2051", "minute"), ("2061", "hour"), ("2031", "day")])
def test_records_have_the_mean_as_value_and_the_rest_beside(cn: str, period: str) -> None:
    got = readings(
        "DataTime=20261123100000;w01018-Cou=200,w01018-Min=10.1,w01018-Avg=20.2,w01018-Max=30.3", cn
    )
    assert list(got.property) == [f"w01018.{period}"]
    assert got.value.tolist() == [20.2]
    assert got.side[0] == {"period": period, "of": "avg", "min": 10.1, "max": 30.3, "cou": 200.0}
    only = readings("DataTime=20261123100000;w00000-Cou=200", cn)
    assert only.value.tolist() == [200.0] and only.side[0] == {"period": period, "of": "cou"}


@pytest.mark.parametrize(
    ("mark", "quality"),
    [("N", GOOD), ("M", MAINTENANCE), ("C", MAINTENANCE), ("S", MAINTENANCE), ("F", MAINTENANCE),
     ("D", BAD), ("B", BAD), ("T", UNCERTAIN), ("?", UNCERTAIN)],
)  # fmt: skip
def test_marks(mark: str, quality: int) -> None:
    got = readings(f"DataTime=20261123100000;w01018-Rtd=31.5,w01018-Flag={mark}")
    assert got.quality is not None and got.quality.tolist() == [quality]
    assert got.side == ({} if mark == "N" else {0: {"flag": mark}})


@pytest.mark.parametrize("text", ["9999.99", "-9999.99", "", "NaN", "inf", "--", "1e999", "abc"])
def test_no_value_is_no_number(text: str) -> None:
    got = readings(f"DataTime=20261123100000;w01018-Rtd={text},w01018-Flag=N")
    assert math.isnan(got.value[0])
    assert got.quality is not None and got.quality.tolist() == [BAD]
    assert got.side[0] == {"text": text}


@pytest.mark.parametrize(
    "told", ["", "20261123", "20261399100000", "20271123100000", "19700101000000", "X"]
)
def test_a_wrong_clock_does_not_place_a_value(told: str) -> None:
    got = readings(f"DataTime={told};w01018-Rtd=1")
    assert got.time.tolist() == [NOW]
    assert got.quality is not None and got.quality.tolist() == [UNCERTAIN]
    assert got.side[0] == {"told_time": told}


def test_sample_time_is_nearer_than_data_time() -> None:
    got = readings("DataTime=20261123110000;w21003-SampleTime=20261123100000,w21003-Rtd=1.2")
    assert got.time.tolist() == [TEN]
    got = readings("DataTime=20261123100000;w21003-SampleTime=,w21003-Rtd=1.2")
    assert got.time.tolist() == [TEN]


def test_a_packet_may_take_the_time_of_another() -> None:
    got = readings("w01018-Rtd=1", time="20261123100000")
    assert got.time.tolist() == [TEN] and not got.side


def test_several_times_in_one_answer() -> None:
    got = readings(
        "DataTime=20261123090000;a34004-Avg=1;DataTime=20261123100000;a34004-Avg=2", "2061"
    )
    assert (np.diff(got.time) == 3_600_000_000).all() and got.value.tolist() == [1, 2]


def test_equal_times_are_told_apart() -> None:
    got = readings("DataTime=20261123100000;w01018-Rtd=1;w01018-Rtd=2")
    assert got.sequence is not None and got.sequence.tolist() == [0, 1]


def test_settings_of_source_and_station() -> None:
    given = {
        "scale": {"a34004": 0.001}, "properties": {"a34004": "pm25"}, "converted": True,
        "units": {"a34004": "µg/m³"},
        "stations": {"M1": {"password": "other", "scale": {"a34004": 2}}},
    }  # fmt: skip
    settings, wrong = read_settings(given, "M1")
    assert not wrong and settings.password == "other"
    got = readings("DataTime=20261123100000;a34004-Rtd=5,a34004-ZsRtd=7", settings=settings)
    assert list(got.property) == ["pm25", "pm25.zs"] and got.value.tolist() == [10, 14]
    assert got.candidates["hj212/M1"].data["factors"]["pm25"]["unit"] == "µg/m³"
    other, _ = read_settings(given, "M2")
    assert other.password == "123456" and other.scale == {"a34004": 0.001}
    for bad in ({"sm4_key": "short"}, {"scale": 3}, {"setup": {"nonsense": 1}}):
        settings, wrong = read_settings(bad, "M1")
        assert settings == DEFAULT and "defaults hold" in wrong


def test_maintenance_never_dispatches() -> None:
    got = readings("DataTime=20261123100000;w01018-Rtd=1;w21003-Rtd=9999.99", maintenance=True)
    assert got.quality is not None and got.quality.tolist() == [MAINTENANCE, BAD]


def test_equipment_and_information() -> None:
    got = readings("DataTime=20261123100000;SB1-RS=1;SB2-RS=0", "2021")
    assert list(got.property) == ["SB1", "SB2"] and got.value.tolist() == [1, 0]
    got = readings("DataTime=20261122000000;SB1-RT=13.5", "2041")
    assert list(got.property) == ["SB1.day"] and got.value.tolist() == [13.5]
    got = readings("DataTime=20261123100000;PolId=w01018;i11001-Info=//清洗管路//", "3020")
    assert list(got.property) == ["w01018.i11001"] and got.side[0] == {"text": "清洗管路"}
    assert got.quality is not None and got.quality.tolist() == [GOOD]
    got = readings("PolId=w01018;w01018-SN=010000A8900016F000169DC0", "3019")
    assert list(got.property) == ["w01018.w01018.serial"]
    got = readings("DataTime=20261123110000;RestartTime=20261123100000", "2081")
    assert list(got.property) == ["restart"] and got.time.tolist() == [TEN]
    got = readings("DataTime=20261123100000;VaseNo=1", "3015")
    assert list(got.property) == ["vase"] and got.value.tolist() == [1]
    got = readings("", "9015")
    assert list(got.property) == ["link"] and got.time.tolist() == [NOW]


@given(st.integers(0, 4_102_444_799_999))
def test_times_come_back(milliseconds: int) -> None:
    at = milliseconds * 1000
    for zone in (SHANGHAI, ZoneInfo("UTC")):
        if zone is SHANGHAI and milliseconds < 700_000_000_000:
            continue  # summer time until 1991 makes local hours ambiguous
        assert read_time(write_time(at, zone, milliseconds=True), zone) == at


AREA = st.text("aw0123S-RtdAvgFlgZsCouInfoPlDTime=,;/.N9\u4e2d", max_size=80)


@hypothesis_settings(deadline=None, max_examples=300)
@given(AREA, st.sampled_from(["2011", "2051", "2061", "2031", "2041", "3020", "2081", "9015"]))
def test_any_area_gives_whole_columns(area: str, cn: str) -> None:
    got = readings(area, cn)
    assert len(got.time) == len(got.property)
    assert got.quality is not None and set(got.quality.tolist()) <= {
        GOOD,
        UNCERTAIN,
        BAD,
        MAINTENANCE,
    }
    assert all(0 <= row < len(got.property) for row in got.side)
    assert (abs(got.time - NOW) < 500 * 86_400e6).all()


MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("system", "abnormal", "quality"),
    [("32", 0, GOOD), ("32", 1, UNCERTAIN), ("31", 1, GOOD), ("31", 5, GOOD), ("31", 6, UNCERTAIN)],
)
def test_records_without_marks_are_judged_by_their_values(
    system: str, abnormal: int, quality: int
) -> None:
    roll_up = RollUp()
    assert roll_up.judge("M1", system, "w01018", TEN, "hour") == GOOD and roll_up.watches("M1")
    for n in range(20):  # 25 % of 20 are 5
        mark = BAD if n < abnormal else GOOD
        roll_up.note("M1", "w01018", TEN + 3 * n * MINUTE, mark)
        roll_up.note("M2", "w01018", TEN, BAD)
    roll_up.note("M1", "w01018", TEN - MINUTE, BAD)  # before the interval
    roll_up.note("M1", "w01018", TEN + 60 * MINUTE, BAD)  # behind it
    assert roll_up.judge("M1", system, "w01018", TEN, "hour") == quality
    assert roll_up.judge("M1", system, "w21003", TEN, "hour") == GOOD
    assert roll_up.judge("M2", system, "w01018", TEN, "hour") == GOOD
    later = TEN + 15 * MINUTE
    assert roll_up.judge("M1", system, "w01018", later, "minute", 5) == (
        UNCERTAIN if abnormal > 5 else GOOD
    )


@given(st.lists(st.tuples(st.integers(0, 1500), st.booleans()), max_size=60), st.integers(0, 23))
def test_tallies_are_those_of_counting(values: list[tuple[int, bool]], hour: int) -> None:
    roll_up = RollUp()
    roll_up.judge("M", "32", "c", TEN, "day")
    for minute, normal in sorted(values):
        roll_up.note("M", "c", TEN + minute * MINUTE, GOOD if normal else BAD)
    whole_day = [normal for minute, normal in values if minute < 1440]
    expected = GOOD if all(whole_day) else UNCERTAIN
    assert roll_up.judge("M", "32", "c", TEN, "day") == expected


def test_a_mark_goes_before_what_is_known_of_the_values() -> None:
    def judge(code: str, start: int, period: str) -> int:
        assert (code, start, period) == ("w21003", TEN, "hour")
        return UNCERTAIN

    text = (
        "QN=1;ST=32;CN=2061;PW=1;MN=M1;CP=&&DataTime=20261123100000;"
        "w01018-Avg=1,w01018-Flag=N;060-Avg=2&&"
    )
    got = to_readings(parse(text.encode()), DEFAULT, zone=SHANGHAI, received=NOW, judge=judge)
    assert got.quality is not None and got.quality.tolist() == [GOOD, UNCERTAIN]
