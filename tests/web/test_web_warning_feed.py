"""The feed of warnings for other systems, and their messages taken over as drafts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from .warned import ROOT, two, written

__all__ = ["two"]


def test_a_feed_that_has_not_changed_is_not_sent_again(
    world: Any, two: tuple[httpx.Client, httpx.Client]
) -> None:
    one, other = two
    with world.client("integrator") as reader:

        def ask(**headers: str) -> httpx.Response:
            named = {key.replace("_", "-"): value for key, value in headers.items()}
            return reader.get("/api/warnings/feed.atom", headers=named)

        first = ask()
        tag, since = first.headers["etag"], first.headers["last-modified"]
        for told in (
            {"if_none_match": tag},
            {"if_none_match": f'"other", W/{tag}'},
            {"if_modified_since": since},
        ):
            same = ask(**told)
            assert (same.status_code, same.content) == (304, b"")
            assert same.headers["last-modified"] == since
        assert ask(if_none_match='"other"', if_modified_since=since).status_code == 200
        for wrong in ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", ""):
            assert ask(if_modified_since=wrong).status_code == 200
        name = one.post("/api/warnings", json=written()).json()["warning"]
        other.post(f"/api/warnings/{name}/confirm", json={})
        new = ask(if_modified_since=since)
        assert new.status_code == 200 and f"-{name}-1" in new.text
        assert new.headers["last-modified"] != since, "however soon after"
        assert ask(if_none_match=tag).status_code == 200


def test_the_feed_is_open_only_where_the_pack_opens_it(world: Any) -> None:
    anybody = httpx.Client(base_url=world.url)
    assert anybody.get("/api/warnings/feed.atom").status_code == 401
    with world.client("audit_admin") as audit:
        assert audit.get("/api/warnings/feed.atom").status_code == 403
    hub = world.hub
    before = hub.city
    hub.city = replace(before, warnings=replace(before.warnings, open=True))
    try:
        assert anybody.get("/api/warnings/feed.atom").status_code == 200
        assert anybody.get("/api/warnings/cap/none.xml").status_code == 404
        assert anybody.get("/api/warnings").status_code == 401
    finally:
        hub.city = before
        anybody.close()


def test_a_message_of_another_body_is_taken_over(world: Any) -> None:
    with world.client("commander") as commander, world.client("duty_officer") as duty:
        name = duty.post("/api/warnings", json=written(colour="red")).json()["warning"]
        commander.post(f"/api/warnings/{name}/confirm", json={})
        told = commander.get(f"/api/warnings/{name}").json()["messages"][0]
        xml = commander.get(told["cap"]).text
        taken = commander.post("/api/warnings/read", json={"xml": xml}).json()
        assert (taken["colour"], taken["divisions"]) == ("red", [ROOT])
        assert taken["headline"] == {"zh": "大风蓝色预警", "en": "Blue warning: gale"}
        refused = commander.post("/api/warnings/read", json={"xml": xml.replace("Extreme", "Red")})
        assert refused.status_code == 422 and "severity" in refused.json()["detail"]
