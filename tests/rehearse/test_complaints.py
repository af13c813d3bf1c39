"""Complaints of a file are told once each, marked as from elsewhere; no such file says why."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from click.testing import CliRunner

from tianmu.cli import main
from tianmu.rehearse.feed.citizens import Citizens
from tianmu.rehearse.feed.complaints import Complaint, Complaints, Unusable, read
from tianmu.rehearse.truth.incident import Telling
from tianmu.rehearse.truth.words import Words

from .small import NAMES, SEEDING, TOWNS


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_file_is_read(tmp_path: Path, encoding: str) -> None:
    text = (
        'id,Title , text,category\n1,路灯不亮,"学校门口,路灯\n不亮三天了",x\n2,,只有内容,y\n'
        "3,只有标题,,z\n4,,,\n5,短行\n"
    )
    assert read(write(tmp_path / "c.csv", text, encoding)) == [
        Complaint("路灯不亮", "学校门口,路灯\n不亮三天了"),
        Complaint("", "只有内容"),
        Complaint("只有标题", "只有标题"),
        Complaint("短行", "短行"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,headline,body\n1,a,b\n", ["no column title and no column text", "id, headline, body"]),
        ("title,body\na,b\n", ["no column text", "title, body"]),
        ("", ["no column title", "empty"]),
        ("title,text\n,\n", ["no row"]),
    ],
)
def test_what_cannot_be_told_says_why(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "c.csv", text)
    with pytest.raises(Unusable) as refused:
        read(path)
    assert all(word in str(refused.value) for word in [*words, str(path)])
    shown = CliRunner().invoke(
        main, ["feed", "--data", str(tmp_path), "--complaints", str(path), "--seconds", "1"]
    )
    assert shown.exit_code == 1 and words[0] in shown.output and "Traceback" not in shown.output


def test_a_picture_is_no_file_of_complaints(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00\x81")
    with pytest.raises(Unusable, match="UTF-8"):
        read(path)


def test_none_is_told_twice_before_all_are() -> None:
    cards = Complaints([Complaint(str(n), "") for n in range(7)], np.random.default_rng(3))
    dealt = [cards.next().title for _ in range(21)]
    assert Counter(dealt) == Counter({str(n): 3 for n in range(7)})
    assert sorted(dealt[:7]) == sorted(dealt[7:14]) and dealt[:7] != dealt[7:14]


class Desk:
    """Takes reports as the API does, and keeps them; after ``enough`` it goes home."""

    def __init__(self, enough: int = 1_000) -> None:
        self.taken: list[dict[str, Any]] = []
        self._enough = enough

    def post(self, path: str, body: dict[str, Any]) -> None:
        assert path == "/api/reports"
        self.taken.append(body)
        if len(self.taken) == self._enough:
            raise EOFError


def citizens(desk: Any, complaints: list[Complaint] | None, per_hour: float = 3.6e6) -> Citizens:
    random = np.random.default_rng(5)
    return Citizens(
        desk, SEEDING, TOWNS, Words(SEEDING, NAMES, "en"), random, per_hour=per_hour,
        complaints=Complaints(complaints, random) if complaints else None,
    )  # fmt: skip


def listen(desk: Desk, complaints: list[Complaint] | None) -> list[dict[str, Any]]:
    with pytest.raises(EOFError):
        asyncio.run(asyncio.wait_for(citizens(desk, complaints).run(), 20))
    return desk.taken


def test_complaints_are_told_as_transplanted_at_scattered_places() -> None:
    taken = listen(Desk(40), [Complaint("t1", "a"), Complaint("t2", "b")])
    assert {(r["title"], r["text"]) for r in taken} == {("t1", "a"), ("t2", "b")}
    assert {r["origin"] for r in taken} == {"transplanted"}
    shapes = [shapely.from_geojson(json.dumps(f["geometry"])) for f in TOWNS["features"][:2]]
    spots = {(r["place"]["longitude"], r["place"]["latitude"]) for r in taken}
    assert len(spots) == len(taken), "each has a place of its own"
    assert all(shapely.contains_xy(shapely.union_all(shapes), x, y) for x, y in spots)
    assert {r["channel"] for r in taken} <= set(SEEDING["channels"])


def test_incidents_are_told_of_in_the_packs_words() -> None:
    desk = Desk()
    some = citizens(desk, [Complaint("t", "from elsewhere")])
    telling = Telling(0.0, "app", "m:fire", 10.1, 50.1, "north")
    asyncio.run(some.tell(telling))
    asyncio.run(some.tell(Telling(0.0, "app", "m:unknown", 10.1, 50.1, "north")))
    [report] = desk.taken
    assert report["origin"] == "seeded" and "smoke" in report["text"].lower()
    assert (report["place"]["longitude"], report["channel"]) == (10.1, "app")


def test_without_a_file_the_templates_are_told() -> None:
    taken = listen(Desk(5), None)
    assert {r["origin"] for r in taken} == {"seeded"} and all(r["text"] for r in taken)


def test_nobody_tells_where_nothing_is_to_be_told() -> None:
    desk = Desk()
    asyncio.run(citizens(desk, None, per_hour=0).run())
    assert not desk.taken
