"""``tianmu up``: look before you start, start, say where the wall is, keep running."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from tianmu.app.process import Said
from tianmu.app.settings import PORTS, Settings
from tianmu.app.supervise import NotStarted, Supervisor

if TYPE_CHECKING:
    from tianmu.city.city import City

Tell = Callable[[str], None]


def run_city(settings: Settings, tell: Tell) -> int:
    """Start a city and keep it running until SIGTERM or Ctrl-C; the exit code."""
    from tianmu.app import drilling
    from tianmu.city.file.fault import PackFaulty
    from tianmu.city.pack import load

    try:
        city = load(settings.pack)
    except PackFaulty as faulty:
        for fault in faulty.faults:
            tell(str(fault))
        tell(f"the pack {settings.pack} has faults; nothing was started")
        return 1
    except FileNotFoundError as error:
        tell(str(error))
        return 1
    if trouble := drilling.forbidden(settings):
        tell(trouble)
        return 1
    settings.run.mkdir(parents=True, exist_ok=True)
    with (settings.run / "up.lock").open("a+b") as lock:
        if not _alone(lock):
            tell(
                f"a city runs already under {settings.folder} (process {_holder(lock)}): stop it "
                "first, or give this one a folder of its own with --data"
            )
            return 1
        drilling.mark(settings)
        return _run(settings, city, tell)


def _alone(lock: BinaryIO) -> bool:
    """Take the lock of a data folder, for as long as this process lives; False where it is held."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return True


def _holder(lock: BinaryIO) -> str:
    lock.seek(0)
    return lock.read(20).decode("ascii", "replace")


def taken(settings: Settings) -> str:
    """Which of the ports asked for cannot be had, why and what to do; empty where all can."""
    for protocol in PORTS if settings.port else ():
        if protocol == "mqtt" and settings.broker:
            continue
        port = settings.port_of(protocol)
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            socket.create_server((settings.host, port), family=family).close()
        except OSError as error:
            why = error.strerror or str(error)
            return (
                f"port {port} of {settings.host} ({protocol}) cannot be had: {why}; stop what "
                "listens there, or choose another with --port (0: any free ones) or --host"
            )
    return ""


def _run(settings: Settings, city: City, tell: Tell) -> int:
    from tianmu.access.tls import Unusable
    from tianmu.app import certificate, founding

    try:
        settings, doubts = certificate.prepare(settings)
    except Unusable as error:
        tell(f"{error}; nothing was started")
        return 1
    if trouble := taken(settings):
        tell(f"{trouble}; nothing was started")
        return 1
    settings.save()
    (settings.run / "rehearsal.json").unlink(missing_ok=True)
    supervisor = Supervisor(settings, tell)
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            supervisor.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        said = supervisor.start()
    except NotStarted as reason:
        if not stopping:
            tell(str(reason))
        supervisor.stop()  # once more: a process may have been begun when a signal came
        return 0 if stopping else 1
    ports = {**said["hub"].ports, **said["gate"].ports}
    founding.write_credentials(settings, ports, said["hub"].tokens)
    if settings.feed == "replay":
        supervisor.add("feed", _feed_command(settings), nice=5)
        for name, command in _scenario_feeds(settings, city):
            supervisor.add(name, command, nice=10)
    language = city.languages[0]
    for line in [*greeting(settings, said, city.name.get(language, "")), *doubts]:
        tell(line)
    if settings.certificate is not None:
        threading.Thread(target=certificate.keep, args=(settings, tell), daemon=True).start()
    supervisor.run()
    return 0


def _feed_command(settings: Settings) -> list[str]:
    return [
        sys.executable, "-m", "tianmu", "feed", "--data", settings.data,
        "--devices", str(settings.feed_devices),
    ]  # fmt: skip


def _scenario_feeds(settings: Settings, city: City) -> list[tuple[str, list[str]]]:
    """The programs that play the trial devices of the scenarios that come with one."""
    from tianmu import scenarios
    from tianmu.scenarios.folder import load

    shipped = Path(scenarios.__path__[0])
    return [
        (
            f"feed-{one.id}",
            [
                sys.executable, "-m", f"tianmu.scenarios.{one.folder.name}.feed",
                "--data", settings.data,
            ],
        )
        for one in load.find(city.folder).scenarios.values()
        if one.folder.parent == shipped and (one.folder / "feed.py").exists()
    ]  # fmt: skip


def greeting(settings: Settings, said: dict[str, Said], city: str) -> list[str]:
    """What the person who started it needs: one link; the first time, the administrators' too."""
    hub, gate = said["hub"], said["gate"]
    url = settings.url(hub.ports["web"])
    lines = [f"Tianmu 天目 · {city} · {url}", ""]
    lines.append("  Open the wall, signed in (this link works once):")
    lines.append(f"    {url}/open#{hub.link}")
    if hub.links:
        lines += [
            "",
            "  Administrators who have set no password yet; each link works once, within a day:",
        ]
        lines += [f"    {name:<9} {url}/open#{secret}" for name, secret in hub.links.items()]
    if settings.authority is not None:
        from tianmu.access.tls import about

        lines += [
            "",
            "  Once on each device that visits: install the city's own authority, after comparing",
            f"    {url}/trust",
            f"    SHA-256 {about(settings.authority).fingerprint}",
        ]
    lines += ["", "  Doors: " + "  ".join(f"{k} {p}" for k, p in gate.ports.items())]
    for one in (hub, gate):
        for note in one.notes:
            lines += [f"  Note: {note['en']}", f"        {note['zh']}"]
    if settings.feed == "replay":
        lines.append("  The feed is on: what it plays is marked seeded, replayed or transplanted.")
    if settings.clock:
        lines.append(
            f"  A CITY OF A DRILL 演练用城市: its clock is {settings.clock}, not the machine's."
        )
    log = Path(settings.data) / "log"
    return [*lines, f"  Logs: {log}   Stop: Ctrl-C", ""]
