"""A city of the size under test: registered from a file, merged, started again, in its memory."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tianmu.rehearse.city.city import connect, start_city
from waiting import eventually

from .town import tianmu

MEMORY = 2_560 << 20
"""bytes of PSS that 1.56 M devices may take"""


@pytest.mark.city
def test_a_city_of_this_size_is_registered_and_starts_again(
    tmp_path: Path, test_devices: int
) -> None:
    data, file, n = tmp_path / "city", tmp_path / "devices.parquet", test_devices
    pq.write_table(
        pa.table(
            {
                "device": [f"size-{i:07d}" for i in range(n)],
                "kind": ["smoke_detector"] * n,
                "name": [f"烟感 {i}" for i in range(n)],
                "address": [f"size/{i}" if i % 4 == 0 else "" for i in range(n)],
            }
        ),
        file,
    )
    started = start_city(data)
    try:
        before = connect(data).get("/api/devices", limit=1)["total"]
        chunk = str(max(n // 5, 1))
        done = tianmu(
            "devices", "register", str(file), "--data", str(data), "--chunk", chunk, "--json"
        )
        said = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, said["registered"], said["faults"]) == (0, n, 0)

        def segments() -> int:
            facts = connect(data).get("/api/devices", limit=1)["total"]
            assert facts == before + n
            return len([p for p in (data / "registry").glob("s*") if p.is_dir()])

        eventually(lambda: segments() == 6, within=90, what="five files become one segment")
        assert sum(started.memory_bytes().values()) < MEMORY * max(1, n / 1_560_000) + (1 << 30)
        assert started.stop() >= 0 and started.process.returncode == 0
        started = start_city(data)
        city = connect(data)
        assert city.get("/api/devices", limit=1)["total"] == before + n
        for i in (0, n // 2, n - 1):
            assert city.get(f"/api/devices/size-{i:07d}")["name"] == f"烟感 {i}"
        again = tianmu(
            "devices", "register", str(file), "--data", str(data), "--chunk", "7000", "--json"
        )
        said = json.loads(again.stdout.splitlines()[-1])
        assert (said["registered"], said["known"]) == (0, n)
        assert sum(started.memory_bytes().values()) < MEMORY
    finally:
        started.stop()
