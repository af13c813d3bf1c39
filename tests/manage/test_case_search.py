"""Cases found by words."""

from __future__ import annotations

from sqlalchemy import text

from tianmu.manage import case_search
from tianmu.manage.case_query import Query
from tianmu.manage.rebuild import rebuild

from .test_manage import House, house
from .town import OFFICER, RUBBISH

__all__ = ["house"]


def names(house: House, words: str) -> list[str]:
    items = house.manage.cases(Query(q=words, sort="opened"))["items"]
    return sorted(item["case"] for item in items)


def test_words_are_found_wherever_they_stand(house: House) -> None:
    house.report("Overflowing litter bin at gate 7", east=0)
    house.report("垃圾满溢，在学校后面", east=5000, matter=RUBBISH)
    house.report('a "quoted" word AND more', east=9000, matter=RUBBISH)
    house.work()
    assert names(house, "flowing LITTER") == ["c1"]
    assert names(house, "gate 7") == ["c1"]
    assert names(house, "学校后面") == ["c2"]
    assert names(house, "垃圾") == ["c2"]  # two signs: looked for case by case
    assert names(house, '"quoted"') == ["c3"]
    assert names(house, "word AND") == ["c3"]
    assert names(house, "no such thing") == []
    assert names(house, "%%%") == names(house, "!!") == []
    number = house.manage.case("c2").number
    assert names(house, number) == ["c2"]


def test_the_index_is_made_of_cases_that_are_there_and_follows_them(house: House) -> None:
    house.report("litter at the gate", east=0, matter=RUBBISH)
    house.work()

    def unmake(tx: object) -> None:
        connection = tx.connection  # type: ignore[attr-defined]
        for name in ("new", "gone", "changed"):
            connection.execute(text(f"DROP TRIGGER case_words_{name}"))
        connection.execute(text("DROP TABLE case_words"))

    house.hub.transact(unmake)
    house.manage.start()
    assert names(house, "at the gate") == ["c1"]
    house.manage.command("c1", "note", OFFICER, data={"text": "x"})
    rebuild(house.hub, house.journal)
    house.hub.transact(lambda tx: case_search.make(tx.connection))
    assert names(house, "at the gate") == ["c1"]
    check = text("INSERT INTO case_words (case_words) VALUES ('integrity-check')")
    house.hub.transact(lambda tx: tx.connection.execute(check) and None)
