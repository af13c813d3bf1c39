"""Tables that an older release left are brought to what follows from the cases, at a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .house import House, house
from .town import FIRE, OFFICER, RUBBISH

__all__ = ["house"]


def _older(connection: Any) -> None:
    """As version 1 left them: parties were who leads and joins, no column says what is soon, and a
    case is one row."""
    beside = "SELECT bytes FROM case_bulk WHERE case_bulk.serial = case_state.serial"
    whole = f"CAST(state || coalesce(({beside}), x'') AS BLOB)"
    connection.exec_driver_sql(f"UPDATE case_state SET state = {whole}")
    connection.exec_driver_sql("DROP TABLE case_bulk")
    connection.exec_driver_sql("DELETE FROM case_party WHERE department NOT IN ('fire', 'clean')")
    connection.exec_driver_sql("INSERT INTO case_party VALUES ('roads', 1)")
    connection.exec_driver_sql("DROP INDEX case_open_count")
    connection.exec_driver_sql("ALTER TABLE case_state DROP COLUMN soon")
    connection.exec_driver_sql("CREATE INDEX case_state_count ON case_state (probe, lead)")
    connection.exec_driver_sql("UPDATE journal_schema SET version = 1 WHERE room = 'manage'")


def test_what_follows_from_old_cases_is_right_after_a_start(house: House, tmp_path: Path) -> None:
    house.alarm(matter=FIRE)
    house.report("litter", east=5000.0, matter=RUBBISH)
    house.work()
    house.manage.command("c1", "void", OFFICER, reason="a test")
    before = house.tables()
    assert len(before["case_party"]) > 2
    assert len(before["case_bulk"]) == 1, "of what is open, and of nothing that has ended"
    house.hub.transact(lambda tx: _older(tx.connection))
    house.close()
    house.open()
    seen = "SELECT count(*), min(soon) < 1 << 62 FROM case_party NATURAL JOIN case_state"
    first = house.hub.read(lambda one: one.exec_driver_sql(f"{seen} WHERE open = 1").one())
    assert tuple(first) == (1, 1), "what is open is right from the start"
    house.work()
    after = house.tables()
    assert [one for one in before if before[one] != after[one]] == []
    names = house.hub.read(
        lambda one: set(one.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    )
    assert "case_open_count" in names
    assert "case_state_count" not in names


def _wider(connection: Any, version: int) -> None:
    """As version 3 left them: an order that was returned or taken back still made a party; as
    version 4 did, where its department had done a point before."""
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO case_party SELECT unit, serial FROM case_order"
    )
    set_back = f"UPDATE journal_schema SET version = {version} WHERE room = 'manage'"
    connection.exec_driver_sql(set_back)


@pytest.mark.parametrize("version", [3, 4])
def test_former_parties_of_old_cases_see_them_no_more_after_a_start(
    house: House, version: int
) -> None:
    """Of what is open from the start on, of what has ended soon after."""
    for number in range(2):
        house.report("litter", east=number * 5000.0, matter=RUBBISH)
    house.work()
    for case in ("c1", "c2"):
        house.manage.command(case, "verify", OFFICER)
        house.manage.command(case, "file", OFFICER)
        to = {"department": "fire"}
        house.manage.command(case, "transfer", OFFICER, reason="theirs", data=to)
    house.manage.command("c2", "void", OFFICER, reason="a test")
    before = house.tables()
    assert not [one for one in before["case_party"] if "clean" in one]
    house.hub.transact(lambda tx: _wider(tx.connection, version))
    assert len([one for one in house.tables()["case_party"] if "clean" in one]) == 2
    house.close()
    house.open()
    assert [one for one in house.tables()["case_party"] if "clean" in one] == ["('clean', 2)"]
    house.work()
    after = house.tables()
    assert [one for one in before if before[one] != after[one]] == []
