"""PostgreSQL, as Debian has it: the store stage, and the store that Alerta keeps its alerts in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tianmu.rehearse.bench.given import TOWNS, Ingest
from tianmu.rehearse.bench.ingest import CONNECTIONS
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.contract import SECONDS, Figure

CLIENT = Path(__file__).with_name("postgresql_client.py")
USER = "peer"


def programs() -> Path:
    """Where ``initdb`` and ``postgres`` are."""

    def find() -> str | None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        return str(found[-1]) if found else shutil.which("initdb")

    return Path(own.add_debian("postgresql", find)).resolve().parent


@contextlib.contextmanager
def cluster() -> Iterator[tuple[int, Path]]:
    """A cluster of its own in a temporary folder with Debian's settings (fsync on, synchronous
    commit), on a free port of 127.0.0.1; its port and that
    folder. As root it runs as the package's user."""
    where = programs()
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tianmu-peer-") as name:
        home, data = Path(name), Path(name) / "data"
        if user:
            shutil.chown(home, user)
        own.called(
            [
                str(where / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "-E", "UTF8",
                "--no-locale",
            ],
            within=60, user=user, cwd=home,
        )  # fmt: skip
        port = own.free_port()
        command = [
            str(where / "postgres"), "-D", str(data), "-p", str(port), "-k", str(home),
            "-c", "listen_addresses=127.0.0.1", "-c", "max_wal_size=8GB",
        ]  # fmt: skip
        with own.running(command, home / "postgresql.log", port=port, user=user, cwd=home):
            yield port, home


class PostgreSQL:
    name = "PostgreSQL"
    licence = "PostgreSQL"

    def installed(self, folder: Path) -> bool:
        return own.has_venv(folder, "asyncpg") and any(
            Path("/usr/lib/postgresql").glob("*/bin/initdb")
        )

    def install(self, folder: Path) -> str:
        """Debian's package, and a client (asyncpg, Apache-2.0) in an environment of its own."""
        said = own.called([str(programs() / "postgres"), "--version"], within=10)
        own.add_venv(folder, "asyncpg", "asyncpg", "numpy")
        return said.split()[2]

    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        seconds = min(given.seconds, SECONDS)
        numbers = [len(given.bench.datastreams), TOWNS, given.batch, seconds, CONNECTIONS]
        with cluster() as (port, _):
            said = own.called(
                [str(own.python(folder)), "-I", str(CLIENT), str(port), *map(str, numbers)],
                within=8 * SECONDS,
            )
        found = json.loads(said.strip().splitlines()[-1])
        each = f"COPY BINARY, a commit for each {given.batch} rows, {CONNECTIONS} connections"
        less = "the store alone: numbers in, no decoding, no names, no rules; fsync on"
        asked = f"{found['indexed_rows']:,} rows, all in its cache; ours over HTTP with a token"
        return [
            Figure(f"{each}, no index", found["bare"], "rows/s", "observations_per_second",
                   note=f"{less}; without an index no series can be asked for"),
            Figure(f"{each}, index by datastream and time", found["indexed"], "rows/s",
                   "observations_per_second", note=less),
            Figure("on disk with its index", found["indexed_bytes"], "bytes/row", "bytes_per_row",
                   "less", "a row is visible at once; ours is in Parquet within seconds, with "
                   "quality, sequence and source beside the value"),
            Figure("one series, p50", found["series_ms"], "ms", "series_ms", "less", asked),
            Figure(f"exceedances in {TOWNS} towns, p50", found["towns_ms"], "ms", "towns_ms",
                   "less", asked),
        ]  # fmt: skip
