"""chDB, ClickHouse within a process: the store stage, into a MergeTree."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tianmu.rehearse.bench.given import TOWNS, Ingest
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import SECONDS, Figure

CLIENT = Path(__file__).with_name("chdb_client.py")


class ChDB:
    name = "chDB"
    licence = "Apache-2.0"

    def installed(self, folder: Path) -> bool:
        return own.has_venv(folder, "chdb")

    def install(self, folder: Path) -> str:
        return own.add_venv(folder, "chdb", "chdb", "pyarrow", "numpy")

    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        seconds = min(given.seconds, SECONDS)
        numbers = [len(given.bench.datastreams), TOWNS, given.batch, seconds]
        with tempfile.TemporaryDirectory(prefix="tianmu-peer-") as home:
            said = own.called(
                [str(own.python(folder)), "-I", str(CLIENT), f"{home}/data", *map(str, numbers)],
                within=8 * SECONDS, cwd=Path(home),
            )  # fmt: skip
        found = json.loads(said.strip().splitlines()[-1])
        less = (
            "the store alone, within one process: numbers in, no socket, no decoding, no names, no "
            "rules; fsync after each insert"
        )
        if found["lost"]:
            less = f"{found['lost']} rows are missing; {less}"
        asked = f"{found['rows']:,} rows, merged to one part before; ours over HTTP with a token"
        return [
            Figure(f"MergeTree, an insert for each {given.batch} rows", found["rate"], "rows/s",
                   "observations_per_second", note=less),
            Figure("on disk, merged", found["bytes"], "bytes/row", "bytes_per_row", "less",
                   "ours with quality, sequence and source beside the value"),
            Figure("one series, p50", found["series_ms"], "ms", "series_ms", "less", asked),
            Figure(f"exceedances in {TOWNS} towns, p50", found["towns_ms"], "ms", "towns_ms",
                   "less", asked),
        ]  # fmt: skip
