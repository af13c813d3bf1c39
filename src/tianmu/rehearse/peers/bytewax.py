"""Bytewax: the rule stage alone, the same keyed threshold over observations in batches."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tianmu.rehearse.bench.given import DEADBAND, LIMIT, Ingest
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import SECONDS, Figure

FLOW = Path(__file__).with_name("bytewax_flow.py")


class Bytewax:
    name = "Bytewax"
    licence = "Apache-2.0"

    def installed(self, folder: Path) -> bool:
        return own.has_venv(folder, "bytewax")

    def install(self, folder: Path) -> str:
        return own.add_venv(folder, "bytewax")

    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        seconds = min(given.seconds, SECONDS)
        with tempfile.TemporaryDirectory(prefix="tianmu-peer-") as home:
            names = Path(home) / "names"
            names.write_text("\n".join(given.bench.datastreams), encoding="utf-8")
            said = own.called(
                [
                    str(own.python(folder)), "-I", str(FLOW), str(names), str(given.batch),
                    str(seconds), str(LIMIT), str(DEADBAND),
                ],
                within=6 * SECONDS, cwd=Path(home),
            )  # fmt: skip
        found = json.loads(said.strip().splitlines()[-1])
        note = (
            "the rule stage alone: its events are made beforehand in its own memory (no socket, no "
            "decoding, nothing durable, no history), and one rule; ours is the whole path with "
            "seven"
        )
        return [
            Figure(
                f"keyed threshold in batches of {given.batch}, one worker",
                found["events"] / found["seconds"], "obs/s", "observations_per_second", note=note,
            )
        ]  # fmt: skip
