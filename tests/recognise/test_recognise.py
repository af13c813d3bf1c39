"""A model over pictures and a video file; its boxes, its faults; events that are sent once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from tianmu.cli import main
from tianmu.recognise import layout as layouts
from tianmu.recognise.fault import Unusable
from tianmu.recognise.frames import jpeg, named, of_camera, of_file
from tianmu.recognise.layout import Input, Layout, Output
from tianmu.recognise.model import Recogniser
from tianmu.recognise.picture import Found, prepare, read
from tianmu.recognise.send import MOST, Sender, events_of
from tianmu.sense.recognition.codec import decode, look

from .tiny import LAYOUT, scene, write_model, write_video

NOW = 1_800_000_000_000_000


def test_a_model_sees_the_cart_where_it_is(tmp_path: Path) -> None:
    recogniser = Recogniser(write_model(tmp_path))
    assert recogniser.things(scene(None)) == []
    [found] = recogniser.things(scene((100, 60)))
    assert found.kind == "UnlicensedBusinessVendor" and 0.7 < found.confidence <= 1
    left, top, right, bottom = found.box
    x, y = (left + right) / 2 * 160, (top + bottom) / 2 * 120
    assert 100 <= x <= 140 and 60 <= y <= 100
    blue = scene((0, 0))[:, :, ::-1]
    assert [one.kind for one in recogniser.things(np.ascontiguousarray(blue))] == ["road_ponding"]


def layout(form: str, **more: Any) -> Layout:
    output = Output(form=form, **more)
    return Layout(input=Input(width=100, height=100), output=output, classes={"0": "a", "2": "c"})


def test_rows_of_boxes_come_back_as_shares_of_the_picture() -> None:
    image = np.zeros((50, 200, 3), np.uint8)  # lies at y 37 to 62 of the input
    made, fit = prepare(image, Input(width=100, height=100))
    assert made.shape == (1, 3, 100, 100) and made.dtype == np.float32
    assert made[0, 0, 0, 0] == pytest.approx(114 / 255) and made[0, 0, 50, 50] == 0
    rows = np.array(
        [
            [10, 37, 60, 62, 0.9, 2], [0, 0, 100, 100, 0.8, 0], [10, 37, 60, 62, 0.1, 0],
            [10, 37, 60, 62, 0.9, 1], [10, 0, 60, 30, 0.9, 0], [np.nan, 0, 60, 30, 0.9, 0],
        ]
    )  # fmt: skip
    found = read(rows[None], layout("rows"), fit)
    assert found == [Found("c", 0.9, (0.1, 0.0, 0.6, 1.0)), Found("a", 0.8, (0.0, 0.0, 1.0, 1.0))]


def test_anchors_of_one_thing_become_one_box_either_way_up() -> None:
    _, fit = prepare(np.zeros((100, 100, 3), np.uint8), Input(width=100, height=100))
    columns = np.array(
        [
            [50, 52, 80, 50], [50, 50, 20, 50], [20, 20, 10, 20], [20, 20, 10, 20],
            [0.9, 0.8, 0.6, 0.1], [0, 0, 0, 0], [0.1, 0.1, 0.1, 0.7],
        ],
        dtype=np.float32,
    )  # fmt: skip
    wanted = [("a", 0.9), ("c", 0.7), ("a", 0.6)]
    wide = np.repeat(columns, 5, axis=1)
    for output in (wide, wide.T):
        found = read(output, layout("anchors"), fit)
        assert [(one.kind, one.confidence) for one in found] == wanted
    shares = wide.copy()
    shares[:4] /= 100
    assert read(shares, layout("anchors", units="shares"), fit)[0].box == (0.4, 0.4, 0.6, 0.6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("width = 64", "width = 0"), "sides of 8 to 8192"),
        (("[classes]\n", "[classes]\nx = \"a\"\n"), "class 'x' is no number"),
        (("form = \"anchors\"", "form = \"lines\""), "form"),
        (("least = 0.4", "last = 0.4"), "last"),
        (("[input]", "[input"), "mend the TOML"),
        (("fit = \"letterbox\"", "scale = [0, 1, 1]"), "divided by"),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_used_is_told(
    tmp_path: Path, change: tuple[str, str], why: str
) -> None:
    file = tmp_path / "red.toml"
    assert change[0] in LAYOUT
    file.write_text(LAYOUT.replace(*change), encoding="utf-8")
    with pytest.raises(Unusable, match=why):
        layouts.read(file)


def test_a_model_that_does_not_fit_its_layout_is_told(tmp_path: Path) -> None:
    file = write_model(tmp_path)
    toml = file.with_suffix(".toml")
    toml.write_text(LAYOUT.replace("width = 64", "width = 32"), encoding="utf-8")
    with pytest.raises(Unusable, match="does not take an input"):
        Recogniser(file).things(scene(None))
    toml.write_text(LAYOUT.replace('form = "anchors"', 'form = "rows"'), encoding="utf-8")
    with pytest.raises(Unusable, match="rows of 64 numbers"):
        Recogniser(file).things(scene(None))
    toml.write_text(LAYOUT.replace("least", 'name = "none"\nleast'), encoding="utf-8")
    with pytest.raises(Unusable, match="has no output none: name one of boxes"):
        Recogniser(file)
    toml.unlink()
    with pytest.raises(Unusable, match="is not there"):
        Recogniser(file)
    toml.write_text(LAYOUT, encoding="utf-8")
    file.write_bytes(b"no model")
    with pytest.raises(Unusable, match="no model that ONNX Runtime can run"):
        Recogniser(file)


def test_frames_of_a_file_come_by_its_own_time(tmp_path: Path) -> None:
    file = write_video(tmp_path / "v.avi", [scene((i, 0)) for i in range(20)])
    frames = list(of_file(str(file), 1.0, NOW, lambda: 0))
    assert [(one.at - NOW) / 1e6 for one in frames] == [0, 1, 2, 3]
    assert frames[0].image.shape == (120, 160, 3)
    last = list(of_file(str(file), 0.1, None, lambda: NOW))
    assert len(last) == 20 and last[0].at == NOW - 4_000_000
    (tmp_path / "no.avi").write_bytes(b"RIFF....")
    with pytest.raises(Unusable, match="cannot be opened as video"):
        list(of_file(str(tmp_path / "no.avi"), 1, None, lambda: NOW))
    with pytest.raises(Unusable, match="is no file, and no address"):
        list(of_file("http://x/v.mp4", 1, None, lambda: NOW))


def test_a_camera_that_does_not_answer_is_asked_again_and_its_password_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Stop(Exception):
        pass

    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 6:
            raise Stop

    told: list[str] = []
    monkeypatch.setattr("tianmu.recognise.frames.time.sleep", sleep)
    with pytest.raises(Stop):
        next(of_camera("rtsp://eye:secret@127.0.0.1:1/a", 1.0, lambda: NOW, told.append))
    assert waits == [1, 2, 5, 10, 30, 30]
    assert all("secret" not in line and "rtsp://…@127.0.0.1:1/a" in line for line in told)
    assert named("/a/b@c.mp4") == "/a/b@c.mp4"


def test_events_of_a_frame_are_read_by_the_door() -> None:
    shot = jpeg(scene((0, 0), 400, 300), 200)
    assert (look(shot).width, look(shot).height) == (200, 150)
    found = [Found("a", 0.9, (0, 0, 0.1, 0.1)), Found("b", 0.8, (0.5, 0.5, 1, 1))]
    made = events_of("cam 7", NOW, found, shot, "红 model")
    again = events_of("cam 7", NOW, found, shot, "红 model")
    assert [one["event"] for one in made] == [one["event"] for one in again]
    for one in made:
        one["camera"] = "c7"
    message = decode(json.dumps(made).encode())
    assert not message.refused
    assert message.events[0].picture == shot and message.events[0].time == NOW
    assert message.events[1].picture_of == made[0]["event"]


def test_a_frame_with_very_much_on_it_is_told_whole() -> None:
    shot = jpeg(scene((0, 0), 400, 300), 200)
    found = [Found("a", 0.9, (0, 0, (n + 1) / 200, 0.1)) for n in range(MOST * 2 + 5)]
    made = events_of("c7", NOW, found, shot, "m")
    city = City()
    with httpx.Client(base_url="http://city", transport=httpx.MockTransport(city)) as client:
        sender = Sender(client, lambda _: None)
        sender.send(made)
    assert [len(one) for one in city.sent] == [MOST, MOST, 5]
    assert sender.counts["taken"] == len(found)
    for one in city.sent:
        message = decode(json.dumps(one).encode())
        assert not message.refused and message.events[0].picture == shot
        assert {each.picture_of for each in message.events[1:]} == {message.events[0].event}


class City:
    """Answers as it is told to; keeps what it was sent."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.sent: list[Any] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(json.loads(request.content))
        if self.answers:
            return self.answers.pop(0)
        events = [{"event": one["event"], "state": "taken"} for one in self.sent[-1]]
        return httpx.Response(200, json={"events": events})

    def sender(self, **more: Any) -> tuple[Sender, list[float]]:
        waits: list[float] = []
        client = httpx.Client(base_url="http://c", transport=httpx.MockTransport(self))
        return Sender(client, lambda line: None, sleep=waits.append, **more), waits


EVENT = [{"event": "e1"}]


def test_what_is_not_taken_is_sent_again_as_it_was() -> None:
    city = City(
        httpx.Response(429, headers={"retry-after": "3"}, json={"detail": "too much"}),
        httpx.Response(507, json={"detail": "full"}),
    )
    sender, waits = city.sender()
    sender.send(EVENT)
    assert waits == [3, 5] and city.sent == [EVENT] * 3 and sender.counts["taken"] == 1


def test_what_will_never_be_taken_ends_it() -> None:
    sender, _ = City(httpx.Response(401, json={"detail": "no source", "remedy": "ask"})).sender()
    with pytest.raises(Unusable, match="401: no source: ask"):
        sender.send(EVENT)
    sender, waits = City(*[httpx.Response(503)] * 99).sender()
    with pytest.raises(Unusable, match="run it again"):
        sender.send(EVENT)
    assert sum(waits) == 120
    sender, waits = City(*[httpx.Response(503)] * 99).sender(patient=True)
    sender.send(EVENT)
    assert len(waits) == 99, "a camera's goes on"


def test_the_command_prints_what_it_finds(tmp_path: Path) -> None:
    carts = [None] * 5 + [(100, 60)] * 10
    video = write_video(tmp_path / "v.avi", [scene(cart) for cart in carts])
    model = write_model(tmp_path)
    told = ["recognise", "--model", str(model), "--source", str(video), "--camera", "c0"]
    ran = CliRunner().invoke(
        main, [*told, "--try", "--json", "--begin", "2026-04-05T08:00:00+08:00"]
    )
    assert ran.exit_code == 0, ran.output
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["time"] for one in lines[:-1]] == [
        "2026-04-05T00:00:01.000000+00:00", "2026-04-05T00:00:02.000000+00:00",
    ]  # fmt: skip
    assert lines[-1]["frames"] == 3 and lines[-1]["events"] == 2 and lines[-1]["taken"] == 0
    for more, why in (
        ([], "give --token-file"),
        (["--try", "--begin", "2026-04-05T08:00:00"], "has no zone"),
        (["--try", "--source", f"@{tmp_path}/none"], "No such file"),
    ):
        ran = CliRunner().invoke(main, [*told, *more])
        assert ran.exit_code == 1 and why in ran.output
