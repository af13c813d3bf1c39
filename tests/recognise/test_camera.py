"""A camera that speaks RTSP, over a real socket: seen, lost, found again, left; refusals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from click.testing import CliRunner

from tianmu.cli import main
from tianmu.recognise import digest, rtsp
from tianmu.recognise.fault import NoStream, Unusable, WrongPassword
from tianmu.recognise.frames import of_camera
from tianmu.recognise.relay import Relay
from waiting import eventually

from .camera import Camera
from .tiny import scene, write_model

NOW = 1_800_000_000_000_000
CART = (100, 60)


def street(number: int) -> np.ndarray:
    return scene(CART)


@pytest.mark.parametrize("codec", ["H264", "JPEG"])
def test_it_is_seen_and_found_again_where_it_breaks(
    codec: Literal["H264", "JPEG"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tianmu.recognise.frames.time.sleep", lambda seconds: None)
    told: list[str] = []
    with Camera(street, codec, password="secret", breaks_after=60, breaks=1) as camera:
        address = camera.address(user="eye:secret")
        with closing(of_camera(address, 0.2, lambda: NOW, told.append)) as frames:
            while not any("stopped; asking again" in line for line in told):
                image = next(frames).image
            for _ in range(3):
                image = next(frames).image
            assert camera.asked["PLAY"] == 2, "looked at again by a connection of its own"
        assert image.shape == (120, 160, 3)
        red, road = image[80, 120].astype(int), image[10, 10].astype(int)
        assert abs(red - (10, 10, 240)).max() < 12 and abs(road - 110).max() < 4
        eventually(lambda: not camera.playing, what="who is left sends nothing more")
    assert all("secret" not in line for line in told)


def test_a_stream_that_goes_on_without_pictures_is_asked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within our patience, not that of OpenCV, which is half a minute."""
    monkeypatch.setattr("tianmu.recognise.frames.PATIENCE_S", 3)
    monkeypatch.setattr("tianmu.recognise.frames.time.sleep", lambda seconds: None)
    told: list[str] = []
    with (
        Camera(street, breaks_after=60, breaks=1, spoils=True) as camera,
        closing(of_camera(camera.address(), 0.2, lambda: NOW, told.append)) as frames,
    ):
        next(frames)
        began = time.monotonic()
        while camera.asked["PLAY"] < 2:
            next(frames)
        assert time.monotonic() - began < 25
    assert any("stopped; asking again" in line for line in told)


@pytest.mark.parametrize("algorithm", ["SHA-256", "SHA-512-256", "SHA-256-sess", "MD5"])
def test_a_camera_may_ask_by_a_newer_digest(algorithm: str) -> None:
    """RFC 7616; each proof is taken once."""
    told: list[str] = []
    with Camera(street, password="secret", algorithm=algorithm) as camera:
        address = camera.address(user="eye:secret")
        with closing(of_camera(address, 0.1, lambda: NOW, told.append)) as frames:
            assert next(frames).image.shape == (120, 160, 3), told
            assert next(frames).image.shape == (120, 160, 3)
        assert camera.asked["PLAY"] == 1
        eventually(lambda: not camera.playing, what="who is left sends nothing more")
        with pytest.raises(WrongPassword, match="401"):
            next(of_camera(camera.address(user="eye:wrong"), 0.1, lambda: NOW, told.append))
    assert not told


def test_the_strongest_way_that_is_offered_is_taken() -> None:
    """Several stand in one line or in several (RFC 7616 3.9.1)."""
    old = 'Digest realm="a, b", nonce="x", algorithm=MD5, qop="auth, auth-int"'
    new = 'Digest realm="a, b", nonce="y", algorithm=SHA-256, qop="auth"'
    for heads in ([old, new], [f"{old}, {new}"], ['Basic realm="a"', old, new]):
        asked = digest.strongest(heads)
        assert asked is not None and (asked.algorithm, asked.parts["nonce"]) == ("SHA-256", "y")
    assert digest.strongest(['Digest realm="a", nonce="x", algorithm=SHA3']) is None
    assert digest.strongest(['Digest realm="a", nonce="x", qop="auth-int"']) is None
    plain = digest.strongest(['Basic realm="a"'])
    assert plain is not None and plain.algorithm == "Basic"


def test_the_example_of_the_standard() -> None:
    """RFC 7616 3.9.1, with its own nonces."""
    told = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    asked = digest.strongest([told])
    assert asked is not None
    with pytest.MonkeyPatch.context() as patch:
        mine = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
        patch.setattr(digest.secrets, "token_hex", lambda size: mine)
        said = digest.proof(asked, "Mufasa", "Circle of Life", "GET", "/dir/index.html")
    assert "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" in said


def test_the_relay_serves_one_that_knows_its_word_alone() -> None:
    with Camera(street, password="secret", algorithm="SHA-256") as camera:
        with Relay(camera.address(user="eye:secret"), 5) as relay:
            assert "secret" not in relay.address
            port = int(relay.address.split(":")[2].split("/")[0])
            with socket.create_connection(("127.0.0.1", port), 5) as other:
                url = f"rtsp://127.0.0.1:{port}/street"
                other.sendall(f"DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
                assert other.recv(100) == b""
        assert not camera.asked["DESCRIBE"]


def test_the_relay_keeps_no_request_that_was_answered() -> None:
    """A camera is played for months, and asked twice a minute whether it is there."""
    with (
        Camera(street, password="secret", algorithm="SHA-256") as camera,
        Relay(camera.address(user="eye:secret"), 5) as relay,
    ):
        port = int(relay.address.split(":")[2].split("/")[0])
        with (
            socket.create_connection(("127.0.0.1", port), 5) as player,
            player.makefile("rwb") as stream,
        ):
            for number, verb in enumerate(("OPTIONS", "DESCRIBE", "OPTIONS", "DESCRIBE"), 1):
                url = relay.address if number == 1 else camera.address()  # as it names itself
                stream.write(f"{verb} {url} RTSP/1.0\r\nCSeq: {number}\r\n\r\n".encode())
                stream.flush()
                assert b" 200 " in stream.readline()
                size = 0
                while line := stream.readline().strip().lower():
                    if line.startswith(b"content-length:"):
                        size = int(line.partition(b":")[2])
                stream.read(size)
        assert relay._requests == {}
        assert camera.asked["401"] == 1


def test_the_command_tells_what_it_sees_until_it_is_ended(tmp_path: Path) -> None:
    with Camera(street, password="secret") as camera:
        source = tmp_path / "camera"
        source.write_text(camera.address(user="eye:secret"))
        asked = [sys.executable, "-m", "tianmu", "recognise", "--model", str(write_model(tmp_path)),
                 "--source", f"@{source}", "--camera", "c0", "--every", "0.1", "--try",
                 "--json"]  # fmt: skip
        with subprocess.Popen(
            asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        ) as running:
            assert running.stdout is not None and running.stderr is not None
            first = [json.loads(running.stdout.readline()) for _ in range(2)]
            running.send_signal(signal.SIGTERM)
            rest = running.stdout.read().splitlines()
            said = running.stderr.read()
            assert running.wait(10) == 0, said
    assert [one["kind"] for one in first] == ["UnlicensedBusinessVendor"] * 2
    left, top, right, bottom = first[0]["box"]
    assert left < 120 / 160 < right and top < 80 / 120 < bottom
    told = json.loads(rest[-1])
    assert told["frames"] >= 2 and told["source"] == f"rtsp://…@127.0.0.1:{camera.port}/street"
    assert "stopped" in said and "secret" not in said


@pytest.mark.parametrize("scheme", ["Digest", "Basic"])
def test_a_wrong_password_is_said_and_not_tried_again(
    scheme: Literal["Digest", "Basic"], tmp_path: Path
) -> None:
    asked = ["recognise", "--model", str(write_model(tmp_path)), "--camera", "c0", "--try"]
    with Camera(street, password="secret", scheme=scheme) as camera:
        rtsp.look(camera.address(user="eye:secret"), "it", 5)
        camera.asked.clear()
        ran = CliRunner().invoke(main, [*asked, "--source", camera.address(user="eye:wrong")])
        assert ran.exit_code == 1 and "wrong" not in ran.output
        assert "does not take this user and password (401)" in ran.output
        assert camera.asked["401"] == 2 and not camera.asked["PLAY"]
        ran = CliRunner().invoke(main, [*asked, "--source", camera.address()])
        assert ran.exit_code == 1 and "wants a password (401)" in ran.output


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    asked = ["recognise", "--model", str(write_model(tmp_path)), "--camera", "c0", "--try"]
    with Camera(street) as camera:
        ran = CliRunner().invoke(main, [*asked, "--source", camera.address("none")])
        assert ran.exit_code == 1 and "is not there (404)" in ran.output
        ran = CliRunner().invoke(main, [*asked, "--source", camera.address("sound")])
        assert ran.exit_code == 1 and "has no video" in ran.output
    with pytest.raises(Unusable, match="does not answer as a camera does"):
        rtsp.look(f"rtsp://127.0.0.1:{camera.port}/street", "it", 1)
    with pytest.raises(Unusable, match="names no camera"):
        rtsp.look("rtsp:///street", "it", 1)
    with pytest.raises(Unusable, match="write rtsp://user"):
        rtsp.look("rtsp://eye:7000x/street", "it", 1)


@pytest.mark.parametrize(
    ("answer", "kind", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Unusable, "is no answer of RTSP"),
        (b"RTSP/1.0 503 Busy\r\nCSeq: 1\r\n\r\n", Unusable, "answers 503 Busy"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n", Unusable, "99999999 bytes"),
        (b"RTSP/1.0 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", Unusable, "more than 100 lines"),
        (b"\xff\xfe\xff\r\n", Unusable, "does not answer"),
        (b"", Unusable, "is no answer"),
        (b"RTSP/1.0 403 Forbidden\r\n\r\n", WrongPassword, "wants a password"),
        (b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nv=0\r\n", NoStream, "has no video"),
        (b"RTSP/1.0 302 Moved\r\nLocation: rtsp://b/\r\n\r\n", None, ""),
    ],
)
def test_any_answer_is_understood_or_told(answer: bytes, kind: Any, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=once, daemon=True).start()
        address = f"rtsp://127.0.0.1:{server.getsockname()[1]}/a"
        if kind is None:
            rtsp.look(address, address, 5)
            return
        with pytest.raises(kind, match=why):
            rtsp.look(address, address, 5)


def test_a_stream_that_is_not_there_for_a_while_is_waited_for_once_it_was_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A camera that starts anew may answer 404 for a moment."""
    looks: list[Any] = [None, NoStream("not there"), WrongPassword("no")]
    waits: list[float] = []

    class Video:
        frames = 2

        def grab(self) -> bool:
            self.frames -= 1
            return self.frames > 0

        def retrieve(self) -> tuple[bool, np.ndarray]:
            return True, street(0)

        def release(self) -> None: ...

    def look(*_: object) -> str:
        if error := looks.pop(0):
            raise error
        return ""

    monkeypatch.setattr("tianmu.recognise.frames.rtsp.look", look)
    monkeypatch.setattr("tianmu.recognise.frames._opened", lambda *_: Video())
    monkeypatch.setattr("tianmu.recognise.frames.time.sleep", waits.append)
    frames = of_camera("rtsp://eye:x@a/b", 0.0, lambda: NOW, lambda line: None)
    assert next(frames).at == NOW
    with pytest.raises(WrongPassword):
        next(frames)
    assert waits == [1.0]
