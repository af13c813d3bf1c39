"""The city's own sign-on, against a provider that is another process: OpenID Connect by code."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tianmu.access import account as accounts
from tianmu.access import factor, identity, password, totp
from tianmu.access.identity import Identity
from tianmu.web import sign_on
from tianmu.web.sign_on import BadSettings, SignOn

PROVIDER = Path(__file__).parent / "oidc_provider.py"
SECRET = "the-clients-secret"


@pytest.fixture(scope="module")
def provider(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, PROVIDER], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    issuer = process.stdout.readline().strip()
    folder = tmp_path_factory.mktemp("sign-on")
    (folder / "secret").write_text(SECRET + "\n")
    (folder / "sign-on.toml").write_text(
        f'issuer = "{issuer}"\nclient_id = "tianmu"\nclient_secret_file = "secret"\n'
        f'address = "{world.url}"\nname = {{ zh = "统一身份认证", en = "City sign-on" }}\n'
    )
    world.hub.sign_on = SignOn(folder / "sign-on.toml")
    for name, roles in (
        ("li", ["duty_officer"]), ("hu", ["commander"]), ("he", ["dispatcher"]),
        ("root", ["system_admin"]), ("gone", ["leader"]), ("ma", ["commander"]),
        ("su", ["dispatcher"]),
    ):  # fmt: skip
        world.account(name, roles)
    yield issuer
    world.hub.sign_on.close()
    world.hub.sign_on = None
    process.kill()
    process.wait()


def play(provider: str, name: str, sub: str = "", fault: str = "", **claims: Any) -> None:
    claims = {"preferred_username": name, "sub": sub or f"sub-{name}", **claims}
    httpx.post(f"{provider}/play", json={"claims": claims, "fault": fault})


def come(world: Any, to: str = "/desk", fresh: bool = False) -> tuple[httpx.Client, httpx.Response]:
    """Go there and come back, as a browser does; the last answer of ours."""
    browser = httpx.Client(base_url=world.url, timeout=20, headers={"X-Requested-With": "tianmu"})
    away = browser.get("/api/session/sign-on", params={"to": to, "fresh": fresh})
    assert away.status_code == 303, away.text
    back = httpx.get(away.headers["location"])
    return browser, browser.get(back.headers["location"])


def trail(world: Any) -> list[Any]:
    with world.client("audit_admin") as auditor:
        return list(auditor.get("/api/audit", params={"limit": 5}).json()["items"])


def test_there_and_back(world: Any, provider: str) -> None:
    with world.client() as nobody:
        assert nobody.get("/api/session/ways").json()["sign_on"]["en"] == "City sign-on"
    play(provider, "li")
    browser, answer = come(world)
    assert answer.status_code == 303 and answer.headers["location"] == "/desk"
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert browser.get("/api/session").json()["account"] == "li"
    # who it is counts from now on, not what they are called
    play(provider, "hu", sub="sub-li")
    assert come(world)[0].get("/api/session").json()["account"] == "li"
    # and nobody else of the sign-on becomes li by being called so
    play(provider, "li", sub="somebody else")
    answer = come(world)[1]
    assert answer.headers["location"] == "/login?sign_on=unknown"
    assert "bound to somebody else" in trail(world)[0]["detail"]["reason"]


@pytest.mark.parametrize(
    ("name", "why"),
    [("nobody", "no account"), ("root", "administrators"), ("t-kiosk", "a program's"), ("", "no")],
)
def test_who_is_not_let_in(world: Any, provider: str, name: str, why: str) -> None:
    play(provider, name, sub=f"sub of {name}")
    browser, answer = come(world)
    assert answer.headers["location"] == "/login?sign_on=unknown"
    assert why in trail(world)[0]["detail"]["reason"]
    assert browser.get("/api/session").status_code == 401
    # nothing was bound by that
    assert come(world)[1].headers["location"] == "/login?sign_on=unknown"


@pytest.mark.parametrize(
    "fault",
    [
        "nonce", "audience", "issuer", "over", "future", "alg none", "other key", "unknown key",
        "denied",
    ],
)  # fmt: skip
def test_what_does_not_hold_is_refused(world: Any, provider: str, fault: str) -> None:
    play(provider, "li", fault=fault)
    browser, answer = come(world)
    assert answer.headers["location"] == "/login?sign_on=refused", fault
    assert browser.get("/api/session").status_code == 401


def test_the_answer_is_taken_once_and_in_one_browser(world: Any, provider: str) -> None:
    play(provider, "li")
    browser = httpx.Client(base_url=world.url, timeout=20)
    away = browser.get("/api/session/sign-on", params={"to": "//evil.example"})
    back = httpx.get(away.headers["location"]).headers["location"]
    with httpx.Client(base_url=world.url) as other:  # somebody is made to sign in as another
        assert other.get(back).headers["location"] == "/login?sign_on=state"
    assert browser.get(back).headers["location"] == "/login?sign_on=state"  # spent by that
    away = browser.get("/api/session/sign-on", params={"to": "//evil.example"})
    asked = parse_qs(urlsplit(away.headers["location"]).query)
    back = httpx.get(away.headers["location"]).headers["location"]
    wrong = back.replace(asked["state"][0], "x" * 43)
    assert browser.get(wrong).headers["location"] == "/login?sign_on=state"
    other_issuer = back.replace("iss=", "iss=x")
    assert browser.get(other_issuer).headers["location"] == "/login?sign_on=refused"
    away = browser.get("/api/session/sign-on", params={"to": "//evil.example"})
    back = httpx.get(away.headers["location"]).headers["location"]
    assert browser.get(back).headers["location"] == "/"  # nobody is sent to other sites
    assert browser.get(back).headers["location"] == "/login?sign_on=state"


def test_the_provider_takes_another_key(
    world: Any, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(provider, "li")
    assert come(world)[1].headers["location"] == "/desk"
    httpx.post(f"{provider}/rotate")
    # its keys are not asked for at every token that names an unknown one …
    assert come(world)[1].headers["location"] == "/login?sign_on=refused"
    monkeypatch.setattr(sign_on, "ASK_AGAIN", 0.0)
    assert come(world)[1].headers["location"] == "/desk"  # … but soon


def test_a_second_step_unless_the_provider_took_one(world: Any, provider: str) -> None:
    hub = world.hub
    hub.records.transact(
        lambda tx: factor.add_passkey(
            tx.connection, "he", credential=b"c-he", public=b"k", count=0, site="x", name="",
            at=hub.clock(),
        )
    )  # fmt: skip
    play(provider, "he")
    browser, answer = come(world)
    where = answer.headers["location"]
    assert where.startswith("/login?to=/desk#second=") and where.endswith("ways=passkey")
    assert browser.get("/api/session").status_code == 401
    # by the first visit nothing was bound: our own factor is asked for until it was given
    play(provider, "he", amr=["pwd", "mfa"])
    assert "#second=" in come(world)[1].headers["location"]
    who = Identity(provider, "sub-he")
    hub.records.transact(
        lambda tx: identity.bind(tx.connection, who, "he", at=hub.clock(), address="::1")
    )
    browser, answer = come(world)
    assert browser.get("/api/session").json()["account"] == "he"


def test_the_first_time_an_account_that_has_a_password_is_proved(world: Any, provider: str) -> None:
    """Else whoever may name himself at the sign-on becomes any account that did not use it yet."""
    hub = world.hub
    kept = password.digest("Correct-horse-7")
    hub.records.transact(
        lambda tx: accounts.set_password(tx.connection, "ma", kept, at=hub.clock())
    )
    play(provider, "ma", sub="somebody", amr=["mfa"])
    for _ in range(2):
        browser, answer = come(world)
        assert answer.headers["location"].endswith("ways=password")
        assert browser.get("/api/session").status_code == 401
    ticket = answer.headers["location"].partition("#second=")[2].partition("&")[0]
    for way, code, status in (
        ("totp", "000000", 401),
        ("password", "Wrong-horse-7", 401),
        ("password", "Correct-horse-7", 200),
        ("password", "Correct-horse-7", 401),
    ):
        given = {"ticket": ticket, "way": way, "code": code}
        assert browser.post("/api/session/second", json=given).status_code == status, way
    assert browser.get("/api/session").json()["account"] == "ma"
    assert come(world)[0].get("/api/session").json()["account"] == "ma"  # bound from now on
    with world.client("audit_admin") as auditor:
        found = auditor.get("/api/audit", params={"object": "ma", "verb": "identity."}).json()
    assert [one["detail"]["subject"] for one in found["items"]] == ["somebody"]


def test_the_first_time_an_account_that_has_an_app_is_proved_by_it(
    world: Any, provider: str
) -> None:
    hub = world.hub

    def enrol(tx: Any) -> bytes:
        c, at = tx.connection, hub.clock()
        secret = base64.b32decode(factor.begin_totp(c, "su", hub.keys, at=at))
        given = totp.code(secret, totp.step_of(at) - 1)
        assert factor.confirm_totp(c, "su", given, hub.keys, at=at)
        return secret

    secret = hub.records.transact(enrol)
    play(provider, "su", amr=["mfa"])
    browser, answer = come(world)
    ticket = answer.headers["location"].partition("#second=")[2].partition("&")[0]
    given = {"ticket": ticket, "way": "totp", "code": totp.code(secret, totp.step_of(hub.clock()))}
    assert browser.post("/api/session/second", json=given).status_code == 200
    assert come(world)[0].get("/api/session").json()["account"] == "su"


def test_who_came_by_it_proves_anew_who_they_are_by_it(world: Any, provider: str) -> None:
    change = {"new": "Better-horse-8"}
    play(provider, "hu", sub="sub-of-hu")
    browser, _ = come(world)
    refused = browser.post("/api/session/password", json=change)
    assert refused.status_code == 403 and refused.json()["type"].endswith("proof-needed")
    play(provider, "hu", sub="sub-of-hu", fault="not asked")
    assert come(world, fresh=True)[1].headers["location"] == "/login?sign_on=refused"
    play(provider, "hu", sub="sub-of-hu")
    browser, _ = come(world, fresh=True)
    assert browser.post("/api/session/password", json=change).status_code == 204


def test_a_disabled_account_stays_out(world: Any, provider: str) -> None:
    play(provider, "gone")
    assert come(world)[0].get("/api/session").status_code == 200
    hub = world.hub
    hub.records.transact(lambda tx: accounts.disable(tx.connection, "gone", at=hub.clock()))
    hub.sessions.forget("gone")
    assert come(world)[1].headers["location"] == "/login?sign_on=disabled"


def test_off_unless_it_is_set(world: Any, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.hub, "sign_on", None)
    with world.client() as nobody:
        assert nobody.get("/api/session/ways").json()["sign_on"] is None
        assert nobody.get("/api/session/sign-on").status_code == 404


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("issuer = 1", "Expected `str`"),
        ('issuer = "http://sso.city.example"', "https"),
        ('issuer = "https://sso.city.example"\nscopes = ["profile"]', "openid"),
        ('issuer = "https://sso.city.example"\nclient_secret_file = "no"', "there is no"),
        ('issuer = "https://sso.city.example"\nsecret = "x"', "unknown field"),
        ("issuer =", "example"),
    ],
)
def test_faulty_settings_say_what_to_mend(tmp_path: Path, text: str, says: str) -> None:
    rest = '\nclient_id = "t"\naddress = "https://city.example"\nname = { en = "x" }\n'
    (tmp_path / "f.toml").write_text(text + rest)
    with pytest.raises(BadSettings, match=says):
        sign_on.read(tmp_path / "f.toml")


def test_a_provider_that_is_away(world: Any, provider: str, tmp_path: Path) -> None:
    (tmp_path / "f.toml").write_text(
        'issuer = "http://127.0.0.1:9"\nclient_id = "t"\naddress = "https://city.example"\n'
        'name = { en = "x" }\n'
    )
    held, world.hub.sign_on = world.hub.sign_on, SignOn(tmp_path / "f.toml")
    with world.client() as nobody:
        answer = nobody.get("/api/session/sign-on")
    world.hub.sign_on.close()
    world.hub.sign_on = held
    assert answer.headers["location"] == "/login?sign_on=away"
