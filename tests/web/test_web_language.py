"""Errors come in the language of the page: no sentence of the code is without its translation, and
every route's refusals are met in it."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tianmu.web.answer.language import (
    COOKIE,
    OWN,
    asked_for,
    called,
    languages,
    sentences,
    translated,
)
from web.said import said
from web.test_web_permissions import WALK, concrete

OTHERS = [one for one in languages() if one != OWN]
SENTENCE = re.compile(r"(?:\b[A-Za-z']{2,} ){3,}[A-Za-z']{2,}")
"""four words of English in a row"""


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_code_has_its_translation(language: str) -> None:
    known = sentences(language)
    missing = {f"{name}: {one}" for name, one in said() if one not in known}
    assert not missing, f"put these into web/errors.{language}.toml"


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_no_blank_that_the_sentence_lacks(language: str) -> None:
    for one, other in sentences(language).items():
        holes = one.count("{}")
        numbered = {int(n) for n in re.findall(r"\{(\d+)\}", other)}
        assert all(n < holes for n in numbered), one
        assert other.count("{}") <= holes, one
        assert not (numbered and "{}" in other), f"numbered or in order, not both: {one}"


def test_every_route_that_a_sentence_names_is_one(world: Any) -> None:
    routes = httpx.get(f"{world.url}/api/openapi.json").json()["paths"]
    known = {re.sub(r"\{.*?\}", "{}", one) for one in routes} | {"/api/openapi.json", "/api/docs"}
    named = {
        (name, re.sub(r"\{.*?\}", "{}", found))
        for name, one in said()
        for found in re.findall(r"/api/[\w{}./-]*[\w}]", one)
    }
    assert named, "sentences name routes"
    assert not {(name, found) for name, found in named if found not in known | {"/api/{}"}}


def test_whose_language_it_is() -> None:
    assert asked_for({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}) == "zh"
    assert asked_for({"accept-language": "en;q=0.3, fr, zh;q=0.5"}) == "zh"
    assert asked_for({"accept-language": "fr, ja"}) == ""
    assert asked_for({"cookie": f"a=b; {COOKIE}=en", "accept-language": "zh"}) == "en"
    assert asked_for({"cookie": f"{COOKIE}=xx", "accept-language": "zh;q=x"}) == ""
    assert asked_for({}) == ""


def test_what_is_put_in_is_said_in_the_language_too() -> None:
    assert translated("there is no case 'c1' that this account may see", "zh") == (
        "没有本账号可见的案件 'c1'"
    )
    assert translated("query.limit: Field required; query.x: Field required", "zh") == (
        "query.limit: 必填; query.x: 必填"
    )
    said_of_body = translated("Expected `str`, got `int` - at `$.place.name`", "zh")
    assert said_of_body == "应为 str，却是 int (`$.place.name`)"
    assert translated("quite another sentence", "zh") == "quite another sentence"
    assert translated("there is no case c1", "en") == "there is no case c1"


def test_an_account_is_called_in_the_language_of_what_is_printed() -> None:
    for whole, zh, en in (
        ("值班员 Duty officer", "值班员", "Duty officer"),
        ("模拟处置员：住建局 Seeded crew: Housing", "模拟处置员：住建局", "Seeded crew: Housing"),
        ("带班领导 赵明", "带班领导 赵明", "带班领导 赵明"),
        ("Wang Wei", "Wang Wei", "Wang Wei"),
        ("值班 A 岗", "值班 A 岗", "值班 A 岗"),
    ):
        assert (called(whole, "zh"), called(whole, "en")) == (zh, en)
    telling = "the place lies in no division: none is named"
    assert translated(telling, "zh") == "该位置不在任何区划内，也没有写明区划"


def refused(answer: httpx.Response) -> dict[str, Any] | None:
    if not answer.headers["content-type"].startswith("application/problem+json"):
        return None
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("role", ["", "kiosk", "commander", "system_admin"])
def test_no_route_refuses_in_another_language(world: Any, role: str) -> None:
    """Unknown names, empty and wrong bodies, of whoever has the right and who has it not."""
    apart = {"/api/pack/reload", "/api/session", "/api/push"}
    met = 0
    with world.client(role) as client:
        client.headers["Accept-Language"] = "zh-CN"
        for method, path, _ in WALK:
            if path in apart:
                continue
            bodies: list[Any] = [None] if method == "GET" else [{}, [1], {"reason": 1}]
            for body in bodies:
                told = refused(client.request(method, concrete(path), json=body))
                if told is None:
                    continue
                met += 1
                words = [told["title"], told["detail"], told.get("remedy", "")]
                words += [one["what"] for one in told.get("faults", [])]
                for one in words:
                    assert not SENTENCE.search(one), (method, path, body, one)
    assert met > 40


def test_a_program_that_asks_for_nothing_hears_english(world: Any) -> None:
    with world.client("commander") as client:
        told = client.get("/api/cases/none").json()
        assert told["detail"].startswith("there is no case")
        client.headers["Accept-Language"] = "zh"
        assert client.get("/api/cases/none").json()["detail"].startswith("没有本账号可见的案件")
        client.cookies.set(COOKIE, "en")
        assert client.get("/api/cases/none").json()["detail"].startswith("there is no case")
