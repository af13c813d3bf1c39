"""A cart is recognised on a video, stays, is alarmed, and its case opens with the picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from recognise.tiny import scene, write_model, write_video
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City
from waiting import eventually

from .town import fresh, person, register, tianmu

MATTER = "gbt30428.2-2013:event:0401"


def test_a_cart_on_a_video_becomes_a_case_with_its_picture(
    staffed_city: City, tmp_path: Path
) -> None:
    city = staffed_city
    camera = register(city, "street_camera", "camera")
    token = tmp_path / "token"
    token.write_text(equipment.source(city, fresh("eye"), "recognition"))
    door = f"http://{city.host}:{city.ports['http']}"
    eye = httpx.Client(
        base_url=door, headers={"Authorization": f"Bearer {token.read_text()}"}, timeout=30
    )
    # gate hears of the source, and of the camera, when it reads the registry
    eventually(lambda: eye.post("/events", content=b"[]").status_code == 400, what="the source")
    video = write_video(tmp_path / "street.avi", (scene((100, 60)) for _ in range(190)), rate=1.0)
    begin = (datetime.now(UTC) - timedelta(seconds=190)).isoformat()
    asked = (
        "recognise", "--model", str(write_model(tmp_path)), "--source", str(video),
        "--camera", camera, "--url", door, "--token-file", str(token), "--begin", begin,
        "--every", "60", "--json",
    )  # fmt: skip

    def told() -> dict[str, Any]:
        ran = tianmu(*asked)
        assert ran.returncode == 0, ran.stderr.decode()
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        return found

    first = told()
    assert first["frames"] == 4 and first["taken"] == 4 and first["rises"] == 1, first
    again = told()
    assert again["duplicate"] == 4 and again["taken"] == 0, "the same video tells nothing twice"

    with person(city, "duty") as duty:

        def case() -> dict[str, Any]:
            items = duty.get("/api/cases", matter=MATTER, limit=100)["items"]
            found = [duty.get(f"/api/cases/{one['case']}") for one in items]
            return next(
                (one for one in found if any(m["device"] == camera for m in one["members"])), {}
            )

        whole = eventually(case, what="the case of the cart")
        assert whole["matter"] == MATTER and whole["stage"] in {"dispatch", "handle"}
        [file] = whole["evidence"]
        assert file["role"] == "handle_before" and file["actor"] == "@system"
        assert (file["width"], file["height"]) == (160, 120)
        [box] = file["boxes"]
        left, top, right, bottom = box["box"]
        assert left < 120 / 160 < right and top < 80 / 120 < bottom
        assert box["text"]["en"] == "Unlicensed street vendor"
        shown = duty.http.get(file["url"])
        assert shown.status_code == 200 and shown.content[:2] == b"\xff\xd8"
        present = duty.get("/api/scenarios/model-street/present")
        assert present["degree"] >= 2
        watched = duty.get("/api/scenarios/model-street/watched")
        assert whole["case"] in [one["case"] for one in watched["pictures"]]
        assert camera in [one["device"] for one in watched["alarms"]]
    eye.close()
