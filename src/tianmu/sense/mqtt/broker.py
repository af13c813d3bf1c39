"""The city's own broker: mosquitto where it is installed, else a pure-Python one for trial.

A city with a broker of its own names it in its settings instead, and none is started.
Who may publish is written from the sources: user = source, password = its token, and a user may
publish under ``tianmu/<user>/`` only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from tianmu.facts.registry import SourceChanged
from tianmu.facts.text import Text
from tianmu.sense.mqtt.codec import LARGEST
from tianmu.sense.mqtt.password import PASSWORD_HASH, hashed

GATE = "tianmu-gate"
QUEUED = 1_000_000
"""messages that the broker keeps while gate is away or slower; what goes beyond them it lets go
after it has acknowledged them (mosquitto has no other way), and logs"""
IN_FLIGHT = 2_000
"""messages the broker hands us before it waits for our acknowledgements"""


@dataclass(frozen=True)
class Kind:
    name: str
    trial: bool
    editions: tuple[str, ...]
    note: Text


MOSQUITTO = Kind("mosquitto", False, ("3.1.1", "5.0"), {"zh": "", "en": ""})
AMQTT = Kind(
    "amqtt",
    True,
    ("3.1.1",),
    {
        "zh": "试用的纯 Python MQTT 代理（仅 3.1.1）。请安装 mosquitto 用于正式运行。",
        "en": "A pure-Python MQTT broker for trial (3.1.1 only). Install mosquitto to run a city.",
    },
)


def find_mosquitto() -> str | None:
    path = os.environ.get("PATH", os.defpath) + os.pathsep + "/usr/sbin:/usr/local/sbin"
    return shutil.which("mosquitto", path=path)


class Broker:
    """A broker process of ours under ``folder``, restarted when it dies."""

    def __init__(
        self, folder: Path, host: str, port: int, *, tls: tuple[str, str] | None = None
    ) -> None:
        """``tls``: paths of certificate and key, for a port with TLS."""
        self.folder, self.host, self.port, self._tls = folder, host, port, tls
        program = find_mosquitto()
        self.kind = MOSQUITTO if program else AMQTT
        self._program = program
        self.password = secrets.token_urlsafe(24)
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self, sources: Iterable[SourceChanged]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write_users(sources)
        await asyncio.to_thread(self._end_orphans)
        if self._program:
            (self.folder / "mosquitto.conf").write_text(self._configuration())
            command = [self._program, "-c", str(self.folder / "mosquitto.conf")]
        else:
            command = [
                sys.executable, "-m", "tianmu.sense.mqtt.trial",
                self.host, str(self.port), str(self.folder), *(self._tls or ()),
            ]  # fmt: skip
        self._keeper = asyncio.create_task(self._keep(command))
        await self._listening()

    def _end_orphans(self) -> None:
        """A broker whose gate was killed would keep the port, and knows an older password."""
        names = {str(self.folder), str(self.folder / "mosquitto.conf")}
        orphans = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                program = Path(line[0]).name if line else ""
                ours = "tianmu.sense.mqtt.trial" in line or program == "mosquitto"
                if ours and names & set(line):
                    process.terminate()
                    orphans.append(process)
        for process in psutil.wait_procs(orphans, 3)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    async def _keep(self, command: list[str]) -> None:
        """Run the broker; when it dies, start it again after a second."""
        while True:
            with (self.folder / "broker.log").open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    preexec_fn=_end_with_parent,
                )  # fmt: skip
            await self._process.wait()
            await asyncio.sleep(1)

    async def _listening(self) -> None:
        """Until it takes a connection: a broker tells nobody when it listens."""
        for _ in range(200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.close()
                return
            await asyncio.sleep(0.05)
        raise OSError(
            f"the MQTT broker ({self.kind.name}) does not listen on {self.host}:{self.port}; "
            f"see {self.folder / 'broker.log'}"
        )

    def write_users(self, sources: Iterable[SourceChanged]) -> None:
        """Say who may publish; a running broker takes it in at once."""
        users = {GATE: hashed(self.password)}
        for source in sources:
            kept = source.settings.get(PASSWORD_HASH, "")
            if source.active and source.protocol == "mqtt" and kept:
                users[source.source] = kept
        lines = "".join(f"{user}:{kept}\n" for user, kept in sorted(users.items()))
        _replace(self.folder / "users", lines)
        _replace(
            self.folder / "acl",
            f"user {GATE}\ntopic readwrite #\ntopic read $SYS/#\n\npattern write tianmu/%u/#\n"
            "pattern read tianmu/%u/commands/#\n",
        )
        self._reload()

    def renew(self) -> None:
        """Serve with the certificate as its files are now: mosquitto at once, the trial broker
        when it is started anew."""
        if self._tls:
            self._reload()

    def _reload(self) -> None:
        if self._program and self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    def _configuration(self) -> str:
        root = "user root\n" if os.geteuid() == 0 else ""
        tls = ""
        if self._tls:
            tls = f"certfile {self._tls[0]}\nkeyfile {self._tls[1]}\n"
        return (
            f"listener {self.port} {self.host}\n{tls}"
            f"{root}allow_anonymous false\n"
            f"password_file {self.folder / 'users'}\n"
            f"acl_file {self.folder / 'acl'}\n"
            f"max_inflight_messages {IN_FLIGHT}\n"
            f"max_queued_messages {QUEUED}\n"
            f"message_size_limit {LARGEST}\n"
            "persistence true\nautosave_interval 30\n"
            f"persistence_location {self.folder}/\n"
            "log_dest stderr\nlog_type error\nlog_type warning\n"
            "set_tcp_nodelay true\n"
        )

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 3)
            except TimeoutError:
                self._process.kill()


_system = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """In the child, before it is the broker: let it end when gate is killed (prctl(2))."""
    if _system is not None:
        _system.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)
