"""The feed of warnings for other systems, and their messages taken over as drafts."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import msgspec
import xmlschema

from tianmu.prevent.warning import feed
from tianmu.sense.cap import codec, national

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


def test_a_feed_is_as_new_as_its_newest_entry(
    world: Any, two: tuple[httpx.Client, httpx.Client]
) -> None:
    """Messages that follow each other within a second are told by seconds that are ahead."""
    one, other = two
    name = one.post("/api/warnings", json=written()).json()["warning"]
    for step, body in (("", {}), ("update", written(colour="red")), ("cancel", {"reason": "over"})):
        if step:
            assert one.post(f"/api/warnings/{name}/{step}", json=body).status_code == 200
        assert other.post(f"/api/warnings/{name}/confirm", json={}).status_code == 200
    with world.client("integrator") as reader:
        read = ET.fromstring(reader.get("/api/warnings/feed.atom").content)
    updated = f"{{{feed.ATOM}}}updated"
    entries = [one.findtext(updated, "") for one in read.iter(f"{{{feed.ATOM}}}entry")]
    assert entries and read.findtext(updated, "") >= max(entries)


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


def test_a_city_with_codes_speaks_the_national_format(
    world: Any, two: tuple[httpx.Client, httpx.Client]
) -> None:
    """From a draft to its end, by the links of the feed: CAP valid by its schema, and the national
    format beside it, which others read. What was published before the codes were there has
    none."""
    one, other = two
    schema = xmlschema.XMLSchema(str(files("tianmu.sense.cap") / "CAP-v1.2.xsd"))
    before = published(one, other, world.client("integrator"))
    hub, shipped = world.hub, world.hub.city
    gale = msgspec.structs.replace(shipped.warnings.events["gale"], national="11B06")
    coded = replace(
        shipped.warnings,
        national="32048100000000",
        events={**shipped.warnings.events, "gale": gale},
    )
    hub.city = replace(shipped, warnings=coded)
    try:
        with world.client("integrator") as reader:
            path, said = (
                f"/api/warnings/{one.post('/api/warnings', json=written()).json()['warning']}",
                [],
            )
            for step, body in (
                ("", {}), ("update", written(colour="red", note="it grows")),
                ("cancel", {"reason": "over"}),
            ):  # fmt: skip
                if step:
                    assert one.post(f"{path}/{step}", json=body).status_code == 200
                assert other.post(f"{path}/confirm", json={}).status_code == 200
                document = in_feed(reader, path)
                schema.validate(document)
                cap = codec.read(document.encode())
                answer = reader.get(f"/api/warnings/national/{cap.identifier}.xml")
                assert answer.status_code == 200, answer.text
                said.append((cap, national.read(answer.content)))
            assert [cap.kind for cap, _ in said] == ["Alert", "Update", "Cancel"]
            assert [len(cap.references) for cap, _ in said] == [0, 1, 2]
            assert [cap.references[-1] for cap, _ in said[1:]] == [cap.key for cap, _ in said[:2]]
            for cap, told in said:
                assert told.event == "11B06" and told.sent == cap.sent
            assert [told.colour for _, told in said] == ["blue", "red", "red"]
            refused = reader.get(f"/api/warnings/national/{before}.xml")
            assert refused.status_code == 409 and "published from then on" in refused.text
            assert reader.get("/api/warnings/national/none.xml").status_code == 404
    finally:
        hub.city = shipped


def published(one: httpx.Client, other: httpx.Client, reader: httpx.Client) -> str:
    """The identifier of a message that has just been published."""
    path = f"/api/warnings/{one.post('/api/warnings', json=written()).json()['warning']}"
    assert other.post(f"{path}/confirm", json={}).status_code == 200
    return codec.read(in_feed(reader, path).encode()).identifier


def in_feed(reader: httpx.Client, path: str) -> str:
    """The newest document of a warning, by its link in the feed."""
    found = ET.fromstring(reader.get("/api/warnings/feed.atom").text).iter(f"{{{feed.ATOM}}}link")
    name = path.rsplit("/", 1)[1]
    [link] = [one.attrib["href"] for one in found if f"-{name}-" in one.attrib["href"]]
    return reader.get(link).text


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
