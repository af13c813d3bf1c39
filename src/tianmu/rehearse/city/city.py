"""A city as rehearsal sees it: an address, a token, and what its API answers."""

from __future__ import annotations

import contextlib
import json
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil

from tianmu.rehearse.city.patience import until

PEM_BEGIN, PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class Answered(RuntimeError):
    """The city answered with a problem (RFC 9457); the message says what and how to mend it."""

    def __init__(self, method: str, path: str, response: httpx.Response) -> None:
        try:
            problem = response.json()
        except ValueError:
            problem = {"detail": response.text[:300]}
        self.status, self.problem = response.status_code, problem
        super().__init__(
            f"{method} {path} → {response.status_code} {problem.get('title', '')}: "
            f"{problem.get('detail', '')} {problem.get('remedy', '')}".strip()
        )


class City:
    """The API of a running city, as one account."""

    def __init__(
        self,
        url: str,
        token: str,
        ports: dict[str, int],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls``: whom we trust, where the city speaks TLS."""
        self.url, self.token, self.ports = url.rstrip("/"), token, ports
        self.host = httpx.URL(url).host
        self.tls = tls
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            verify=tls or True,
            limits=httpx.Limits(max_connections=16),
        )

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, params=params)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.ask("POST", path, json=body, **more)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer's JSON; ``Answered`` where it is a problem."""
        response = self.http.request(method, path, **more)
        if response.status_code >= 400:
            raise Answered(method, path, response)
        return response.json() if response.content else None

    def as_account(self, token: str) -> City:
        """The same city, spoken to by another account."""
        return City(self.url, token, self.ports, tls=self.tls)

    @property
    def gate_url(self) -> str:
        """Gate's HTTP door."""
        return str(httpx.URL(self.url).copy_with(port=self.ports["http"]))

    def events(
        self, cursor: str = "", only: Collection[str] = ()
    ) -> Iterator[tuple[str, str, Any]]:
        """(cursor, event, data) as they are pushed (``GET /api/push``, server-sent events);
        ``only`` some events, and hello."""
        headers = {"Last-Event-ID": cursor} if cursor else {}
        with self.http.stream(
            "GET", "/api/push", headers=headers, timeout=httpx.Timeout(60, read=None),
            params={"only": ",".join(sorted(only))} if only else {},
        ) as response:  # fmt: skip
            if response.status_code >= 400:
                response.read()
                raise Answered("GET", "/api/push", response)
            yield from parse_events(response.iter_lines())


def parse_events(lines: Iterator[str]) -> Iterator[tuple[str, str, Any]]:
    """Server-sent events (WHATWG HTML §9.2) as (id, event, data as JSON)."""
    last, event = "", "message"
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield last, event, msgspec.json.decode("\n".join(data))
            event, data = "message", []
        elif line.startswith(":"):
            continue
        else:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                event = value
            elif field == "id":
                last = value


def credentials(data: Path) -> dict[str, Any]:
    """What a city that runs here wrote for rehearsal: url, ports and tokens by role."""
    path = data / "run" / "rehearsal.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"no city runs under {data}: start one with `tianmu up --data {data}`, or name its "
            "folder with --data"
        ) from error
    return found


def connect(data: Path, role: str = "rehearsal", url: str = "") -> City:
    """The city that runs under ``data`` (at ``url`` if that is another), as ``role``."""
    found = credentials(data)
    url = url or found["url"]
    return City(url, found["tokens"][role], found["ports"], tls=trust(found, url))


def trust(found: dict[str, Any], url: str) -> ssl.SSLContext | None:
    """Whom to trust at ``url`` by what the city wrote down: its own authority, or exactly the
    certificate it was given, under whatever name; at another address also what the machine trusts.
    None without TLS."""
    if not url.startswith("https:"):
        return None
    if found["authority"]:
        context = ssl.create_default_context(cafile=found["authority"])
        if url != found["url"]:
            context.load_default_certs()
        return context
    if url != found["url"]:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    text = Path(found["certificate"]).read_text("ascii", "replace")
    # the first is the server's own, those after it issued it
    end = text.index(PEM_END) + len(PEM_END)
    context.load_verify_locations(cadata=text[text.index(PEM_BEGIN) : end])
    return context


class Started:
    """A city started here, for a measurement or a test: its folder and its supervisor."""

    def __init__(self, data: Path, process: subprocess.Popen[bytes]) -> None:
        self.data, self.process = data, process

    def stop(self, within: float = 10.0) -> float:
        """End it as ``kill`` from a shell would (SIGTERM); the seconds it took. What does not end
        in time is killed."""
        begin = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(within)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return time.monotonic() - begin

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far (user and system)."""
        return sum(self.cpu_by_process().values())

    def cpu_by_process(self) -> dict[str, float]:
        """CPU time so far (user and system), by name of the process."""
        found: dict[str, float] = {}
        for process in self._all():
            with contextlib.suppress(psutil.Error):
                name, times = _name(process), process.cpu_times()
                found[name] = found.get(name, 0.0) + times.user + times.system
        return found

    def wait_for_end_of(self, name: str, within: float = 60.0) -> None:
        """Until no process of this name is left (registering goes on for a while after its
        answer), or the time is up."""
        until(lambda: name not in self.cpu_by_process(), within, every=0.2)

    def memory_bytes(self) -> dict[str, int]:
        """PSS by process."""
        found: dict[str, int] = {}
        for process in self._all():
            with contextlib.suppress(psutil.Error):
                name = _name(process)
                found[name] = found.get(name, 0) + process.memory_full_info().pss
        return found

    def _all(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


def _name(process: psutil.Process) -> str:
    """Which of a city's processes it is: the word after ``run``, else its module or program."""
    line: list[str] = process.cmdline()
    if "run" in line:
        return line[line.index("run") + 1]
    if "-m" in line:
        return line[line.index("-m") + 1].rpartition(".")[2]
    return Path(line[0]).name


def start_city(data: Path, *arguments: str, port: int = 0) -> Started:
    """``tianmu up`` on a folder, new or not, ready to be spoken to; ``RuntimeError`` with the end
    of its log where it does not start."""
    command = [
        sys.executable, "-m", "tianmu", "up", "--data", str(data), "--port", str(port), *arguments,
    ]  # fmt: skip
    data.mkdir(parents=True, exist_ok=True)
    said = data / "run" / "rehearsal.json"
    before = said.stat().st_mtime_ns if said.exists() else 0
    with (data / "up.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    started = Started(data, process)
    try:
        _await_ready(data, process, before)
    except BaseException:
        started.stop()
        raise
    return started


@contextlib.contextmanager
def fresh_city(*arguments: str, folder: Path | None = None) -> Iterator[Started]:
    """Start ``tianmu up`` on free ports in a temporary folder and stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="tianmu-", dir=folder) as name:
        started = start_city(Path(name), *arguments)
        try:
            yield started
        finally:
            started.stop()


def _await_ready(
    data: Path, process: subprocess.Popen[bytes], before: int, within: float = 330
) -> None:
    """Until it has written its credentials; ``before`` is the file an earlier start left."""
    file = data / "run" / "rehearsal.json"

    def said() -> bool:
        with contextlib.suppress(FileNotFoundError):
            return file.stat().st_mtime_ns != before
        return False

    until(lambda: said() or process.poll() is not None, within)
    if not said():
        raise RuntimeError("the city did not start:\n" + (data / "up.log").read_text()[-4000:])
