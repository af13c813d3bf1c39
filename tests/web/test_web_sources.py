"""Sources as several people change them, and what came from them that could not be read."""

from __future__ import annotations

import base64
import time
from typing import Any, cast

import httpx
import sqlalchemy as sa

from tianmu.sense import hold
from tianmu.store.records import Transaction

from .heard import Stream


def test_of_two_who_change_a_source_the_second_is_told(world: Any) -> None:
    body = {"source": "two-writers", "protocol": "http", "allow": ["a"]}
    with world.client("system_admin") as admin:

        def put(version: int | None, **more: Any) -> httpx.Response:
            headers = {} if version is None else {"If-Match": f'"{version}"'}
            answer = admin.post("/api/sources", json={**body, **more}, headers=headers)
            return cast(httpx.Response, answer)

        made = put(0)
        assert (made.status_code, made.json()["source"]["version"]) == (201, 1), made.text
        assert made.headers["etag"] == '"1"'
        late = put(0, allow=["b"])  # another one of that name
        assert late.status_code == 412 and late.json()["type"].endswith("changed")
        assert put(1, allow=["b"]).json()["source"]["version"] == 2
        late = put(1, allow=["c"])
        assert late.status_code == 412
        assert "version 2" in late.json()["detail"] and "If-Match" in late.json()["remedy"]
        (held,) = [
            x for x in admin.get("/api/sources").json()["items"] if x["source"] == "two-writers"
        ]
        assert (held["allow"], held["version"]) == (["b"], 2)
        for verb in ("token", "close"):  # whoever does these may say of which version, too
            late = admin.post(f"/api/sources/two-writers/{verb}", headers={"If-Match": '"1"'})
            assert late.status_code == 412, late.text
        assert admin.post("/api/sources/two-writers/token").status_code == 200
        assert put(2).status_code == 412  # the token is another one by now
        assert admin.post("/api/sources/two-writers/close").json()["version"] == 4
        assert put(None, allow=["d"]).json()["source"]["version"] == 5  # who does not care


def test_a_warning_that_cannot_be_read_is_not_for_all_who_see_the_quarantine(world: Any) -> None:
    now = time.time_ns() // 1000

    def keep(restricted: bool | None, source: str) -> str:
        """Of a file of before nobody had looked (None)."""

        def write(tx: Transaction) -> str:
            name = hold.put_in_quarantine(
                tx, "http", b"<alert>the dam</alert>", reason="alert/sender is 'the dam'",
                peer="10.0.0.3", source=source, offset=0, at=now, restricted=bool(restricted),
            )  # fmt: skip
            if restricted is None:
                c = hold.quarantine.c
                of = sa.update(hold.quarantine).where(c.quarantine == name)
                tx.connection.execute(of.values(restricted=None))
            return name

        return cast(str, world.gate.transact(write))

    with world.client("system_admin") as admin, world.client("duty_officer") as duty:
        made = admin.post("/api/sources", json={"source": "warner", "protocol": "cap"})
        assert made.status_code == 201
        stream = Stream(world.client("system_admin"), only="notice")
        hidden, open_ = keep(True, "warner"), keep(False, "warner")
        before, other = keep(None, "warner"), keep(None, "")
        heard = str(stream.wait("notice", 4))
        stream.stop()
        assert heard.count("the dam") == 2 * 3, "two languages; what is marked is told without"
        kept = {x["quarantine"]: x for x in admin.get("/api/quarantine").json()["items"]}
        for name in (hidden, before):
            assert kept[name]["masked"] and kept[name]["payload"] == ""
            assert "the dam" not in kept[name]["reason"]
            said = admin.get(f"/api/quarantine/{name}/payload")
            assert said.status_code == 403 and "restricted.read" in said.json()["remedy"]
        for name in (open_, other):
            assert not kept[name]["masked"] and "the dam" in kept[name]["reason"]
            assert admin.get(f"/api/quarantine/{name}/payload").status_code == 200
        # it is played again or put away without being seen
        done = admin.post(f"/api/quarantine/{hidden}/discard", json={"reason": "noise"})
        assert done.status_code == 202
        kept = {x["quarantine"]: x for x in duty.get("/api/quarantine?state=all").json()["items"]}
        for name in (hidden, before):
            assert not kept[name]["masked"] and "the dam" in kept[name]["reason"]
            assert b"the dam" in base64.b64decode(kept[name]["payload"])
