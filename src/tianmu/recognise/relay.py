"""Stands between FFmpeg, which plays a camera, and a camera that asks for the password in a way
that FFmpeg does not know (Digest by SHA-256): what FFmpeg asks is proved here and passed on."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from dataclasses import dataclass
from io import BufferedRWPair
from urllib.parse import urlsplit

from tianmu.recognise import rtsp
from tianmu.recognise.digest import Asked, proof, strongest

DOLLAR = b"$"
"""begins a packet of video between the lines (RFC 2326 10.12)"""


@dataclass
class _Request:
    verb: str
    url: str
    lines: list[str]
    """without what proves the password"""
    body: bytes
    again: bool = False


class Relay:
    """For one connection from this machine that knows ``address``; ends when either side does."""

    def __init__(self, camera: str, patience_s: float) -> None:
        self._camera, self._patience_s = camera, patience_s
        self._parts = parts = urlsplit(camera)
        self._user, self._password = rtsp.credentials(parts)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(patience_s)
        self._open: list[socket.socket] = [self._listening]
        self._writing = threading.Lock()
        self._asked: Asked | None = None
        self._count = 0
        self._known = False
        """whether who asks has named the address"""
        self._requests: dict[str, _Request] = {}
        """by number, until each is answered"""
        port = self._listening.getsockname()[1]
        # others on this machine do not know the word, so they do not look through it
        self._prefix = f"rtsp://127.0.0.1:{port}/{secrets.token_urlsafe(16)}"
        whole = rtsp.bare(parts)
        self._target = whole._replace(path="", query="").geturl()
        self.address = whole.geturl().replace(self._target, self._prefix, 1)
        threading.Thread(target=self._run, name="relay", daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            player, _ = self._listening.accept()
            self._open.append(player)
            self._listening.close()
            camera = rtsp.connected(self._parts, self._patience_s)
            self._open.append(camera)
            here, there = player.makefile("rwb"), camera.makefile("rwb")
            threading.Thread(
                target=self._answers, args=(there, here), name="relay-answers", daemon=True
            ).start()
            self._asks(here, there)
        self.close()

    # -- from the player to the camera ---------------------------------------------------------

    def _asks(self, here: BufferedRWPair, there: BufferedRWPair) -> None:
        while first := here.read(1):
            if first == DOLLAR:
                packet = _packet(here)
                with self._writing:
                    there.write(packet)
                    there.flush()
                continue
            lines, body = _message(first, here)
            verb, url, version = lines[0].split(" ", 2)
            if not url.startswith(self._prefix) and not self._known:
                raise ValueError("somebody else")
            self._known = True
            url = url.replace(self._prefix, self._target, 1)
            kept = [one for one in lines[1:] if not one.lower().startswith("authorization:")]
            request = _Request(verb, url, [f"{verb} {url} {version}", *kept], body)
            self._requests[_sequence(lines)] = request
            self._send(request, there)

    def _send(self, request: _Request, there: BufferedRWPair) -> None:
        with self._writing:
            lines = list(request.lines)
            if self._asked is not None:
                self._count += 1
                said = proof(self._asked, self._user, self._password, request.verb, request.url,
                             self._count)  # fmt: skip
                lines.append(f"Authorization: {said}")
            there.write(("\r\n".join(lines) + "\r\n\r\n").encode() + request.body)
            there.flush()

    # -- from the camera to the player ---------------------------------------------------------

    def _answers(self, there: BufferedRWPair, here: BufferedRWPair) -> None:
        with contextlib.suppress(OSError, ValueError):
            while first := there.read(1):
                if first == DOLLAR:
                    here.write(_packet(there))
                else:
                    lines, body = _message(first, there)
                    if self._proved(lines, there):
                        continue
                    here.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
                here.flush()
        self.close()

    def _proved(self, lines: list[str], there: BufferedRWPair) -> bool:
        """Whether a request that was refused for the password was sent once more, with it."""
        request = self._requests.pop(_sequence(lines), None)
        if request is None or request.again or lines[0].split(" ")[1:2] != ["401"]:
            return False
        asked = strongest([
            one.partition(":")[2].strip()
            for one in lines
            if one.lower().startswith("www-authenticate:")
        ])  # fmt: skip
        if asked is None:
            return False
        self._asked, self._count, request.again = asked, 0, True
        self._requests[_sequence(lines)] = request
        self._send(request, there)
        return True


def _packet(stream: BufferedRWPair) -> bytes:
    head = stream.read(3)
    return DOLLAR + head + stream.read(int.from_bytes(head[1:], "big"))


def _message(first: bytes, stream: BufferedRWPair) -> tuple[list[str], bytes]:
    """Lines before the empty one, and what follows it. Raises ``ValueError``."""
    lines = [(first + stream.readline(rtsp.LARGEST)).decode().rstrip("\r\n")]
    while line := stream.readline(rtsp.LARGEST).decode().rstrip("\r\n"):
        if len(lines) > rtsp.HEADS:
            raise ValueError(f"more than {rtsp.HEADS} lines")
        lines.append(line)
    told = [one for one in lines if one.lower().startswith("content-length:")]
    size = int(told[0].partition(":")[2]) if told else 0
    if not 0 <= size <= rtsp.LARGEST:
        raise ValueError(f"{size} bytes")
    return lines, stream.read(size)


def _sequence(lines: list[str]) -> str:
    told = [one.partition(":")[2].strip() for one in lines if one.lower().startswith("cseq:")]
    return told[0] if told else ""
