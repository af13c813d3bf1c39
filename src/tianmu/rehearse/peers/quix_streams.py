"""Quix Streams: named as a rule stage, but it consumes from a Kafka broker, and none can be had."""

from __future__ import annotations

from pathlib import Path

from tianmu.rehearse.bench.given import Ingest
from tianmu.rehearse.peers.contract import Absent, Figure


class QuixStreams:
    name = "Quix Streams"
    licence = "Apache-2.0"

    def installed(self, folder: Path) -> bool:
        return True

    def install(self, folder: Path) -> str:
        raise Absent(
            "it reads its input from Kafka, and no Kafka broker is in the registries that we "
            "install from (PyPI, npm, Debian); Bytewax stands for the rule stage"
        )

    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        raise Absent("see install")
