"""Whether a file carries malware, by a scanner of the city's own: a command, or a clamd.

Nothing is taken while a scanner is set and gives no answer. Without one, evidence says ``none``.
"""

from __future__ import annotations

import shlex
import socket
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

CHUNK = 1 << 20
SECONDS = 60.0
"""how long a scanner may take over one file"""


@dataclass(frozen=True)
class Verdict:
    infected: bool
    what: str = ""
    """name of what was found"""


Scan = Callable[[bytes], Verdict]


class NoAnswer(OSError):
    """The scanner that is set says neither clean nor infected."""

    def __init__(self, scanner: str, why: str) -> None:
        super().__init__(f"the malware scanner {scanner} gives no answer ({why}): try again")


def scanner(told: str) -> Scan | None:
    """The scanner of ``--scan``: ``clamd:/path/of/socket``, ``clamd:host:port``, or a command that
    reads the file from standard input and ends with 0 (clean) or 1 (infected), as ``clamscan -``
    does. None for nothing. ``ValueError`` for what is neither."""
    if not told:
        return None
    if told.startswith("clamd:"):
        where = told.removeprefix("clamd:")
        if where.startswith("/"):
            return lambda content: _clamd(content, told, where)
        host, _, port = where.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError(f"{told!r}: say clamd:/path/of/socket or clamd:host:port")
        return lambda content: _clamd(content, told, (host.strip("[]"), int(port)))
    words = shlex.split(told)
    if not words:
        raise ValueError(f"{told!r} is no command")
    return lambda content: _command(content, words)


def _command(content: bytes, words: list[str]) -> Verdict:
    try:
        ended = subprocess.run(
            words, input=content, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(words[0], str(error)) from error
    if ended.returncode not in (0, 1):
        said = (ended.stderr or ended.stdout).decode(errors="replace").strip()[-200:]
        raise NoAnswer(words[0], f"exit {ended.returncode}: {said}")
    said = ended.stdout.decode(errors="replace").strip()
    return Verdict(ended.returncode == 1, said.splitlines()[0][:200] if said else "")


def _clamd(content: bytes, name: str, where: str | tuple[str, int]) -> Verdict:
    """clamd's INSTREAM: chunks with their length before them, an empty one at the end."""
    try:
        with _connected(where) as line:
            line.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), CHUNK):
                chunk = content[start : start + CHUNK]
                line.sendall(struct.pack("!L", len(chunk)) + chunk)
            line.sendall(struct.pack("!L", 0))
            said = b""
            while part := line.recv(4096):
                said += part
    except OSError as error:
        raise NoAnswer(name, str(error)) from error
    words = said.rstrip(b"\0\n").decode(errors="replace").removeprefix("stream: ")
    if words == "OK":
        return Verdict(False)
    if words.endswith(" FOUND"):
        return Verdict(True, words.removesuffix(" FOUND"))
    raise NoAnswer(name, words or "it closed the line")


def _connected(where: str | tuple[str, int]) -> socket.socket:
    if isinstance(where, tuple):
        return socket.create_connection(where, timeout=SECONDS)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(SECONDS)
    try:
        line.connect(where)
    except OSError:
        line.close()
        raise
    return line
