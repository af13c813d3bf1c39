"""The printed case file: a PDF that says what the case says, masked, and is written down."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import threading
from typing import Any

import httpx
import pytest
from PIL import Image

from tianmu.web.api.cases import case_file
from tianmu.web.route import turn
from waiting import until
from web.printed import text_of


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1600, 900), "teal").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture(scope="module")
def case(world: Any) -> str:
    with world.client("hotline_agent") as agent:
        told = {
            "text": "路灯不亮，请回电 13812345678",
            "channel": "hotline",
            "matter": world.matter(),
        }
        report = agent.post("/api/reports", json=told).json()["report"]
    world.settle()
    return str(world.hub.manage.case_of([report], "report")[report])


def test_a_case_file_says_what_the_case_says(world: Any, case: str) -> None:
    content = photo()
    with world.client("duty_officer") as duty:
        for name, role, body in (("before.jpg", "handle_before", content), ("no.png", "near", b"")):
            form = {
                "file": (
                    name,
                    body or b"\x89PNG\r\n\x1a\nbroken",
                    f"image/{name[-3:]}".replace("jpg", "jpeg"),
                )
            }
            sent = duty.post(f"/api/cases/{case}/evidence", files=form, data={"role": role})
            assert sent.status_code == 201, sent.text
        held = duty.get(f"/api/cases/{case}").json()
        assert [one["role"] for one in held["evidence"]] == ["handle_before", "near"]
        answer = duty.get(f"/api/cases/{case}/file.pdf", params={"language": "zh"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        said = text_of(answer.content)
        assert world.city.letterhead.issuer["zh"] in said
        assert held["number"] in said
        assert held["owner_name"]["zh"] in said
        assert "路灯不亮" in said
        assert "138****5678" in said and "13812345678" not in said
        assert hashlib.sha256(content).hexdigest() in re.sub(r"\s", "", said)
        assert "图片无法印出" in said, "the one that is no picture is told of"
        assert b"/Subtype /Image" in answer.content
        english = duty.get(f"/api/cases/{case}/file.pdf", params={"language": "en"})
        assert "Timeline" in text_of(english.content)
        assert duty.get(f"/api/cases/{case}/file.pdf?language=xx").status_code == 422

        listed = duty.get(f"/api/cases/{case}/prints").json()["items"]
        assert [one["language"] for one in listed] == ["en", "zh"]
        assert listed[1]["digest"] == hashlib.sha256(answer.content).hexdigest()
        assert listed[1]["mark"] in said
    with world.client("audit_admin") as auditor:
        trail = auditor.get("/api/audit", params={"verb": "case.print"}).json()["items"]
    assert {one["detail"]["digest"] for one in trail} == {one["digest"] for one in listed}
    assert {one["actor"] for one in trail} == {"t-duty-officer"}


def test_nobody_prints_what_they_may_not_see(world: Any, case: str) -> None:
    town = world.account("printer", ["duty_officer"], division=world.towns()[0])
    with world.client() as elsewhere:
        elsewhere.headers["Authorization"] = f"Bearer {town}"
        assert elsewhere.get(f"/api/cases/{case}/file.pdf").status_code == 404
        assert elsewhere.get(f"/api/cases/{case}/prints").status_code == 404
    with world.client("leader") as leader:
        assert leader.get(f"/api/cases/{case}/file.pdf").status_code == 403


def test_what_is_not_printed_is_told(
    world: Any, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_file, "EVENTS", 1)
    monkeypatch.setattr(case_file, "PICTURES", 0)
    with world.client("duty_officer") as duty:
        held = duty.get(f"/api/cases/{case}").json()
        said = text_of(duty.get(f"/api/cases/{case}/file.pdf?language=en").content)
    assert f"{len(held['events']) - 1} more are not printed" in said
    assert "more pictures than a file carries" in said


def test_many_who_print_hold_up_nobody_else(
    world: Any, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait without a thread, and those who waited for long are told when to come again."""
    slow, real = threading.Event(), case_file.case_file

    def printed(*given: Any) -> bytes:
        assert slow.wait(10)
        return real(*given)

    monkeypatch.setattr(case_file, "case_file", printed)
    monkeypatch.setattr(turn, "PATIENCE", 1.0)

    async def scene() -> list[httpx.Response]:
        headers = {"Authorization": f"Bearer {world.tokens['duty_officer']}"}
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=world.url, headers=headers, timeout=8, limits=limits
        ) as duty:
            path = f"/api/cases/{case}/file.pdf"
            printing = [asyncio.create_task(duty.get(path)) for _ in range(45)]
            await asyncio.sleep(0.3)
            assert (await duty.get("/api/session")).status_code == 200
            await until(lambda: sum(one.done() for one in printing) >= 44, 60)
            slow.set()
            return await asyncio.gather(*printing)

    answers = asyncio.run(scene())
    assert sorted(one.status_code for one in answers) == [200] + [503] * 44
    busy = next(one for one in answers if one.status_code == 503)
    assert busy.headers["retry-after"] == "5" and busy.json()["type"].endswith("busy")
