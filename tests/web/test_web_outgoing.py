"""Evidence that leaves the city: blurred by a model where one is set, and said where none is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from recognise.tiny import scene, write_model
from tianmu.recognise import blur
from tianmu.recognise.blur import Blurrer, Unblurred

from .printed import text_of


def jpeg(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def checked(side: int) -> np.ndarray:
    """Red and dark red squares of 2 pixels: what a blur must not leave."""
    image = scene((100, 60))
    for y in range(60, 100):
        for x in range(100, 140):
            image[y, x] = (10, 10, 255) if (x // side + y // side) % 2 else (0, 0, 150)
    return image


def grain(image: np.ndarray) -> float:
    """How much neighbours differ where the red thing stands."""
    part = image[64:96, 104:136].astype(float)
    return float(np.abs(np.diff(part, axis=1)).mean())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def blurring(world: Any, model: Path) -> Iterator[Blurrer]:
    world.hub.blurrer = Blurrer(model)
    yield world.hub.blurrer
    world.hub.blurrer = None


@pytest.fixture(scope="module")
def case(world: Any) -> str:
    with world.client("hotline_agent") as agent:
        told = {"text": "路灯不亮", "channel": "hotline", "matter": world.matter()}
        report = agent.post("/api/reports", json=told).json()["report"]
    world.settle()
    return str(world.hub.manage.case_of([report], "report")[report])


def attach(world: Any, case: str, content: bytes, name: str, media: str) -> str:
    with world.client("duty_officer") as duty:
        sent = duty.post(f"/api/cases/{case}/evidence", files={"file": (name, content, media)})
        assert sent.status_code == 201, sent.text
        return str(sent.json()["evidence"])


def read(content: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def test_what_the_model_finds_is_blurred_and_nothing_else(model: Path) -> None:
    blurrer, before = Blurrer(model), checked(2)
    content = cv2.imencode(".png", before)[1].tobytes()
    done = blurrer.blur(content, "image/png")
    after = read(done.content)
    assert done.places >= 1 and after.shape == before.shape
    assert grain(before) > 15 and grain(after) < 3
    assert (after[:40, :60] == before[:40, :60]).all(), "far from it nothing has changed"
    none = blurrer.blur(cv2.imencode(".png", scene(None))[1].tobytes(), "image/png")
    assert none.places == 0 and (read(none.content) == scene(None)).all()


def test_a_small_thing_on_a_large_picture_is_found_in_a_part_of_it(model: Path) -> None:
    image = np.full((480, 640, 3), 110, np.uint8)
    image[300:340, 500:540] = (10, 10, 240)
    blurrer = Blurrer(model)
    whole = [one for part in list(blurrer._parts(image))[:1] for one in part]
    done = blurrer.blur(jpeg(image), "image/jpeg")
    assert not whole and done.places == 1
    assert read(done.content)[320, 520, 2] < 235 or grain(read(done.content)) < 3


@pytest.mark.parametrize(
    ("content", "media"),
    [(b"\xff\xd8\xff none", "image/jpeg"), (b"....ftypheic", "image/heic"), (b"", "image/png")],
)
def test_what_cannot_be_blurred_is_refused(model: Path, content: bytes, media: str) -> None:
    with pytest.raises(Unblurred):
        Blurrer(model).blur(content, media)


def test_a_picture_too_large_is_refused_before_it_is_unpacked(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blur, "PIXELS", 100)
    with pytest.raises(Unblurred, match="at most 100"):
        Blurrer(model).blur(jpeg(scene(None)), "image/jpeg")


def test_who_looks_sees_the_original_and_what_leaves_is_blurred(
    world: Any, case: str, blurring: Blurrer
) -> None:
    content = jpeg(checked(2))
    digest = attach(world, case, content, "cart.jpg", "image/jpeg")
    at = f"/api/cases/{case}/evidence/{digest}"
    with world.client("duty_officer") as duty:
        seen = duty.get(at)
        assert seen.content == content and "Tianmu-Blurred" not in seen.headers
        taken = duty.get(at, params={"export": "true"})
        assert taken.status_code == 200, taken.text
        assert taken.headers["Tianmu-Blurred"].endswith(f" by {blurring.name}")
        assert taken.headers["Content-Disposition"] == "attachment"
        assert grain(read(taken.content)) < grain(read(content)) / 5
        exposed = duty.get(f"/api/cases/{case}/exposure").json()["items"]
        assert {("exported", "cart.jpg"), ("viewed", "cart.jpg")} <= {
            (one["deed"], one["what"]) for one in exposed
        }
    with world.client("integrator") as system:
        given = system.get(at)
        assert given.content == taken.content, "another system keeps what it reads"
    with world.client("audit_admin") as auditor:
        trail = auditor.get("/api/audit", params={"verb": "evidence.read"}).json()["items"]
    assert [one["detail"].get("model") for one in trail[:3]] == [
        blurring.name, blurring.name, None,
    ]  # fmt: skip
    assert trail[0]["detail"]["blurred"] >= 1


def test_a_film_does_not_leave_and_a_voice_is_said_not_to_be_looked_at(
    world: Any, case: str, blurring: Blurrer
) -> None:
    film = attach(world, case, b"\0\0\0\x18ftypmp42....", "film.mp4", "video/mp4")
    voice = attach(world, case, b"OggS....", "voice.ogg", "audio/ogg")
    with world.client("duty_officer") as duty:
        refused = duty.get(f"/api/cases/{case}/evidence/{film}?export=true")
        assert refused.status_code == 409 and refused.json()["type"].endswith("not-blurred")
        for said_voice, content in (
            ("audio/mp4", b"\0\0\0\x18ftypmp42\0\0\0!hdlr" + bytes(8) + b"vide...."),
            ("audio/webm", b"\x1aE\xdf\xa3....\x86\x85V_VP9...."),
            ("audio/ogg", b"OggS\0\2" + bytes(20) + b"\1*\x80theora\3\2\1...."),
        ):
            hidden = attach(world, case, content, "voice", said_voice)
            refused = duty.get(f"/api/cases/{case}/evidence/{hidden}?export=true")
            assert refused.status_code == 409, "a film that is called a voice"
        said = duty.get(f"/api/cases/{case}/evidence/{voice}?export=true")
        assert said.headers["Tianmu-Blurred"] == f"not looked at by {blurring.name}"


def test_paper_says_by_which_model(world: Any, case: str, blurring: Blurrer) -> None:
    attach(world, case, jpeg(checked(4)), "street.jpg", "image/jpeg")
    attach(world, case, b"\x89PNG\r\n\x1a\nbroken", "no.png", "image/png")
    with world.client("duty_officer") as duty:
        said = text_of(duty.get(f"/api/cases/{case}/file.pdf?language=en").content)
        assert f"the model {blurring.name} found" in said
        assert "could not be blurred, so it is left out" in said
    world.hub.blurrer = None
    with world.client("duty_officer") as duty:
        said = text_of(duty.get(f"/api/cases/{case}/file.pdf?language=en").content)
        assert "Nothing on the pictures was blurred" in said


def test_without_a_model_what_leaves_says_so(world: Any, case: str) -> None:
    content = jpeg(checked(8))
    digest = attach(world, case, content, "plain.jpg", "image/jpeg")
    with world.client("duty_officer") as duty:
        taken = duty.get(f"/api/cases/{case}/evidence/{digest}?export=true")
    assert taken.content == content
    assert taken.headers["Tianmu-Blurred"] == "nothing: no model is set"
