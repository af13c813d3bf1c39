"""Peers are had, run and ended as the contract says: with a small one of our own, and with each
real one where it is installed already (nothing is installed by a test)."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tianmu.rehearse.bench import ingest as bench_ingest
from tianmu.rehearse.bench.given import Ingest, Latency, Storm
from tianmu.rehearse.city.city import City
from tianmu.rehearse.city.equipment import Bench
from tianmu.rehearse.peers import own
from tianmu.rehearse.peers.beside import compare, lines
from tianmu.rehearse.peers.contract import Absent, Figure, cache
from tianmu.rehearse.peers.known import of_ingest, of_latency, of_storm
from tianmu.rehearse.peers.websocket import Socket

NAMES = [f"b{n:05d}/value" for n in range(2_000)]
BENCH = Bench("run", 1_500, NAMES, "http", "none", "mqtt", "none", [])
SERVER = """
import json, os, sys, http.server
class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps({"accepted": len(rows)}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *said): pass
if os.fork() == 0:
    import time
    time.sleep(600)  # a child that would stay behind
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Door).serve_forever()
"""


class Small:
    """A peer that is one Python program."""

    name = "Small"
    licence = "Apache-2.0"

    def __init__(self, program: str = SERVER) -> None:
        self._program = program
        self.pids: list[int] = []

    def installed(self, folder: Path) -> bool:
        return (folder / "program.py").exists()

    def install(self, folder: Path) -> str:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "program.py").write_text(self._program)
        return "1.0"

    def run(self, folder: Path, given: Ingest) -> list[Figure]:
        port = own.free_port()
        command = [sys.executable, str(folder / "program.py"), str(port)]
        with own.running(command, folder / "log", port=port, within=20) as process:
            family = psutil.Process(process.pid)
            self.pids = [process.pid, *(one.pid for one in family.children(recursive=True))]
            door = City(f"http://127.0.0.1:{port}", "none", {"http": port})
            sent = bench_ingest.send(door, given.bench, given.form, given.batch, given.seconds)
        return [
            Figure("all of it", sent.acknowledged / given.seconds, "obs/s", "rate"),
            Figure("a wait", 8.0, "ms", "wait_ms", "less"),
            Figure("something else", 3.0, ""),
        ]


def test_a_peer_has_our_load_and_its_figures_stand_against_ours(tmp_path: Path) -> None:
    peer = Small()
    ours = {"rate": 1e9, "wait_ms": 2.0}
    told: list[str] = []
    found = compare(
        [peer], Ingest(BENCH, "json", 100, 0.5), ours, tell=told.append, folder=tmp_path
    )
    assert [one["what"] for one in found] == ["all of it", "a wait", "something else"]
    assert {one["name"] for one in found} == {"Small"}
    assert {one["version"] for one in found} == {"1.0"}
    rate, wait, other = found
    assert rate["figure"] > 0
    assert rate["ratio"] == pytest.approx(1e9 / rate["figure"], rel=0.01)
    assert wait["ratio"] == 4.0, "less is better: ours waits a quarter of it"
    assert other["ratio"] is None
    assert told[0].startswith("installing Small (Apache-2.0) into")
    assert len(peer.pids) == 2
    assert not _eventually_none(lambda: _alive(peer.pids)), "what a peer started ends with it"
    shown = "\n".join(lines(found))
    assert "ours ×4" in shown
    again: list[str] = []
    compare([peer], Ingest(BENCH, "json", 100, 0.1), ours, tell=again.append, folder=tmp_path)
    assert again == ["running Small 1.0"], "what is there is not installed again"


def test_a_peer_that_does_not_start_is_said_with_the_end_of_its_log(tmp_path: Path) -> None:
    peer = Small("raise SystemExit('the port is mine')")
    (entry,) = compare([peer], Ingest(BENCH, "json", 100, 0.5), {}, folder=tmp_path)
    assert entry["figure"] is None
    assert entry["what"] == "not available here"
    assert "the port is mine" in entry["note"]
    assert "not available here: it did not start" in lines([entry])[0]


def test_a_peer_that_cannot_be_had_is_not_left_out(tmp_path: Path) -> None:
    class Nowhere(Small):
        def install(self, folder: Path) -> str:
            raise Absent("it is in no registry")

    found = compare([Nowhere(), Small()], Ingest(BENCH, "json", 100, 0.1), {}, folder=tmp_path)
    assert [one["note"] for one in found if one["figure"] is None] == ["it is in no registry"]
    assert len(found) == 4


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(Absent, match="no such switch"):
        own.called([sys.executable, "-c", "raise SystemExit('no such switch')"], within=20)
    with pytest.raises(Absent, match="nowhere"):
        own.called(["/nowhere"], within=1)


def test_a_peer_does_not_see_our_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    ask = "import os; print(os.environ.get('PYTHONPATH'))"
    assert own.called([sys.executable, "-c", ask], within=20).strip() == "None"


def test_texts_of_a_websocket_are_read_whatever_their_length() -> None:
    texts = ["a", "b" * 200, "c" * 70_000]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x89\x02hi")
        pong = await reader.readexactly(8)
        assert pong == b"\x8a\x82\0\0\0\0hi"
        for text in texts:
            n = len(text)
            length = (
                bytes([n]) if n < 126
                else b"\x7e" + n.to_bytes(2, "big") if n < 65_536
                else b"\x7f" + n.to_bytes(8, "big")
            )  # fmt: skip
            writer.write(b"\x81" + length + text.encode())
        writer.write(b"\x88\x00")
        writer.close()

    async def listen() -> list[str]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            socket = await Socket.open("127.0.0.1", port, "/events")
            heard = [text async for text in socket]
            socket.close()
            return heard

    assert asyncio.run(listen()) == texts


def storm(signals: int) -> Storm:
    """Ten signals of each incident, a hundredth of a degree apart."""
    incident = [number // 10 for number in range(signals)]
    return Storm(
        [f"device-{number}" for number in range(signals)], incident,
        [10.0055 + one / 100 for one in incident], [50.0] * signals, 1_000.0,
    )  # fmt: skip


REAL: list[tuple[Any, Any]] = [
    *((peer, Ingest(BENCH, "json", 100, 0.5)) for peer in of_ingest() if peer.name[0] != "Q"),
    *((peer, Latency(BENCH, 2_000.0, 1.0)) for peer in of_latency()),
    *((peer, storm(40)) for peer in of_storm()),
]


@pytest.mark.parametrize(
    ("peer", "given"), REAL, ids=[f"{p.name} {type(g).__name__.lower()}" for p, g in REAL]
)
def test_a_real_peer_runs_where_it_is_installed(
    peer: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache() / peer.name.lower().replace(" ", "-")
    if not peer.installed(folder):
        pytest.skip(f"{peer.name} is not installed here; `tianmu bench … --peers` installs it")
    with tempfile.TemporaryDirectory(prefix="tianmu-real-") as home:
        Path(home).chmod(0o755)  # another user's process works below it
        monkeypatch.setattr(tempfile, "tempdir", home)
        _run_real(peer, folder, given)
        left = _eventually_none(lambda: _below(home))
    assert not left, f"{peer.name} left processes behind: {left}"


def _run_real(peer: Any, folder: Path, given: Any) -> None:
    version = peer.install(folder)
    assert version[0].isdigit()
    figures = peer.run(folder, given)
    assert figures
    for one in figures:
        assert one.figure > 0, one
    if isinstance(given, Storm):
        assert "40 open alerts for 4 incidents" in figures[0].note
        assert "4 open alerts for 4 incidents, pairwise precision 1.000, recall 1.000" in (
            figures[2].note
        )


def test_what_cannot_be_had_says_so() -> None:
    (quix,) = [peer for peer in of_ingest() if peer.name == "Quix Streams"]
    with pytest.raises(Absent, match="Kafka"):
        quix.install(cache())


def _below(home: str) -> set[str]:
    """Programs that run with something of ``home`` on their command line."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(home in word for word in process.cmdline()):
                found.add(f"{process.pid} {process.name()}")
    return found


def _alive(pids: list[int]) -> set[str]:
    found = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(f"{pid} {process.name()}")
    return found


def _eventually_none(look: Callable[[], set[str]]) -> set[str]:
    end = time.monotonic() + 10
    while (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found
