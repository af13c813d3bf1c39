"""Asks a camera by RTSP (RFC 2326) whether it has video, so that what is wrong can be told: FFmpeg,
which plays it, says no more than that it could not."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from dataclasses import dataclass
from io import BufferedRWPair
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit
from urllib.request import parse_http_list, parse_keqv_list

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


def look(address: str, named: str, patience_s: float) -> None:
    """Returns where the camera describes video at this address; ``named`` is the address as it may
    be shown. Raises ``WrongPassword``, ``NoStream``, and ``Unusable`` for one that does not answer
    or answers otherwise: that may pass."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme.lower()]
    except ValueError as error:
        raise Unusable(f"{named}: {error}: write rtsp://user:password@host:554/path") from error
    if not host:
        raise Unusable(f"{named} names no camera: write rtsp://user:password@host:554/path")
    try:
        with socket.create_connection((host, port), patience_s) as bare:
            bare.settimeout(patience_s)
            connection = _covered(bare, host) if parts.scheme.lower() == "rtsps" else bare
            with connection, connection.makefile("rwb") as stream:
                answer = _describe(stream, parts)
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise Unusable(f"{named} does not answer as a camera does: {error}") from error
    _judge(answer, named, bool(parts.username))


def _covered(connection: socket.socket, host: str) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    # as FFmpeg does: cameras have certificates that nobody has signed
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connection, server_hostname=host)


def _describe(stream: BufferedRWPair, parts: SplitResult) -> _Answer:
    """What the camera answers, to the password too where it asks for one."""
    place = parts.hostname or ""
    place = f"[{place}]" if ":" in place else place
    bare = parts._replace(netloc=f"{place}:{parts.port}" if parts.port else place)
    url = urlunsplit(bare)
    answer = _ask(stream, url, 1)
    if answer.status == 401 and parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
        proof = _proof(answer.heads.get("www-authenticate", []), user, password, url)
        if proof:
            answer = _ask(stream, url, 2, f"Authorization: {proof}")
    return answer


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


def _proof(asked: list[str], user: str, password: str, url: str) -> str:
    """What proves the password; empty where the camera asks in a way that is not known."""
    told = {one.partition(" ")[0].lower(): one.partition(" ")[2] for one in asked}
    if "digest" in told:
        parts = parse_keqv_list(parse_http_list(told["digest"]))
        realm, nonce = parts.get("realm", ""), parts.get("nonce", "")
        one, two = _md5(f"{user}:{realm}:{password}"), _md5(f"DESCRIBE:{url}")
        said = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
        if "auth" in parts.get("qop", "").split(","):
            middle = f"{nonce}:00000001:{AGENT}:auth"
            said += f', qop=auth, nc=00000001, cnonce="{AGENT}"'
        else:
            middle = nonce
        if opaque := parts.get("opaque"):
            said += f', opaque="{opaque}"'
        return f'{said}, response="{_md5(f"{one}:{middle}:{two}")}"'
    if "basic" in told:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


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
