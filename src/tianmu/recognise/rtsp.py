"""Asks a camera by RTSP (RFC 2326) whether it has video, so that what is wrong can be told: FFmpeg,
which plays it, says no more than that it could not."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from io import BufferedRWPair
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from tianmu.recognise.digest import proof, strongest
from tianmu.recognise.fault import NoStream, Unusable, WrongPassword

PORTS = {"rtsp": 554, "rtsps": 322}
LARGEST = 1 << 16
"""bytes of a description, and of each line before it"""
HEADS = 100
"""lines before it"""
AGENT = "tianmu"


@dataclass(frozen=True)
class _Answer:
    status: int
    reason: str
    heads: dict[str, list[str]]
    body: str


def look(address: str, named: str, patience_s: float) -> str:
    """Returns where the camera describes video at this address: by which algorithm it had the
    password proved, or empty. ``named`` is the address as it may be shown. Raises
    ``WrongPassword``, ``NoStream``, and ``Unusable`` for one that does not answer or answers
    otherwise: that may pass."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port or PORTS[parts.scheme.lower()]
    except ValueError as error:
        raise Unusable(f"{named}: {error}: write rtsp://user:password@host:554/path") from error
    if not host:
        raise Unusable(f"{named} names no camera: write rtsp://user:password@host:554/path")
    try:
        with connected(parts, patience_s) as connection, connection.makefile("rwb") as stream:
            answer, way = _describe(stream, parts)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise Unusable(f"{named} does not answer as a camera does: {error}") from error
    _judge(answer, named, bool(parts.username))
    return way


def connected(parts: SplitResult, patience_s: float) -> socket.socket:
    """A connection to the camera. Raises ``OSError``."""
    host, scheme = parts.hostname or "", parts.scheme.lower()
    connection = socket.create_connection((host, parts.port or PORTS[scheme]), patience_s)
    connection.settimeout(patience_s)
    return _covered(connection, host) if scheme == "rtsps" else connection


def credentials(parts: SplitResult) -> tuple[str, str]:
    """User and password in an address."""
    return unquote(parts.username or ""), unquote(parts.password or "")


def bare(parts: SplitResult) -> SplitResult:
    """The address without them."""
    place = parts.hostname or ""
    place = f"[{place}]" if ":" in place else place
    return parts._replace(netloc=f"{place}:{parts.port}" if parts.port else place)


def _covered(connection: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    # as FFmpeg does: cameras have certificates that nobody has signed
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _describe(stream: BufferedRWPair, parts: SplitResult) -> tuple[_Answer, str]:
    """What the camera answers, to the password too where it asks for one; and the algorithm by
    which it was proved."""
    url = urlunsplit(bare(parts))
    answer = _ask(stream, url, 1)
    if answer.status == 401 and parts.username:
        asked = strongest(answer.heads.get("www-authenticate", []))
        if asked is not None:
            said = proof(asked, *credentials(parts), "DESCRIBE", url)
            return _ask(stream, url, 2, f"Authorization: {said}"), asked.algorithm
    return answer, ""


def _ask(stream: BufferedRWPair, url: str, number: int, *more: str) -> _Answer:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {number}", f"User-Agent: {AGENT}",
             "Accept: application/sdp", *more]  # fmt: skip
    stream.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    stream.flush()
    first = stream.readline(LARGEST).decode()
    version, _, rest = first.strip().partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("RTSP/") or not status.isdigit():
        raise ValueError(f"{first.strip()[:60]!r} is no answer of RTSP")
    heads: dict[str, list[str]] = {}
    for line in iter(lambda: stream.readline(LARGEST).decode().strip(), ""):
        if sum(map(len, heads.values())) >= HEADS:
            raise ValueError(f"more than {HEADS} lines before the description")
        name, _, value = line.partition(":")
        heads.setdefault(name.strip().lower(), []).append(value.strip())
    size = int(heads.get("content-length", ["0"])[0])
    if not 0 <= size <= LARGEST:
        raise ValueError(f"a description of {size} bytes")
    return _Answer(int(status), reason, heads, stream.read(size).decode("utf-8", "replace"))


def _judge(answer: _Answer, named: str, had_password: bool) -> None:
    if answer.status in {401, 403}:
        what = "does not take this user and password" if had_password else "wants a password"
        raise WrongPassword(
            f"{named} {what} ({answer.status}): write rtsp://user:password@… into a file and give "
            "it as --source @FILE"
        )
    if answer.status == 404:
        raise NoStream(f"{named} is not there (404): the camera's manual says which path has video")
    if 300 <= answer.status < 400:
        return  # FFmpeg goes where it is sent
    if answer.status != 200:
        raise Unusable(f"{named} answers {answer.status} {answer.reason}")
    if not any(line.startswith("m=video") for line in answer.body.splitlines()):
        raise NoStream(f"{named} has no video: the camera's manual says which path has it")
