"""Cases found by words."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pysqlite3 import dbapi2
from sqlalchemy import create_engine, select, text

from tianmu.manage.case.plain import plain
from tianmu.manage.kept import search as case_search
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.query import Query
from tianmu.manage.kept.rebuild import rebuild
from tianmu.store.records import Transaction

from .house import House, house
from .town import OFFICER, RUBBISH

__all__ = ["house"]

SIGNS = "垃圾满溢aAbg1 é%𠮷"
ROW = (
    "INSERT INTO case_state VALUES"
    " (:n, :n, 1, '', '', 1, '', '', '', '', '', 0, 0, 0, 0, :words, '')"
)


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
    assert names(house, "垃圾") == names(house, "溢") == names(house, "面") == ["c2"]
    assert names(house, "圾垃") == []
    assert names(house, '"quoted"') == ["c3"]
    assert names(house, "word AND") == ["c3"]
    assert names(house, "no such thing") == []
    assert names(house, "%%%") == names(house, "!!") == []
    number = house.manage.case("c2").number
    assert names(house, number) == ["c2"]


def test_the_index_is_made_of_cases_that_are_there_and_follows_them(house: House) -> None:
    house.report("litter at the gate", east=0, matter=RUBBISH)
    house.work()

    def unmake(tx: Transaction) -> None:
        connection = tx.connection
        for name in ("new", "gone", "changed"):
            connection.execute(text(f"DROP TRIGGER case_words_{name}"))
        connection.execute(text("DROP TABLE case_words"))
        connection.execute(text("DROP TABLE case_pairs"))

    house.hub.transact(unmake)
    house.manage.start()
    assert names(house, "at the gate") == names(house, "ga") == ["c1"]
    house.manage.command("c1", "note", OFFICER, data={"text": "x"})
    rebuild(house.hub, house.journal)
    assert names(house, "at the gate") == names(house, "at") == names(house, "g") == ["c1"]
    check = text("INSERT INTO case_words (case_words) VALUES ('integrity-check')")
    house.hub.transact(lambda tx: tx.connection.execute(check) and None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(SIGNS, max_size=12), min_size=1, max_size=8), st.text(SIGNS, max_size=2))
def test_short_words_are_found_as_by_looking_at_each_case(titles: list[str], asked: str) -> None:
    """Pairs find what stands in the words and nothing else, after changes and taking away, too."""
    engine = create_engine("sqlite://", module=dbapi2)
    with engine.begin() as connection:
        case_table.metadata.create_all(connection)
        case_search.make(connection)
        raw = connection.connection
        case_search.learn(raw, [(n, plain(title)) for n, title in enumerate(titles)])
        case_search.change(raw, [(0, plain("changed 垃圾"))])
        held = {n: plain(title) for n, title in enumerate(titles)} | {0: plain("changed 垃圾")}
        for n, words in held.items():
            connection.execute(text(ROW), {"n": n, "words": words})
        for words in {plain(asked), "圾", "垃圾", "ge", "g"} - {""}:
            where = case_search.found(words, case_search.look(connection, words))
            found = connection.scalars(select(case_table.case.c.serial).where(where)).all()
            assert sorted(found) == [n for n, told in held.items() if words in told]
        case_search.empty(connection)
        assert case_search.look(connection, "圾") == []
