"""``tianmu devices register``: whatever dies on the way, each device is registered once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from tianmu.rehearse.city.city import City, Started, connect, start_city
from waiting import eventually

KIND = "smoke_detector"


def rows(n: int, stem: str) -> pa.Table:
    return pa.table(
        {
            "device": [f"{stem}-{i:07d}" for i in range(n)],
            "kind": [KIND] * n,
            "name": [f"烟感 {i}" for i in range(n)],
            "address": [f"{stem}/{i}" if i % 4 == 0 else "" for i in range(n)],
        }
    )


def command(file: Path, data: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "tianmu", "devices", "register", str(file), "--data", str(data),
        "--json", *more,
    ]  # fmt: skip


def run(file: Path, data: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        command(file, data, *more), capture_output=True, text=True, timeout=200, check=False
    )
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "{}"
    return done.returncode, json.loads(last), done.stderr


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Started]]:
    data = tmp_path_factory.mktemp("enrol") / "city"
    started = start_city(data)
    yield data, started
    started.stop()


def total(city: City) -> int:
    return int(city.get("/api/devices", limit=1)["total"])


def test_csv_and_parquet_say_the_same(town: tuple[Path, Started], tmp_path: Path) -> None:
    data, _ = town
    table = rows(1000, "same")
    pyarrow.csv.write_csv(table, tmp_path / "d.csv")
    pq.write_table(table, tmp_path / "d.parquet")
    before = total(connect(data))
    code, checked, _ = run(tmp_path / "d.csv", data, "--check", "--chunk", "300")
    assert (code, checked["rows"], checked["registered"]) == (0, 1000, 0)
    assert total(connect(data)) == before
    code, first, told = run(tmp_path / "d.csv", data, "--chunk", "300")
    assert (code, first["registered"], first["known"], first["chunks"]) == (0, 1000, 0, 4)
    assert "rows/s" in told
    code, again, _ = run(tmp_path / "d.csv", data, "--chunk", "300")
    assert (code, again["registered"], again["chunks_sent_before"]) == (0, 0, 4)
    code, other, _ = run(tmp_path / "d.parquet", data, "--chunk", "700")
    assert (code, other["registered"], other["known"]) == (0, 0, 1000)
    assert other["chunks_sent_before"] == 0, "cut otherwise, known by its devices"
    assert total(connect(data)) == before + 1000


def test_every_fault_of_the_file_is_told_with_row_and_line(
    town: tuple[Path, Started], tmp_path: Path
) -> None:
    data, _ = town
    file = tmp_path / "d.csv"
    good = [f'f-{i},{KIND},"two\nlines"' for i in range(50)]
    bad = {10: f"f-10,{KIND},x,too many", 20: "f-20,cloud,x", 40: f"f 40,{KIND},x",
           45: f"f-3,{KIND},again"}  # fmt: skip
    lines = [bad.get(i, row) for i, row in enumerate(good)]
    file.write_text("\ufeffdevice,kind,name\n" + "\n".join(lines) + "\n")
    code, said, told = run(file, data, "--chunk", "10")
    assert code == 1 and said["registered"] == 10, "the piece before the first fault"
    for row in (11, 21, 41, 46):
        assert f"row {row}" in told, told
    assert "line 22, row 11" in told
    file.write_text("\ufeffdevice,kind,name\n" + "\n".join(good) + "\n")
    code, said, _ = run(file, data, "--chunk", "10")
    assert (code, said["registered"], said["known"]) == (0, 40, 10)
    code, said, told = run(file, data, "--check", "--chunk", "20")
    assert code == 0 and said["known"] == 50


def test_devices_that_stand_in_two_pieces_are_told(
    town: tuple[Path, Started], tmp_path: Path
) -> None:
    data, _ = town
    file = tmp_path / "d.csv"
    file.write_text("device,kind\n" + "".join(f"t-{i % 25},{KIND}\n" for i in range(30)))
    code, said, told = run(file, data, "--check", "--chunk", "10")
    assert code == 1 and said["faults"] == 5
    assert "row 26" in told and "stands in row 1 already" in told
    assert run(tmp_path / "none.csv", data)[0] == 2
    empty = tmp_path / "empty.csv"
    empty.write_text("device,kind\n")
    assert run(empty, data)[:2][0] == 0


def test_a_token_that_may_not_is_refused(town: tuple[Path, Started], tmp_path: Path) -> None:
    data, _ = town
    city = connect(data)
    file, token = tmp_path / "d.parquet", tmp_path / "token"
    pq.write_table(rows(10, "tok"), file)
    token.write_text(city.token + "\n")
    known = json.loads((data / "run" / "rehearsal.json").read_text())["tokens"]
    code, said, _ = run(file, data, "--url", city.url, "--token-file", str(token))
    assert (code, said["registered"]) == (0, 10)
    token.write_text(known["probe"] if isinstance(known.get("probe"), str) else "nobody")
    code, _, told = run(file, data, "--url", city.url, "--token-file", str(token))
    assert code == 1 and ("401" in told or "403" in told), told


def test_it_goes_on_after_the_client_was_killed(town: tuple[Path, Started], tmp_path: Path) -> None:
    data, _ = town
    file = tmp_path / "d.parquet"
    pq.write_table(rows(40_000, "cut"), file)
    before = total(connect(data))
    process = subprocess.Popen(
        command(file, data, "--chunk", "2000"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually(lambda: total(connect(data)) >= before + 6000, 120)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert total(connect(data)) < before + 40_000
    code, said, _ = run(file, data, "--chunk", "2000")
    assert code == 0 and said["rows"] == 40_000
    assert said["chunks_sent_before"] >= 3
    assert total(connect(data)) == before + 40_000


def test_it_goes_on_after_the_city_was_killed(tmp_path: Path) -> None:
    data, file = tmp_path / "city", tmp_path / "d.csv"
    pyarrow.csv.write_csv(rows(40_000, "gone"), file)
    started = start_city(data)
    try:
        city = connect(data)
        before = total(city)
        process = subprocess.Popen(
            command(file, data, "--chunk", "2000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        eventually(lambda: total(city) >= before + 6000, 120)
        assert process.poll() is None
        for child in started._all():
            os.kill(child.pid, signal.SIGKILL)
        started.process.wait()
        started = start_city(data)
        out, told = process.communicate(timeout=120)
        said = json.loads(out.decode().strip().splitlines()[-1])
        assert process.returncode == 0, told
        assert b"waiting for the city" in told
        assert said["rows"] == 40_000
        city = connect(data)
        assert total(city) == before + 40_000
        for row in (0, 5999, 6000, 39_999):
            assert city.get(f"/api/devices/gone-{row:07d}")["name"] == f"烟感 {row}"
        left = [path.name for path in (data / "registry").iterdir()]
        assert not [name for name in left if name.startswith(".incoming")]
    finally:
        started.stop()
