"""Signals taken in together become the same cases as the same signals taken in one by one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tianmu.facts.alarm import AlarmState
from tianmu.facts.encoding import encode
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.rebuild import TABLES, rebuild

from .house import House
from .town import FIRE, LAT, LON, METRE, MINUTE, RUBBISH, SMOKE

ALARMS = st.tuples(
    st.just("alarm"),
    st.integers(0, 12),
    st.sampled_from((FIRE, SMOKE, RUBBISH, "")),
    st.integers(1, 4),
    st.sampled_from((None, 10.0, 120.0)),
)
REPORTS = st.tuples(
    st.just("report"),
    st.integers(0, 12),
    st.sampled_from((FIRE, RUBBISH, "")),
    st.sampled_from(("flames on the roof", "litter by the market", "something smells")),
    st.sampled_from((None, 10.0, 120.0)),
)
RETURNS = st.tuples(st.just("return"), st.integers(0, 30))


def tell(house: House, told: tuple[Any, ...], number: int, raised: list[Any]) -> None:
    """One fact to the town's files, spots 45 m apart."""
    if told[0] == "return":
        if not raised:
            return
        one = raised[told[1] % len(raised)]
        again = {**one, "transition": "return", "state": AlarmState.NORMAL}
        house.alarms -= 1
        house.alarm(**again)
        return
    where = Place(
        longitude=LON + told[1] * 45 * METRE * 1.5557,
        latitude=LAT,
        precision=told[4],
        division="11",
    )
    at = house.now + number * MINUTE // 10
    if told[0] == "alarm":
        event = {
            "alarm": f"a{number}",
            "identity": f"rule@d{told[1]}",
            "device": f"d{told[1]}",
            "matter": told[2],
            "priority": told[3],
            "place": where,
            "at": at,
            "observed_at": at,
        }
        house.alarm(**event)
        raised.append(event)
    else:
        report = Report(
            report=f"r{number}", at=at, channel="hotline", text=told[3], matter=told[2], place=where
        )
        house.hub.transact(lambda tx: tx.append("report", encode(report)))


def rows(house: House) -> dict[str, list[Any]]:
    """All that the tables hold of cases but where their events stand in the journal."""
    kept = [one for one in TABLES if one is not case_table.event]
    return {
        one.name: sorted(house.hub.read(lambda c, one=one: c.execute(select(one)).all()), key=repr)
        for one in kept
    }


def play(folder: Path, signals: list[tuple[Any, ...]], *, together: bool) -> House:
    house = House(folder)
    raised: list[Any] = []
    for number, told in enumerate(signals):
        tell(house, told, number, raised)
        if not together:
            house.work()
    house.work()
    return house


@settings(max_examples=12, deadline=None)
@given(st.lists(st.one_of(ALARMS, ALARMS, REPORTS, RETURNS), min_size=2, max_size=30))
def test_together_as_one_by_one(signals: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        alone = play(Path(one), signals, together=False)
        together = play(Path(other), signals, together=True)
        try:
            slow, quick = alone.topic(), together.topic()
            assert together.manage.failed == alone.manage.failed == 0
            told = sum(state.signals for state in together.states() if state.open)
            assert told == sum(state.signals for state in alone.states() if state.open)
            if not any(event.step == "merge" for event in (*slow, *quick)):
                assert quick == slow
                assert rows(together) == rows(alone)
            before = rows(together)
            rebuild(together.hub, together.journal)
            assert rows(together) == before
        finally:
            alone.close()
            together.close()


def test_entries_appended_together_stand_as_if_one_by_one(tmp_path: Path) -> None:
    house = House(tmp_path)
    made = house.hub.transact(lambda tx: list(tx.append_all("case", [b"1", b"2", b"3"])))
    next_one = house.hub.transact(lambda tx: tx.append("case", b"4").position)
    assert [*made, next_one] == list(range(made[0], made[0] + 4))
    read = house.journal.read("case", made[0] - 1, entries=10)
    assert [entry.payload for entry in read] == [b"1", b"2", b"3", b"4"]
    assert house.hub.transact(lambda tx: list(tx.append_all("case", []))) == []
    house.close()
