"""GB/T 22239-2019 (MLPS level 3), clause by clause: what the program itself must do, each once from
outside. The texts are known here in secondary sources only; docs/security.md lists the rest."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tianmu.access import account as accounts
from tianmu.access import audit, factor, first, tls, token
from tianmu.access.policy import DAY, MINUTE
from tianmu.access.role import ROLES
from tianmu.access.table import audit as trail
from tianmu.app.settings import Settings
from tianmu.sense.http.server import Server
from tianmu.web.openapi import describe

from .clauses import ADMINS, GOOD, person, policy, report, sign_in, trail_of, world, write

__all__ = ["policy", "world"]


def test_8_1_4_1_a_identity_is_one_and_the_password_is_strong_and_changes(world: Any) -> None:
    with world.client("system_admin") as system:
        name = "p" + uuid.uuid4().hex[:8]
        assert system.post("/api/accounts", json={"account": name, "name": "x"}).is_success
        assert system.post("/api/accounts", json={"account": name, "name": "y"}).status_code == 409
    name = person(world)
    for wrong in ("", "wrong"):
        assert sign_in(world, name, wrong)[1].status_code == 401
    client, _ = sign_in(world, name)
    for weak in ("", "Ab1-", "abcdefgh", f"{name}-A1", GOOD):  # too short, plain, named, used
        given = {"old": GOOD, "new": weak}
        assert client.post("/api/session/password", json=given).status_code == 422, weak
    write(world, lambda tx: tx.connection.execute(
        sa.text("UPDATE account SET password_at = :at WHERE account = :name"),
        {"at": world.hub.clock() - 91 * DAY, "name": name},
    ))  # fmt: skip
    world.hub.sessions.forget(name)
    refused = client.get("/api/cases")
    assert refused.status_code == 403 and refused.json()["type"].endswith("password-expired")
    given = {"old": GOOD, "new": "Another-horse-8"}
    assert client.post("/api/session/password", json=given).is_success
    assert client.get("/api/cases").is_success


def test_8_1_4_1_b_failures_lock_and_idleness_ends(world: Any, policy: Any) -> None:
    name = person(world)
    for _ in range(5):
        assert sign_in(world, name, "Wrong-horse-7")[1].status_code == 401
    locked = sign_in(world, name)[1]
    assert locked.status_code == 401 and "locked" in locked.json()["detail"]
    until = world.hub.records.read(lambda c: accounts.get(c, name)).locked_until
    assert until - world.hub.clock() > 29 * MINUTE
    name = person(world)
    client, _ = sign_in(world, name)
    assert client.get("/api/session").is_success
    policy(idle=0)
    assert client.get("/api/session").status_code == 401
    policy(sessions=1)
    first_, second = sign_in(world, name)[0], sign_in(world, name)[0]
    assert first_.get("/api/session").status_code == 401
    assert second.get("/api/session").is_success


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_8_1_4_1_c_administration_from_afar_is_by_tls_1_2_at_least(tmp_path: Path) -> None:
    """The server that hub and gate have, asked by clients that can do no more than this or that."""
    files = tls.local(tmp_path, [])

    def ask(port: int, most: ssl.TLSVersion) -> str:
        asks = ssl.create_default_context(cafile=files.authority)
        asks.set_ciphers("ALL:@SECLEVEL=0")
        asks.minimum_version, asks.maximum_version = ssl.TLSVersion.TLSv1, most
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            return asks.wrap_socket(line, server_hostname="localhost").version() or ""

    async def serve() -> dict[ssl.TLSVersion, str]:
        server = Server(describe(), certificate=(str(files.certificate), str(files.key)))
        port = await server.start("127.0.0.1", 0)
        found = {}
        for most in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            try:
                found[most] = await asyncio.to_thread(ask, port, most)
            except OSError:
                found[most] = "refused"
        await server.stop()
        return found

    assert list(asyncio.run(serve()).values()) == ["refused", "TLSv1.2", "TLSv1.3"]


def test_8_1_4_1_d_two_factors_one_of_them_cryptographic(world: Any, policy: Any) -> None:
    policy(grace=0)
    for role in (*ADMINS, "commander"):
        name = person(world, role)
        client, answer = sign_in(world, name)
        assert answer.json()["factor"] == "needed"
        assert client.get("/api/city").status_code == 403
        write(world, lambda tx, name=name: factor.add_passkey(
            tx.connection, name, credential=name.encode(), public=b"k", count=0, site="x",
            name="", at=world.hub.clock(),
        ))  # fmt: skip
        client, answer = sign_in(world, name)
        assert answer.status_code == 202 and not client.cookies
    assert world.city.admission.second_factor == (*ADMINS, "commander")


def test_8_1_4_2_a_permissions_are_given_to_accounts(world: Any) -> None:
    name = person(world, "leader")
    client, _ = sign_in(world, name)
    assert client.get("/api/cases").is_success
    assert client.get("/api/reports").status_code == 403
    with world.client("security_admin") as security:
        given = {"roles": ["hotline_agent"], "reason": "moved"}
        assert security.post(f"/api/accounts/{name}/roles", json=given).is_success
    assert client.get("/api/reports").is_success  # at once, in the session that is open


def test_8_1_4_2_b_nothing_is_shipped_with_a_password(world: Any) -> None:
    for name, role, _ in first.FIRST:
        held = world.hub.records.read(lambda c, name=name: accounts.get(c, name))
        assert not held.has_password and role in held.roles
        for plain in ("", name):
            assert sign_in(world, name, plain)[1].status_code == 401


def test_8_1_4_2_c_accounts_nobody_uses_sleep(world: Any) -> None:
    name = person(world)
    write(world, lambda tx: accounts.seen(tx.connection, name, at=world.hub.clock() - 91 * DAY))
    refused = sign_in(world, name)[1]
    assert refused.status_code == 401 and "sleeps" in refused.json()["detail"]
    with world.client("system_admin") as system:
        assert system.post(f"/api/accounts/{name}/enable").is_success
        client, answer = sign_in(world, name)
        assert answer.is_success
        assert system.post(f"/api/accounts/{name}/disable").is_success
    assert client.get("/api/session").status_code == 401


def test_8_1_4_2_d_nobody_is_two_administrators(world: Any) -> None:
    name = person(world, "leader")
    with world.client("security_admin") as security:
        for one in ADMINS:
            for other in ADMINS:
                if one != other:
                    given = {"roles": [one, other], "reason": "both"}
                    answer = security.post(f"/api/accounts/{name}/roles", json=given)
                    assert answer.status_code == 409, (one, other)
        own = security.post(
            "/api/accounts/t-security-admin/roles", json={"roles": ["audit_admin"], "reason": "me"}
        )
        assert own.status_code == 403
        assert (
            security.post("/api/accounts", json={"account": "abc", "name": "x"}).status_code == 403
        )
    refused = trail_of(world, object=name, verb="role.grant")
    assert refused[0]["outcome"] == "refused"


def test_8_1_4_2_e_f_the_policy_reaches_rows_and_fields(world: Any) -> None:
    told, case = report(world)
    town = next(one for one in world.towns() if one != _town(world, case))
    for division, seen in (("", True), (town, False)):
        client, _ = sign_in(world, person(world, division=division))
        assert client.get(f"/api/cases/{case}").is_success is seen
        assert client.get(f"/api/reports/{told}").is_success is seen
        assert (told in client.get("/api/reports").text) is seen
    client, _ = sign_in(world, person(world))
    assert "张三丰" not in client.get(f"/api/reports/{told}").text


def _town(world: Any, case: str) -> str:
    with world.client("commander") as commander:
        code = commander.get(f"/api/cases/{case}").json()["division"]
    while world.city.divisions[code].tier > 2:
        code = world.city.divisions[code].parent
    return str(code)


def test_8_1_4_2_g_labels_are_checked_when_read(world: Any) -> None:
    name = person(world, "hotline_agent")
    client, _ = sign_in(world, name)
    assert client.get("/api/reports").is_success
    with world.client("security_admin") as security:
        assert security.post(f"/api/accounts/{name}/level", json={"level": 2}).is_success
    assert client.get("/api/reports").status_code == 403
    assert client.get("/api/cases").is_success
    with world.client("system_admin") as system:
        assert system.post(f"/api/accounts/{name}/level", json={"level": 4}).status_code == 403


def test_8_1_4_3_a_b_what_matters_is_recorded_with_who_when_what_and_how(world: Any) -> None:
    name = person(world, "commander")
    sign_in(world, name, "Wrong-horse-7")
    client, _ = sign_in(world, name)
    told, case = report(world)
    client.post(f"/api/reports/{told}/reveal", json={"reason": "call back"})
    client.post(f"/api/cases/{case}/steps/note", json={"text": "seen"})
    client.post("/api/rules/publish", json={})
    with world.client("security_admin") as security:
        security.post(f"/api/accounts/{name}/roles", json={"roles": ["leader"], "reason": "r"})
    mine = trail_of(world, actor=name)
    assert {("session.open", "refused"), ("session.open", "done"), ("report.reveal", "done"),
            ("case.reveal", "done"), ("access.refused", "refused")} <= {
        (one["verb"], one["outcome"]) for one in mine
    }  # fmt: skip
    assert all(one["at"] and one["address"] for one in mine)
    granted = trail_of(world, object=name, verb="role.grant")[0]
    assert granted["detail"]["before"] == ["commander"]
    assert granted["detail"]["roles"] == ["leader"]


def test_8_1_4_3_c_records_are_protected(world: Any) -> None:
    for statement in (sa.update(trail).values(actor="x"), sa.delete(trail)):
        with pytest.raises(Exception, match="append-only"):
            write(world, lambda tx, s=statement: tx.connection.execute(s))
    assert audit.verify(world.hub.records) is None


def test_8_1_4_3_d_nothing_stops_the_recording(world: Any) -> None:
    with world.client() as nobody:
        paths = nobody.get("/api/openapi.json").json()["paths"]
    for path, methods in paths.items():
        if path.startswith("/api/audit"):
            assert set(methods) == {"get"}, path
    for method in ("POST", "DELETE", "PUT", "PATCH"):
        with world.client("system_admin") as system:
            assert system.request(method, "/api/audit", json={}).status_code in {404, 405}


def test_8_1_4_4_a_b_only_this_machine_is_served_unless_told(tmp_path: Path) -> None:
    assert Settings(pack="liyang", data=str(tmp_path)).host == "127.0.0.1"


def test_8_1_4_4_c_administrators_work_from_their_machines(world: Any, policy: Any) -> None:
    clients = [sign_in(world, person(world, role))[0] for role in (*ADMINS, "leader")]
    policy(admin_networks=(ipaddress.ip_network("10.1.2.0/24"),))
    assert [one.get("/api/session").status_code for one in clients] == [403, 403, 403, 200]
    policy(admin_networks=(ipaddress.ip_network("127.0.0.0/8"),))
    assert [one.get("/api/session").status_code for one in clients] == [200] * 4


def test_8_1_4_4_d_input_is_checked(world: Any) -> None:
    with world.client("duty_officer") as duty:
        for body in ({"channel": 7, "text": "x"}, {"text": "x"}, {"channel": "web", "more": 1}):
            answer = duty.post("/api/reports", json=body)
            assert answer.status_code == 422 and answer.json()["faults"], body
        assert duty.post("/api/reports", content=b"{").status_code == 400
        injected = duty.get("/api/reports/x' OR '1'='1")
        assert injected.status_code == 404


def test_8_1_4_5_files_are_what_they_say(world: Any) -> None:
    _, case = report(world)
    program = b"MZ\x90\x00" + bytes(200)
    with world.client("duty_officer") as duty:
        for name, kind in (("x.png", "image/png"), ("x.exe", "application/x-msdownload")):
            answer = duty.post(f"/api/cases/{case}/evidence", files={"file": (name, program, kind)})
            assert answer.status_code in {415, 422}, answer.text


def test_8_1_4_7_what_was_changed_in_storage_shows(world: Any) -> None:
    _, case = report(world)
    picture = b"\x89PNG\r\n\x1a\n" + bytes(64)
    with world.client("duty_officer") as duty:
        made = duty.post(f"/api/cases/{case}/evidence", files={"file": ("a.png", picture, "image/png")})  # fmt: skip  # noqa: E501
        assert made.is_success, made.text
        url = made.json()["url"]
        assert duty.get(url).content == picture
        (kept,) = [p for p in world.hub.data.rglob("*") if p.name == made.json()["evidence"]]
        kept.chmod(0o600)
        kept.write_bytes(picture[:-1] + b"x")
        answer = duty.get(url)
        assert answer.is_error and picture[:-1] not in answer.content
    # in transit: TLS (8.1.4.1 c); the trail: tests/access/test_verify_trail.py


def test_8_1_4_8_secrets_do_not_stand_in_storage(world: Any) -> None:
    name = person(world)
    client, _ = sign_in(world, name)
    cookie = client.cookies["tianmu_session"]
    begun = client.post("/api/session/factors/totp", json={"password": GOOD}).json()["secret"]
    link = write(world, lambda tx: token.make_link(
        tx.connection, name, at=world.hub.clock(), actor="t"))  # fmt: skip
    codes = write(world, lambda tx: factor.make_recovery(
        tx.connection, name, at=world.hub.clock()))  # fmt: skip
    bearer = world.tokens["commander"]
    raw = b"".join(path.read_bytes() for path in world.hub.data.glob("hub.sqlite*"))
    for secret in (GOOD, cookie, begun, link, codes[0], codes[0].replace("-", ""), bearer):
        assert secret.encode() not in raw
    for key in (world.hub.data / "keys").iterdir():
        assert key.stat().st_mode & 0o077 == 0


def test_8_1_4_10_nothing_is_left_behind(world: Any) -> None:
    client, _ = sign_in(world, person(world))
    cookie = client.cookies["tianmu_session"]
    assert world.hub.sessions.knows(cookie)
    gone = client.delete("/api/session")
    assert gone.headers["clear-site-data"] == '"cache", "storage"'
    assert not world.hub.sessions.knows(cookie)
    again = httpx.get(f"{world.url}/api/session", headers={"Cookie": f"tianmu_session={cookie}"})
    assert again.status_code == 401
    with world.client("duty_officer") as duty:  # and no browser keeps what it was shown
        assert duty.get("/api/reports").headers["cache-control"] == "no-store"


def test_8_1_4_11_personal_data_are_shown_for_a_purpose_only(world: Any) -> None:
    told, case = report(world)
    number = re.compile(r"13812345678|张三丰")
    with world.client("commander") as commander:
        for path in ("/api/reports", f"/api/reports/{told}", "/api/cases", f"/api/cases/{case}",
                     f"/api/cases/{case}/exposure"):  # fmt: skip
            assert not number.search(commander.get(path).text), path
        assert commander.post(f"/api/reports/{told}/reveal", json={}).status_code == 422
        shown = commander.post(f"/api/reports/{told}/reveal", json={"reason": "call back"})
        assert number.search(shown.text)
        seen = commander.get(f"/api/cases/{case}/exposure").json()["items"]
    assert ("revealed", "call back") in {(one["deed"], one["reason"]) for one in seen}
    with world.client("leader") as leader:
        assert leader.post(f"/api/reports/{told}/reveal", json={"reason": "x1"}).status_code == 403


@pytest.mark.parametrize("admin", ADMINS)
def test_8_1_5_each_administrator_has_a_part(world: Any, admin: str) -> None:
    may = {
        "system_admin": {"account.write": True, "role.grant": False, "audit.read": False},
        "security_admin": {"account.write": False, "role.grant": True, "audit.read": False},
        "audit_admin": {"account.write": False, "role.grant": False, "audit.read": True},
    }[admin]
    for permission, held in may.items():
        assert (permission in ROLES[admin].permissions) is held
    changes = {
        p for p in ROLES[admin].permissions if p.rpartition(".")[2] not in {"read", "export"}
    }
    others = set().union(*(ROLES[one].permissions for one in ADMINS if one != admin))
    assert changes.isdisjoint(others), "two administrators may change the same"
    assert not any(p.startswith(("case.", "alarm.", "report.")) for p in changes)
    # what they do is in the trail: a change that is let through, and one that is not
    name = person(world, "leader")
    tries = {
        "system_admin": (f"/api/accounts/{name}/change", {"tier": 2}, "account.change"),
        "security_admin": (f"/api/accounts/{name}/level", {"level": 3}, "account.level"),
        "audit_admin": (f"/api/accounts/{name}/disable", {}, "access.refused"),
    }
    path, body, verb = tries[admin]
    with world.client(admin) as client:
        client.post(path, json=body)
    assert trail_of(world, actor=f"t-{admin}".replace("_", "-"))[0]["verb"] == verb
