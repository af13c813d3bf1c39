"""A city with TLS: who trusts its authority gets in by every door, who does not is refused."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import http.cookies
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import sync_playwright

from chromium import find
from tianmu.access import tls
from tianmu.app import certificate
from tianmu.app.settings import Settings
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, Started, connect, start_city
from tianmu.rehearse.field.gateway import Gateway
from tianmu.sense.http.server import Server
from waiting import eventually

from .town import fresh, kind_of, register, tianmu, value

DOORS = ("web", "http", "mqtt")


class TlsCity:
    """A city that was started with an expiring certificate of its own."""

    def __init__(self, started: Started, before: bytes, authority: bytes) -> None:
        self.data = started.data
        self.before, self.authority_before = before, authority
        self.city: City = connect(started.data)

    @property
    def authority(self) -> Path:
        return self.data / "tls" / "ca.pem"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsCity]:
    data = tmp_path_factory.mktemp("secure")
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=tls.SERVER_DAYS - 20)
    files = tls.local(data, now=past)
    before, authority = files.certificate.read_bytes(), files.authority.read_bytes()
    started = start_city(data, "--tls", "local", "--tls-name", "city.example")
    try:
        yield TlsCity(started, before, authority)
    finally:
        started.stop()


def shown(port: int, context: ssl.SSLContext, name: str = "127.0.0.1") -> x509.Certificate:
    """The certificate that a door shows to a client with this trust, by this name."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as raw,
        context.wrap_socket(raw, server_hostname=name) as peer,
    ):
        der = peer.getpeercert(binary_form=True)
        assert der is not None
        return x509.load_der_x509_certificate(der)


@pytest.mark.parametrize("door", DOORS)
def test_who_trusts_the_authority_gets_in(secure: TlsCity, door: str) -> None:
    port = secure.city.ports[door]
    trusting = ssl.create_default_context(cafile=secure.authority)
    for name in ("127.0.0.1", "localhost", "city.example"):
        shown(port, trusting, name)
    with pytest.raises(ssl.SSLCertVerificationError):
        shown(port, trusting, "other.example")


@pytest.mark.parametrize("door", DOORS)
def test_who_does_not_is_refused(secure: TlsCity, door: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shown(secure.city.ports[door], ssl.create_default_context())


def test_nothing_is_answered_without_tls(secure: TlsCity) -> None:
    for door in ("web", "http"):
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{secure.city.ports[door]}/api/about", timeout=10)


def test_the_expiring_certificate_was_renewed_at_the_start(secure: TlsCity) -> None:
    trusting = ssl.create_default_context(cafile=secure.authority)
    now = datetime.datetime.now(datetime.UTC)
    before = x509.load_pem_x509_certificate(secure.before)
    for door in DOORS:
        held = shown(secure.city.ports[door], trusting)
        assert held.serial_number != before.serial_number
        assert held.not_valid_after_utc - now > datetime.timedelta(days=300)
    assert secure.authority.read_bytes() == secure.authority_before, "nobody installs it anew"


def test_the_probe_passes(secure: TlsCity) -> None:
    done = tianmu("probe", "--data", str(secure.data), "--json")
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout.splitlines()[-1])["ok"]
    status = json.loads(tianmu("status", "--data", str(secure.data), "--json").stdout)
    assert status["url"] == f"https://city.example:{secure.city.ports['web']}"


def test_the_authority_is_given_to_whoever_visits(secure: TlsCity) -> None:
    with httpx.Client(base_url=secure.city.url, verify=secure.city.tls or True) as visitor:
        about = visitor.get("/api/about").json()
        given = visitor.get("/api/tls/ca.pem")
        assert visitor.get("/trust").status_code == 200
    assert given.headers["content-type"] == "application/x-x509-ca-cert"
    assert 'filename="tianmu-ca.crt"' in given.headers["content-disposition"]
    held = x509.load_pem_x509_certificate(given.content)
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(given.text)).hexdigest()
    assert about["authority"] is True
    assert about["fingerprint"].replace(":", "").lower() == digest
    assert about["authority_name"] in held.subject.rfc4514_string()
    assert about["authority_until"].startswith(f"{held.not_valid_after_utc:%Y-%m-%dT%H:%M:%S}")
    printed = (secure.data / "up.log").read_text()
    assert about["fingerprint"] in printed, "there is something to compare it with"
    assert f"https://city.example:{secure.city.ports['web']}/trust" in printed
    assert "http://" not in printed


def test_the_session_cookie_is_for_tls_only(secure: TlsCity) -> None:
    link = json.loads((secure.data / "run" / "hub.json").read_text())["link"]
    with httpx.Client(base_url=secure.city.url, verify=secure.city.tls or True) as browser:
        answer = browser.post(
            "/api/session/link", json={"token": link}, headers={"X-Requested-With": "tianmu"}
        )
        assert answer.status_code == 200, answer.text
        assert browser.get("/api/session").status_code == 200
    cookie = http.cookies.SimpleCookie(answer.headers["set-cookie"])["tianmu_session"]
    assert cookie["secure"] and cookie["httponly"] and cookie["samesite"] == "Strict"
    assert "strict-transport-security" not in answer.headers, "its authority may be made anew"


def test_observations_by_http_and_mqtt(secure: TlsCity) -> None:
    city = secure.city
    kind, prop = kind_of(city, "main")
    device = register(city, kind)
    http_source, mqtt_source = fresh("http"), fresh("mqtt")
    token = equipment.source(city, http_source, "http")
    password = equipment.source(city, mqtt_source, "mqtt")

    def body(figure: float) -> bytes:
        at = time.time_ns() // 1_000_000
        one = {"datastream": f"{device}/{prop['code']}", "time": at, "value": figure}
        return json.dumps([one]).encode()

    async def send() -> int:
        gateway = Gateway(city.gate_url, token, tls=city.tls)
        while not gateway.counts["accepted"]:  # until gate has heard of the source
            await gateway.send(body(1.0), fresh("key"))
            await asyncio.sleep(0.1)
        await gateway.close()
        return gateway.counts["accepted"]

    assert asyncio.run(asyncio.wait_for(send(), 15)) == 1
    eventually(lambda: value(city, device, prop["code"])["value"] == 1.0, what="sent by HTTP")

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=mqtt_source)
    client.username_pw_set(mqtt_source, password)
    assert city.tls is not None
    client.tls_set_context(city.tls)
    client.connect(city.host, city.ports["mqtt"])
    client.loop_start()
    try:
        eventually(client.is_connected, what="the broker knows the source")
        client.publish(f"tianmu/{mqtt_source}/observations", body(2.0), qos=1).wait_for_publish(10)
        eventually(lambda: value(city, device, prop["code"])["value"] == 2.0, what="sent by MQTT")
    finally:
        client.disconnect()
        client.loop_stop()


def test_the_page_that_installs_it(secure: TlsCity) -> None:
    fingerprint = tls.about(secure.authority).fingerprint
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
            browser.new_page().goto(f"{secure.city.url}/trust")
        page = browser.new_context(ignore_https_errors=True, locale="zh-CN").new_page()
        page.goto(f"{secure.city.url}/login")
        page.get_by_text("安装本市证书").click()
        page.wait_for_url("**/trust")
        assert page.locator("[data-fingerprint]").inner_text().split() == fingerprint.split(":")
        for name in ("Windows", "macOS", "iPhone / iPad", "Android", "Linux"):
            page.get_by_role("tab", name=name).click()
            assert page.locator("#steps li").count() >= 3, name
        page.get_by_text("English").click()
        with page.expect_download() as download:
            page.get_by_text("Download the certificate").last.click()
        assert download.value.suggested_filename == "tianmu-ca.crt"
        assert Path(download.value.path()).read_bytes() == secure.authority.read_bytes()
        browser.close()


def test_wrong_files_are_told_before_anything_starts(tmp_path: Path) -> None:
    one, other = tls.local(tmp_path / "one"), tls.local(tmp_path / "other")
    data = tmp_path / "city"

    def up(*arguments: str) -> str:
        done = tianmu("up", "--data", str(data), "--port", "0", *arguments)
        assert done.returncode != 0
        assert not (data / "run" / "hub.json").exists() and not list(data.glob("*.sqlite"))
        said = done.stderr.decode()
        assert "Traceback" not in said
        return said

    said = up("--tls-cert", str(one.certificate), "--tls-key", str(other.key))
    assert "is not the key of" in said and "nothing was started" in said
    assert "both or neither" in up("--tls-cert", str(one.certificate))
    assert "does not exist" in up("--tls-cert", "no-such.pem", "--tls-key", str(one.key))
    assert "one of them" in up(
        "--tls", "local", "--tls-cert", str(one.certificate), "--tls-key", str(one.key)
    )
    assert "neither a DNS name" in up("--tls", "local", "--tls-name", "https://city.lan")
    (data / "tls").mkdir(parents=True)
    (data / "tls" / "ca.pem").write_text("?")
    (data / "tls" / "ca.key").write_text("?")
    assert "does not hold what this city put there" in up("--tls", "local")


def test_a_renewed_certificate_is_served_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are replaced while a door is open: the next visitor sees the new ones."""
    monkeypatch.setattr(certificate, "SEE_EVERY", 0.05)
    files = tls.local(tmp_path)
    settings = Settings(
        pack="", data=str(tmp_path), tls_certificate=str(files.certificate), tls_key=str(files.key)
    )
    fresh_files = tls.local(tmp_path / "renewed")

    async def app(scope: object, receive: object, send: object) -> None:
        """Nothing is asked of it."""

    async def go() -> tuple[int, int]:
        server = Server(app, certificate=settings.certificate, lifespan="off")
        port = await server.start("127.0.0.1", 0)
        stop = asyncio.Event()
        task = asyncio.create_task(certificate.serve_renewed(settings, stop, server.renew))
        await asyncio.sleep(0)
        context = tls.trusting(None, files.certificate)
        before = (await asyncio.to_thread(shown, port, context)).serial_number
        fresh_files.certificate.replace(files.certificate)
        await asyncio.sleep(0.2)  # one without the other is not taken
        assert (await asyncio.to_thread(shown, port, context)).serial_number == before
        fresh_files.key.replace(files.key)
        tls.trust_also(context, files.certificate)
        await asyncio.sleep(0.3)
        after = (await asyncio.to_thread(shown, port, context)).serial_number
        stop.set()
        await task
        await server.stop()
        return before, after

    before, after = asyncio.run(go())
    assert after != before
    assert after == tls.examine(files.certificate, files.key).serial_number
