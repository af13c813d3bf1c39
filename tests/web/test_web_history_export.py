"""The past taken away: whole files say that they are, cut ones that they are not; a reader who
hangs up ends the work, and one who is slow holds it back."""

from __future__ import annotations

import csv
import io
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.web.answer import moment
from tianmu.web.past import past
from tianmu.web.past.export import FORMATS, pieces
from waiting import eventually

DAY, HOUR, SECOND = 86_400_000_000, 3_600_000_000, 1_000_000
YESTERDAY = time.time_ns() // 1000 // DAY * DAY - DAY
ROWS = 600_000
SPAN = {"from": moment.say(YESTERDAY), "to": moment.say(YESTERDAY + DAY)}


@pytest.fixture(scope="module")
def name(world: Any) -> Iterator[str]:
    """A datastream with some hundred thousand observations of yesterday; a text among them."""
    registry = world.hub.registry
    name = str(registry.datastream(registry.datastreams_of(registry.find("d1")).start))
    with Records(world.hub.data / "works.sqlite") as records:
        works = History(world.hub.data, records)
        times = YESTERDAY + np.arange(ROWS, dtype=np.int64) * (DAY // ROWS)
        values = np.arange(ROWS) / 7
        values[5] = np.nan
        stream = int(registry.datastream_index([name])[0])
        works.append(
            [
                ObservationBatch(
                    datastream=np.full(ROWS, stream, np.uint32),
                    phenomenon_time=times,
                    value=values,
                    received=YESTERDAY,
                    source=1,
                    side={5: '关闭, "locked"'},
                )
            ],
            {},
        )
        works.flush()
        yield name
        works.close()


def export(world: Any, role: str = "duty_officer", **query: Any) -> Any:
    with world.client(role) as client:
        answer = client.get("/api/history/export", params={**SPAN, **query})
        assert answer.status_code == 200, answer.text
        return answer


def table(format: str, body: bytes) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows and verdict of a CSV or Parquet file."""
    if format == "csv":
        *lines, last = body.decode().splitlines()
        assert last.startswith("# ")
        verdict = {
            "complete": "true" if last.startswith("# complete") else "false",
            "rows": last.split()[4 if "cut off" in last else 2].rstrip(":"),
        }
        rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO("\n".join(lines))))
        for row in rows:
            row["time"] = moment.read(row["time"])
        return rows, verdict
    read = pq.read_table(pa.BufferReader(body))
    metadata = pq.read_metadata(pa.BufferReader(body)).metadata
    verdict = {k: metadata[k.encode()].decode() for k in ("complete", "rows")}
    time_ = read["time"].cast(pa.int64())
    return read.set_column(read.schema.get_field_index("time"), "time", time_).to_pylist(), verdict


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_every_observation_is_in_the_file_once(world: Any, name: str, format: str) -> None:
    answer = export(world, datastream=name, format=format)
    rows, verdict = table(format, answer.content)
    assert verdict == {"complete": "true", "rows": str(ROWS)} and len(rows) == ROWS
    assert [r["time"] for r in rows[:3]] == [YESTERDAY + n * (DAY // ROWS) for n in range(3)]
    assert float(rows[7]["value"]) == 1.0 and rows[5]["value"] in {"", None}
    assert "关闭" in rows[5]["text"] and rows[0]["datastream"] == name
    assert answer.headers["content-disposition"].endswith(f'.{format}"')
    assert int(answer.headers["tianmu-row-limit"]) == world.hub.allowance.export_rows


def test_an_arrow_stream_ends_with_its_verdict(world: Any, name: str) -> None:
    answer = export(world, datastream=name, format="arrow", limit=1000)
    reader = pa.ipc.open_stream(answer.content)
    rows, verdict = 0, None
    while True:
        try:
            batch, metadata = reader.read_next_batch_with_custom_metadata()
        except StopIteration:
            break
        rows += len(batch)
        verdict = metadata or verdict
    assert rows == 1000 and verdict is not None
    assert verdict[b"complete"] == b"false" and verdict[b"rows"] == b"1000"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_file_that_was_cut_says_so(world: Any, name: str, format: str) -> None:
    rows, verdict = table(format, export(world, datastream=name, format=format, limit=777).content)
    assert len(rows) == 777 and verdict == {"complete": "false", "rows": "777"}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_exactly_the_most_rows_are_whole(format: str) -> None:
    schema = pa.schema([("n", pa.int64())])
    batch = pa.record_batch([pa.array([1, 2, 3])], schema=schema)
    for most, said in ((6, b"true"), (5, b"false")):
        body = b"".join(pieces(iter([batch, batch]), FORMATS[format][0](schema), most))
        if format == "csv":
            assert (b"# complete: 6 rows" in body) == (said == b"true")
        else:
            assert b"complete" in body and said in body


def test_windows_are_exported_too(world: Any, name: str) -> None:
    rows, verdict = table(
        "csv", export(world, datastream=name, format="csv", step=3600).content
    )  # fmt: skip
    assert verdict["complete"] == "true" and len(rows) == 24
    assert sum(int(r["count"]) for r in rows) == ROWS - 1
    assert float(rows[23]["high"]) == pytest.approx((ROWS - 1) / 7)


def test_an_export_stands_in_the_trail(world: Any, name: str) -> None:
    export(world, datastream=name, format="csv", limit=10)
    with world.client("audit_admin") as client:
        items = client.get("/api/audit", params={"verb": "history.export"}).json()["items"]
    assert items[0]["actor"] == "t-duty-officer" and items[0]["object"] == name
    assert items[0]["detail"]["format"] == "csv" and items[0]["detail"]["limit"] == 10


def test_a_narrow_account_takes_its_own_part(world: Any, name: str) -> None:
    registry = world.hub.registry
    prop, device = registry.property_of(int(registry.datastream_index([name])[0])), "d1"
    mine = registry.divisions[registry.division[registry.find(device)]]
    other = next(town for town in world.towns() if town != mine)
    for division, expected in ((mine, 50), (other, 0)):
        token = world.account(f"narrow-{division}", ["duty_officer"], division=division)
        with world.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            query = {**SPAN, "property": prop, "format": "csv", "limit": 50}
            rows, _ = table("csv", client.get("/api/history/export", params=query).content)
            assert len(rows) == expected
            named = client.get("/api/history/export", params={**SPAN, "datastream": name})
            assert named.status_code == (200 if expected else 404)
            assert client.get("/api/history/export", params=SPAN).status_code == 422


def request(world: Any, path: str, query: dict[str, Any]) -> socket.socket:
    """A bare connection that has asked."""
    parts = urlsplit(world.url)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    made.connect((parts.hostname, parts.port))
    made.sendall(
        f"GET {path}?{urlencode(query)} HTTP/1.1\r\nHost: t\r\n"
        f"Authorization: Bearer {world.tokens['duty_officer']}\r\n\r\n".encode()
    )
    return made


def held(world: Any) -> int:
    found = world.hub.memory.get("turns")
    return found.held if found else 0


def still(made: list[int]) -> bool:
    """Whether nothing is added for half a second."""
    before = len(made)
    time.sleep(0.5)
    return len(made) == before


def test_a_slow_reader_holds_the_work_back_and_hanging_up_ends_it(
    world: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.web.api.history import export as history_export

    made: list[int] = []
    plain = history_export.pieces

    def counted(*given: Any) -> Iterator[bytes]:
        for piece in plain(*given):
            made.append(len(piece))
            yield piece

    monkeypatch.setattr(history_export, "pieces", counted)
    assert eventually(lambda: held(world) == 0)
    whole = len(export(world, datastream=name, format="csv").content)
    made.clear()
    slow = request(world, "/api/history/export", {**SPAN, "datastream": name, "format": "csv"})
    assert slow.recv(15).startswith(b"HTTP/1.1 200")
    assert eventually(lambda: made and still(made)), "nothing is made while nobody reads"
    # what nobody has taken lies in the sockets' buffers and one or two pieces; not all of it
    assert sum(made) < whole and held(world) == 1
    before = len(made)
    slow.close()
    assert eventually(lambda: held(world) == 0), "the turn is given back when the reader hangs up"
    assert len(made) <= before + 1


def test_a_reader_who_takes_nothing_is_given_up(world: Any, name: str) -> None:
    allowed = world.hub.allowance
    world.hub.allowance = replace(allowed, stall_seconds=0.5)
    try:
        stuck = request(world, "/api/history/export", {**SPAN, "datastream": name})
        assert stuck.recv(15).startswith(b"HTTP/1.1 200")
        assert eventually(lambda: held(world) == 0, 10)
        rest = b""
        stuck.settimeout(10)
        while piece := stuck.recv(1 << 16):
            rest += piece
        assert not rest.endswith(b"0\r\n\r\n"), "it was broken off, and can be seen to be"
        assert b"# complete" not in rest
        stuck.close()
    finally:
        world.hub.allowance = allowed


def test_nobody_takes_all_turns(world: Any, name: str) -> None:
    assert eventually(lambda: held(world) == 0)
    query = {**SPAN, "datastream": name, "format": "csv"}
    open_ = [request(world, "/api/history/export", query) for _ in range(3)]
    try:
        assert all(one.recv(15).startswith(b"HTTP/1.1 200") for one in open_)
        with world.client("duty_officer") as client:
            refused = client.get("/api/history/export", params=query)
            assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
            assert "3 of this account" in refused.json()["detail"]
            # a light question needs no turn
            few = {"from": SPAN["from"], "to": moment.say(YESTERDAY + SECOND)}
            assert client.get(
                "/api/history/series", params={**few, "datastream": name}
            ).status_code == 200  # fmt: skip
        export(world, "commander", datastream=name, limit=5)  # fmt: skip
    finally:
        for one in open_:
            one.close()
    assert eventually(lambda: held(world) == 0)


def test_a_question_ends_when_nobody_waits_or_the_time_is_over(
    world: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[str] = []

    def slow(*_: Any, asked: Any, **__: Any) -> Any:
        if isinstance(asked, past.Asked):
            try:
                for _n in range(2000):
                    time.sleep(0.01)
                    asked.go_on()
            except past.Cancelled:
                cancelled.append("cancelled")
                raise
        raise AssertionError("it was not cancelled")

    monkeypatch.setattr(world.hub.history, "windows", slow)
    monkeypatch.setattr(
        world.hub.history, "cost", lambda *_, **__: type("Cost", (), {"rows": 400_000})()
    )
    query = {**SPAN, "datastream": name, "step": 3600}
    asked = request(world, "/api/history/windows", query)
    assert eventually(lambda: held(world) == 1)
    asked.close()
    assert eventually(lambda: cancelled == ["cancelled"]) and eventually(lambda: held(world) == 0)

    allowed = world.hub.allowance
    world.hub.allowance = replace(allowed, seconds=0.3)
    try:
        with world.client("duty_officer") as client:
            late = client.get("/api/history/windows", params=query)
        assert late.status_code == 503 and late.json()["type"].endswith("took-too-long")
        assert cancelled == ["cancelled"] * 2 and held(world) == 0
    finally:
        world.hub.allowance = allowed
