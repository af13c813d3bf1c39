"""A camera that speaks RTSP (RFC 2326) over TCP, its packets in the same connection.

``/street`` is a moving picture, ``/sound`` has none, whatever else is asked for is not there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from . import wire

RATE = 50
"""pictures a second"""
NOTHING = b"\x1f" * 20
"""of a kind of unit that RFC 6184 leaves undefined"""
REALM, NONCE = "street", "5eed"

HASHES = {"": "md5", "MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


class Camera:
    """On a free port of this machine, until closed. ``scene`` makes the picture of each number;
    after ``breaks_after`` pictures the connection is cut, the first ``breaks`` times; or, where it
    ``spoils``, goes on with packets that hold no picture."""

    def __init__(
        self,
        scene: Callable[[int], np.ndarray],
        codec: Literal["H264", "JPEG"] = "H264",
        *,
        password: str = "",
        scheme: Literal["Digest", "Basic"] = "Digest",
        algorithm: str = "",
        breaks_after: int = 0,
        breaks: int = 0,
        spoils: bool = False,
    ) -> None:
        self.scene, self.codec, self.password, self.scheme = scene, codec, password, scheme
        self.algorithm = algorithm
        self.breaks_after, self.breaks = breaks_after, breaks
        self.spoils = spoils
        self.asked: Counter[str] = Counter()
        """how often each was asked for, and ``401``"""
        self.playing = 0
        """connections on which pictures are sent"""
        camera = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    _Talk(camera, self).run()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def address(self, path: str = "street", user: str = "") -> str:
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}/{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Talk:
    def __init__(self, camera: Camera, handler: Any) -> None:
        self._camera, self._in, self._out = camera, handler.rfile, handler.wfile
        self._lock = threading.Lock()
        self._going = threading.Event()
        self._connection = handler.connection
        self._counts: set[str] = set()

    def run(self) -> None:
        camera = self._camera
        try:
            while (request := self._read()) is not None:
                verb, url, heads = request
                camera.asked[verb] += 1
                if verb in {"DESCRIBE", "SETUP"} and not self._let_in(verb, url, heads):
                    camera.asked["401"] += 1
                    ask = f'WWW-Authenticate: {camera.scheme} realm="{REALM}"'
                    if camera.scheme == "Digest":
                        ask += f', nonce="{NONCE}"'
                        if camera.algorithm:
                            ask += f', algorithm={camera.algorithm}, qop="auth"'
                    self._answer(heads, "401 Unauthorized", ask)
                elif verb == "OPTIONS":
                    self._answer(heads, "200 OK", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN")
                elif verb == "DESCRIBE":
                    self._describe(url, heads)
                elif verb == "SETUP":
                    transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
                    self._answer(heads, "200 OK", transport, "Session: 7")
                elif verb == "PLAY":
                    self._answer(heads, "200 OK", "Session: 7")
                    threading.Thread(target=self._play, daemon=True).start()
                elif verb == "TEARDOWN":
                    self._answer(heads, "200 OK", "Session: 7")
                    return
                else:
                    self._answer(heads, "200 OK", "Session: 7")
        finally:
            self._going.set()

    def _read(self) -> tuple[str, str, dict[str, str]] | None:
        """The next request; packets of RTCP in between are passed over."""
        while first := self._in.read(1):
            if first == b"$":
                _, size = self._in.read(1), int.from_bytes(self._in.read(2), "big")
                self._in.read(size)
                continue
            verb, url, _ = (first + self._in.readline()).decode().split()
            heads: dict[str, str] = {}
            while line := self._in.readline().decode().strip():
                name, _, value = line.partition(":")
                heads[name.lower()] = value.strip()
            return verb, url, heads
        return None

    def _let_in(self, verb: str, url: str, heads: dict[str, str]) -> bool:
        if not (password := self._camera.password):
            return True
        told = heads.get("authorization", "")
        if self._camera.scheme == "Basic":
            return told == "Basic " + base64.b64encode(f"eye:{password}".encode()).decode()
        parts = dict(
            part.strip().split("=", 1) for part in told.partition(" ")[2].split(",") if "=" in part
        )
        asked = parts.get("uri", '""').strip('"')
        algorithm = self._camera.algorithm
        hashed = HASHES[algorithm.removesuffix("-sess")]

        def digest(text: str) -> str:
            return hashlib.new(hashed, text.encode()).hexdigest()

        one, two = digest(f"eye:{REALM}:{password}"), digest(f"{verb}:{asked}")
        middle = NONCE
        if algorithm:
            nc, mine = parts.get("nc", ""), parts.get("cnonce", "").strip('"')
            if nc in self._counts or parts.get("algorithm", "").strip(chr(34)) != algorithm:
                return False  # the same proof is not taken twice
            self._counts.add(nc)
            middle = f"{NONCE}:{nc}:{mine}:auth"
            if algorithm.endswith("-sess"):
                one = digest(f"{one}:{NONCE}:{mine}")
        wanted = digest(f"{one}:{middle}:{two}")
        return parts.get("response", "").strip('"') == wanted

    def _describe(self, url: str, heads: dict[str, str]) -> None:
        path = url.rstrip("/").rpartition("/")[2]
        if path not in {"street", "sound"}:
            self._answer(heads, "404 Not Found")
            return
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=street", "c=IN IP4 0.0.0.0", "t=0 0"]
        if path == "sound":
            lines += ["m=audio 0 RTP/AVP 0", "a=control:track0"]
        elif self._camera.codec == "JPEG":
            lines += ["m=video 0 RTP/AVP 26", "a=control:track0"]
        else:
            high, wide = self._camera.scene(0).shape[:2]
            sets = ",".join(
                base64.b64encode(one).decode() for one in wire.parameter_sets(wide, high)
            )
            lines += [
                "m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000",
                f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}", "a=control:track0",
            ]  # fmt: skip
        body = "\r\n".join(lines) + "\r\n"
        self._answer(heads, "200 OK", "Content-Type: application/sdp",
                     f"Content-Base: {url}/", body=body)  # fmt: skip

    def _answer(self, heads: dict[str, str], status: str, *more: str, body: str = "") -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {heads.get('cseq', '0')}", *more]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        with self._lock:
            self._out.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def _play(self) -> None:
        camera, number, packet, spoilt = self._camera, 0, 0, False
        camera.playing += 1
        kind = 26 if camera.codec == "JPEG" else 96
        try:
            while not self._going.wait(1 / RATE):
                for payload, last in [(NOTHING, True)] if spoilt else self._packets(number):
                    sent = wire.rtp(
                        payload, kind=kind, number=packet,
                        time=number * wire.CLOCK // RATE, last=last,
                    )  # fmt: skip
                    packet += 1
                    with self._lock:
                        self._out.write(b"$\0" + len(sent).to_bytes(2, "big") + sent)
                number += 1
                if camera.breaks and number == camera.breaks_after:
                    camera.breaks -= 1
                    if camera.spoils:
                        spoilt = True
                        continue
                    self._connection.shutdown(2)
                    return
        except OSError:
            return
        finally:
            camera.playing -= 1

    def _packets(self, number: int) -> Iterator[tuple[bytes, bool]]:
        image = self._camera.scene(number)
        if self._camera.codec == "JPEG":
            return wire.packets_jpeg(image)
        high, wide = image.shape[:2]
        return wire.packets_h264([*wire.parameter_sets(wide, high), wire.h264(image, number)])
