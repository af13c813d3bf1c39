"""Single observations are gathered: one entry for many, an answer and a key for each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.topic import OBSERVATION_LIFE
from tianmu.sense.http.answer import AHEAD
from tianmu.sense.http.connector import HttpConnector
from tianmu.sense.http.together import may_be_single
from tianmu.store.records import DiskFull

from ..door import NOW, Door, post, run


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path, 50)
    made.source("s", number=1)
    made.source("t", number=2)
    yield made
    made.close()


class Crowded(HttpConnector):
    """As if more were connected than speak, so that the time gathers them."""

    def _connected(self) -> int:
        return 1_000


def one(device: int, at: int = NOW, **more: Any) -> bytes:
    said = {"datastream": f"d{device}/value", "time": at // 1000, "value": 1.5, **more}
    return json.dumps(said).encode()


@run
async def test_many_singles_are_one_entry_and_each_has_its_answer(door: Door) -> None:
    app = Crowded(door.intake)
    answers = await asyncio.gather(
        *(post(app, "s", one(i), {"idempotency-key": f"k{i}"}) for i in range(40)),
        *(post(app, "t", one(i, NOW + 1000)) for i in range(10)),
    )
    assert {status for status, *_ in answers} == {200}
    assert all(a["accepted"] == 1 and not a["duplicate"] for _, a, _ in answers)
    assert [(b.source, len(b)) for b in door.entries()] == [(1, 40), (2, 10)]
    assert door.intake.counts["source:s"] == 40 and door.intake.counts["source:t"] == 10


@run
async def test_a_key_takes_effect_once_alone_and_among_others(door: Door) -> None:
    app = Crowded(door.intake)

    async def send(i: int, key: str) -> tuple[bool, int]:
        status, answer, _ = await post(app, "s", one(i), {"idempotency-key": key})
        assert status == 200
        return answer["duplicate"], answer["position"]

    first = await asyncio.gather(send(0, "a"), send(1, "b"), send(1, "b"), send(2, "c"))
    assert [duplicate for duplicate, _ in first] == [False, False, True, False]
    assert len({position for _, position in first}) == 1
    again = await asyncio.gather(send(0, "a"), send(3, "d"), send(2, "c"))
    assert [duplicate for duplicate, _ in again] == [True, False, True]
    assert again[0][1] == again[2][1] == first[0][1] != again[1][1]
    assert await send(3, "d") == (True, again[1][1])
    assert [d for d, _ in door.observations()] == [0, 1, 2, 3]


@run
async def test_what_is_no_plain_observation_is_answered_for_itself(door: Door) -> None:
    app = Crowded(door.intake)
    good, unknown, ahead, columns, broken, text = await asyncio.gather(
        post(app, "s", one(0)),
        post(app, "s", b'{"datastream":"x/value","time":1800000000000,"value":1}'),
        post(app, "s", one(1, NOW + 2 * AHEAD)),
        post(app, "s", b'{"datastream":["d2/value"],"time":[1800000000000],"value":[1]}'),
        post(app, "s", b'{"datastream":"d3/value","time":}'),
        post(app, "s", one(4, value="open")),
    )
    assert good[0] == 200 and good[1]["accepted"] == 1
    assert unknown[0] == 200 and unknown[1]["held"] == 1
    assert ahead[0] == 422 and "clock" in ahead[1]["refused"][0]["reason"]
    assert columns[0] == 200 and columns[1]["accepted"] == 1
    assert broken[0] == 400 and "remedy" in broken[1]
    assert text[0] == 200 and text[1]["accepted"] == 1
    assert [d for d, _ in door.observations()] == [0, 2, 4]
    assert [side for b in door.entries() for side in b.side.values()] == ["open"]


@run
async def test_who_is_alone_waits_for_nobody(door: Door) -> None:
    app = HttpConnector(door.intake)  # no server: one is connected
    for i in range(3):
        status, *_ = await post(app, "s", one(i))
        assert status == 200
    assert [len(b) for b in door.entries()] == [1, 1, 1]


@run
async def test_life_safety_is_not_gathered(door: Door) -> None:
    door.source("panel", number=3, life=True)
    app = Crowded(door.intake)
    ordinary = asyncio.create_task(post(app, "s", one(0)))
    await asyncio.sleep(0)
    status, *_ = await post(app, "panel", one(1))
    assert status == 200 and not ordinary.done()
    assert door.observations(OBSERVATION_LIFE.name) == [(1, NOW)]
    assert (await ordinary)[0] == 200


@run
async def test_no_room_is_told_to_each(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> Any:
        raise DiskFull(Path("x"), 0, 1)

    monkeypatch.setattr(door.intake, "append_each", full)
    app = Crowded(door.intake)
    answers = await asyncio.gather(*(post(app, "s", one(i)) for i in range(5)))
    assert {status for status, *_ in answers} == {507}


@pytest.mark.parametrize(
    ("body", "encoding", "kind", "single"),
    [
        (one(0), "", "application/json", True),
        (one(0), "", "", True),
        (one(0), "gzip", "application/json", False),
        (one(0), "", "application/x-ndjson", False),
        (b"[" + one(0) + b"]", "", "application/json", False),
        (b'{"datastream":["d"],"time":[1],"value":[1]}', "", "application/json", False),
        (one(0, value="x" * 600), "", "application/json", False),
    ],
)
def test_what_may_be_single(body: bytes, encoding: str, kind: str, single: bool) -> None:
    assert may_be_single(body, encoding, kind) == single
