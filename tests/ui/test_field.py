"""/field on a phone over TLS with the line cut: nothing is lost, nothing counts twice, whoever was
first is shown, and the app opens where there is no line at all."""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tianmu.access import token
from tianmu.access.scope import WHOLE
from tianmu.city.coordinates import gcj02_to_wgs84
from tianmu.city.pack import load
from tianmu.web import moment
from tianmu.web.hub import UI
from ui.phone import GRID, Phone, TlsLine, picture
from web.conftest import make_world
from whole.town import eventually

pytestmark = pytest.mark.browser
SOON = 12_000
WORKER = """navigator.serviceWorker.getRegistration("/field")
  .then(one => one?.active?.state === "activated" && new URL(one.scope).pathname)"""
APART = count()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    making = make_world(tmp_path_factory.mktemp("field"), load("liyang"), ui=UI)
    found = next(making)
    stop = threading.Event()
    cases = threading.Thread(target=found.hub.manage.run, args=(stop, 0.2), daemon=True)
    cases.start()
    yield found
    stop.set()
    cases.join(5)
    making.close()


@pytest.fixture(scope="module")
def line(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsLine]:
    found = TlsLine(world.url, tmp_path_factory.mktemp("tls"))
    yield found
    found.close()


def order(world: Any) -> str:
    """A new case with an order to its department."""
    words = f"street lamp {uuid.uuid4().hex}"
    with world.client("integrator") as program:
        place = {"longitude": 119.31 + next(APART) * 0.04, "latitude": 31.43}
        body = {"channel": "app", "text": words, "matter": world.matter(), "place": place}
        report = program.post("/api/reports", json=body).json()["report"]
    find: Callable[[], str] = lambda: world.hub.manage.case_of([report], "report").get(report)  # noqa: E731
    case = eventually(find)
    with world.client("commander") as centre:
        for step in ("verify", "file", "order"):
            held = centre.get(f"/api/cases/{case}").json()
            if step in {one["step"] for one in held["actions"]} and not held["orders"]:
                done = centre.post(f"/api/cases/{case}/steps/{step}", json={})
                assert done.status_code == 200, done.text
    return str(case)


def steps(world: Any, case: str, step: str) -> list[dict[str, Any]]:
    with world.client("commander") as client:
        events = client.get(f"/api/cases/{case}").json()["events"]
    return [one for one in events if one["step"] == step]


def command(world: Any, case: str, step: str, **body: Any) -> None:
    with world.client("commander") as client:
        done = client.post(f"/api/cases/{case}/steps/{step}", json=body)
        assert done.status_code == 200, done.text


def sign_in(world: Any, phone: Phone, account: str) -> None:
    at = world.hub.clock()
    link = world.hub.records.transact(
        lambda tx: token.make_link(tx.connection, account, at=at, actor="test")
    )
    phone.go(f"/open?to=/field#{link}")
    expect(phone.page.locator("nav.bar")).to_be_visible(timeout=SOON)


@pytest.fixture(scope="module")
def phone(world: Any, line: TlsLine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    """Of a worker of the department that all orders here go to, who also reports and patrols."""
    unit = world.hub.manage.case(order(world), WHOLE).orders[0].unit
    world.account("crew", ["department_worker", "grid_worker"], department=unit)
    with sync_playwright() as playwright:
        found = Phone(playwright, line, tmp_path_factory.mktemp("phone"))
        sign_in(world, found, "crew")
        eventually(lambda: found.page.evaluate(WORKER), 15, "the service worker")
        yield found
        found.die()
    assert not found.broke, found.broke


@pytest.fixture
def page(phone: Phone) -> Iterator[Page]:
    phone.find_signal()
    yield phone.page
    phone.find_signal()


def take_along(phone: Phone, case: str) -> None:
    """The phone has the case with it."""
    phone.go("/field")
    expect(phone.page.locator(f"[data-case={case}]")).to_be_visible(timeout=SOON)


def attach(page: Page, role: str) -> None:
    file = {"name": "IMG_1.png", "mimeType": "image/png", "buffer": picture()}
    page.locator(f"[data-photo={role}]").set_input_files([file])  # type: ignore[list-item]
    expect(page.locator("figure img").last).to_be_visible(timeout=SOON)


def nothing_waits(phone: Phone) -> bool:
    return all(one["state"] == "sent" for one in phone.kept("deeds"))


def test_it_can_be_installed(phone: Phone, page: Page) -> None:
    phone.go("/field")
    expect(page.locator("nav.bar")).to_be_visible(timeout=SOON)
    tool = phone.context.new_cdp_session(page)
    manifest = eventually(
        lambda: (told := tool.send("Page.getAppManifest"))["url"] and told, 10, "manifest"
    )
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/field.webmanifest")
    assert tool.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert page.evaluate(WORKER) == "/field"
    for size in (192, 512):
        icon = page.request.get(f"{phone.line.base}/icons/field-{size}.png")
        assert icon.headers["content-type"] == "image/png"
        assert icon.body()[16:24] == size.to_bytes(4, "big") * 2


def test_what_is_done_without_a_line_is_sent_once(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    expect(page.locator(f"[data-case={case}] .due")).to_contain_text("前")
    phone.go("/field/report")  # its map and matters are on the phone from then on
    expect(page.locator("button.class").first).to_be_visible(timeout=SOON)
    eventually(lambda: any("layers" in one for one in phone.kept("kept")), 15, "the map")

    phone.lose_signal()
    phone.die()
    phone.start(f"/field/orders/{case}")
    page = phone.page
    expect(page.locator(".strip.off")).to_be_visible(timeout=SOON)
    page.locator("[data-step=accept]").click(timeout=SOON)
    page.locator("[name=submit]").click()
    page.locator("[data-step=feed_back]").click(timeout=SOON)
    page.locator("[name=text]").fill("已更换灯具，恢复照明")
    page.locator("[name=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("请拍一张处置后照片")
    attach(page, "handle_after")
    eventually(lambda: any(one.get("taken") for one in phone.kept("drafts")), 5, "the draft")
    page.reload()  # it is there again, with its photo
    page.locator("[data-step=feed_back]").click(timeout=SOON)
    expect(page.locator("[name=text]")).to_have_value("已更换灯具，恢复照明")
    expect(page.locator("figure img")).to_be_visible()
    page.locator("[name=submit]").click()
    # what is sent off while the phone still writes stays a draft
    eventually(lambda: len(phone.kept("deeds")) == 3, 15, "the result and its photo")

    words = f"井盖破损 {uuid.uuid4().hex[:8]}"
    phone.go("/field/report")
    page.locator("button.class").first.click(timeout=SOON)
    page.locator("[data-matter]").first.click()
    attach(page, "near")
    page.locator("[name=text]").fill(words)
    expect(page.locator(".hint", has_text="精度约")).to_be_visible(timeout=SOON)
    page.locator("form [name=submit]").click()
    expect(page.locator("[data-state=waiting]")).to_have_count(5, timeout=SOON)
    assert {one for one in phone.kept("files") if one} and max(phone.kept("files")) < 700_000

    phone.die()
    phone.start("/field/outbox")
    page = phone.page
    expect(page.locator("[data-state=waiting]")).to_have_count(5, timeout=SOON)
    before = world.hub.clock()
    phone.find_signal()
    expect(page.locator("[data-state=sent]")).to_have_count(5, timeout=SOON)
    assert phone.kept("files") == []

    accepted, done = steps(world, case, "accept"), steps(world, case, "feed_back")
    photos = steps(world, case, "evidence")
    assert (len(accepted), len(done), len(photos)) == (1, 1, 1)
    assert moment.read(accepted[0]["done_at"]) < before <= moment.read(accepted[0]["at"]) + 1000
    assert done[0]["data"]["evidence"] == [photos[0]["data"]["digest"]]
    assert photos[0]["data"]["place"]["longitude"] == pytest.approx(119.4842)
    content = world.hub.manage.evidence.read(photos[0]["data"]["digest"])
    assert content.startswith(b"\xff\xd8\xff")
    assert b"13912345678" not in content and b"Exif" not in content
    with world.client("commander") as centre:
        found = centre.get("/api/cases", params={"q": words}).json()["items"]
        assert len(found) == 1
        whole = centre.get(f"/api/cases/{found[0]['case']}").json()
    assert len(whole["members"]) == len(whole["evidence"]) == 1
    assert whole["members"][0]["channel"] == "grid"


def test_an_answer_that_was_lost_counts_once(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    page.locator("[data-step=note]").click(timeout=SOON)
    page.locator("[name=text]").fill("道路狭窄，请派小车")
    lost = phone.line.lost
    phone.line.lose = sent = f"POST /api/cases/{case}/steps/note".encode()
    page.locator("[name=submit]").click()
    eventually(lambda: phone.line.lost > lost, 10, "an answer is lost")
    eventually(lambda: nothing_waits(phone), 20, "sent again")
    assert len(steps(world, case, "note")) == 1
    assert phone.line.asked.count(sent) == 2, "by the browser itself, or by us"


def test_what_changed_meanwhile_is_shown(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=accept]").click(timeout=SOON)
    page.locator("[name=submit]").click()
    expect(page.locator("[data-step=feed_back]")).to_be_visible(timeout=SOON)
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("已出发")
    page.locator("[name=submit]").click()
    order_ = world.hub.manage.case(case, WHOLE).orders[0].order
    command(world, case, "note", data={"text": "harmless"})
    command(world, case, "cancel", reason="duplicate", data={"order": order_})
    phone.find_signal()
    page.locator("[data-tab=outbox]").click()
    refused = page.locator("[data-state=refused]")
    expect(refused).to_have_count(1, timeout=SOON)
    expect(refused).to_contain_text("您离线期间案件有变化")
    expect(refused.locator("li")).to_have_count(2)
    assert page.locator("[data-state=waiting]").count() == 1, "the one after it is held back"
    page.locator("[name=insist]").click()
    expect(refused).to_contain_text("案件现状已不允许这一步", timeout=SOON)
    page.locator("[name=give-up]").click()
    page.locator("[name=drop]").click()
    expect(refused).to_have_count(0, timeout=SOON)
    eventually(lambda: nothing_waits(phone))
    assert steps(world, case, "accept") == []


def mark(world: Any, case: str) -> None:
    """A mark of a limit is passed: nobody's change."""

    def pass_it(work: Any) -> None:
        draft = work.draft(case)
        draft.add("warn", {"marks": []})
        work.take(work.state(case), draft)

    world.hub.manage._work(pass_it)


@pytest.mark.parametrize("people", [True, False])
def test_what_does_not_matter_holds_nothing_up(
    world: Any, phone: Phone, page: Page, people: bool
) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=accept]").click(timeout=SOON)
    page.locator("[name=submit]").click()
    page.locator("[data-step=feed_back]").wait_for(timeout=SOON)
    page.locator("[data-step=note]").click()
    page.locator("[name=text]").fill("已出发")
    page.locator("[name=submit]").click()
    mark(world, case)
    if people:
        command(world, case, "note", data={"text": "the resident will be there"})
        command(world, case, "urge", reason="it is dark")
    phone.find_signal()
    eventually(lambda: len(steps(world, case, "accept")) == 1)
    eventually(lambda: nothing_waits(phone))
    assert len(steps(world, case, "note")) == 1 + people


def test_it_is_checked_on_the_spot(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    state = world.hub.manage.case(case, WHOLE)
    name = f"c{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["department_worker"], department=state.orders[0].unit)
    with world.client(name) as crew:
        for step, data in (("accept", {}), ("feed_back", {"result": "mended"})):
            done = crew.post(f"/api/cases/{case}/steps/{step}", json={"data": data})
            assert done.status_code == 200, done.text
    place = state.place
    there = {"longitude": place.longitude, "latitude": place.latitude, "accuracy": 8}
    phone.context.set_geolocation(there)  # type: ignore[arg-type]
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=check]").click(timeout=SOON)
    attach(page, "near")
    page.locator("[name=submit]").click()
    phone.find_signal()
    checked = eventually(
        lambda: (
            steps(world, case, "check")
            or [one for one in phone.kept("deeds") if one["state"] == "refused"]
        )
    )
    assert [one.get("why") for one in checked] == [None]
    assert checked[0]["data"]["place"]["latitude"] == pytest.approx(place.latitude, abs=1e-4)
    assert checked[0]["data"]["evidence"]
    phone.context.set_geolocation(GRID)  # type: ignore[arg-type]


def test_map_apps_get_their_own_coordinates(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    place = world.hub.manage.case(case, WHOLE).place
    at = pytest.approx((place.longitude, place.latitude), abs=2e-6)
    links = {
        key: unquote(page.locator(f"[data-nav={key}]").get_attribute("href") or "")
        for key in ("phone", "amap", "baidu")
    }
    latitude, longitude = links["phone"].removeprefix("geo:").partition("?")[0].split(",")
    assert (float(longitude), float(latitude)) == at
    to = parse_qs(urlsplit(links["amap"]).query)["to"][0].split(",")
    assert gcj02_to_wgs84(float(to[0]), float(to[1])) == at
    told = parse_qs(urlsplit(links["baidu"]).query)["destination"][0]
    latitude, longitude = told.removeprefix("latlng:").partition("|")[0].split(",")
    assert gcj02_to_wgs84(float(longitude), float(latitude)) == at
    assert float(to[0]) - place.longitude > 0.003, "it is shifted"


def test_a_patrol_is_walked_and_sent_once(world: Any, phone: Phone, page: Page) -> None:
    phone.go("/field/patrol")
    expect(page.locator("button.point .hint").first).to_contain_text("距离", timeout=SOON)
    phone.lose_signal()
    page.locator("[name=start]").click(timeout=SOON)
    for step in range(1, 4):
        there = {"longitude": 119.4842, "latitude": 31.4315 + step * 0.0005, "accuracy": 5}
        phone.context.set_geolocation(there)  # type: ignore[arg-type]
        expect(page.locator("[data-walked]")).to_contain_text(str(round(step * 55.6)))
    page.locator("button.point").first.click()
    page.get_by_role("button", name="正常").click()
    expect(page.locator("textarea")).to_have_count(0)  # closed once it is on the phone's disk
    page.reload()
    expect(page.locator("[data-walked]")).to_contain_text("167", timeout=SOON)
    page.locator("[name=stop]").click()
    page.locator("[name=end]").click()
    phone.find_signal()
    eventually(lambda: nothing_waits(phone))
    with world.client("commander") as centre:
        walks = centre.get("/api/patrols").json()["items"]
    assert len(walks) == 1
    assert walks[0]["metres"] == pytest.approx(167, abs=2)
    assert walks[0]["looked"] == 1 and walks[0]["wrong"] == 0


LOOK = """() => {
  const seen = words => [...document.querySelectorAll(words)].filter(one => one.checkVisibility());
  const said = one => one.outerHTML.slice(0, 90);
  const touched = ["button", "a", "input", "textarea", "label.button"].map(one => `.field ${one}`);
  const small = seen(touched.join())
    .filter(one => !one.classList.contains("unseen") && one.type !== "checkbox")
    .map(one => [said(one), one.getBoundingClientRect()])
    .filter(([, box]) => box.width < 48 || box.height < 48)
    .map(([words, box]) => [words, box.width, box.height]);
  const faint = seen(".field *")
    .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .filter(one => parseFloat(getComputedStyle(one).fontSize) < 14.9).map(said);
  return { small, faint, over: document.documentElement.scrollWidth - innerWidth };
}"""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_thumb_and_the_sun(world: Any, phone: Phone, page: Page, language: str) -> None:
    case = order(world)
    take_along(phone, case)
    page.evaluate(f"document.cookie = 'tianmu_language={language}; Path=/'")
    for path in (f"orders/{case}", "orders", "report", "patrol", "outbox"):
        phone.go(f"/field/{path}")
        expect(page.locator("main h2").first).to_be_visible(timeout=SOON)
        found = page.evaluate(LOOK)
        assert found == {"small": [], "faint": [], "over": 0}, (path, found)
    expect(page.locator("html")).to_have_attribute("data-theme", "sun")
    page.evaluate("document.cookie = 'tianmu_language=zh; Path=/'")


def test_a_session_that_is_over_locks_and_loses_nothing(
    world: Any, phone: Phone, page: Page
) -> None:
    case = order(world)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=note]").click(timeout=SOON)
    page.locator("[name=text]").fill("无信号，稍后再报")
    page.locator("[name=submit]").click()
    page.evaluate(
        """() => new Promise(resolve => {
          const asked = indexedDB.open("tianmu-field");
          asked.onsuccess = () => {
            const kept = asked.result.transaction("kept", "readwrite").objectStore("kept");
            kept.get("who").onsuccess = event =>
              kept.put({ ...event.target.result, lockAt: Date.now() - 1 }, "who").onsuccess =
                () => { asked.result.close(); resolve(1); };
          };
        })"""
    )
    phone.go("/field")
    expect(page.locator("main h2")).to_have_text("登录已到期", timeout=SOON)
    assert not any("items" in one for one in phone.kept("kept")), "nothing of the cases is left"
    assert not nothing_waits(phone)
    # somebody else on the same phone neither sees nor sends it
    phone.find_signal()
    world.account("other", ["grid_worker"])
    page.context.clear_cookies()
    sign_in(world, phone, "other")
    page.locator("[data-tab=outbox]").click()
    expect(page.locator("main")).to_contain_text("crew 在本机有 1 项未发送", timeout=SOON)
    assert steps(world, case, "note") == []
    page.context.clear_cookies()
    sign_in(world, phone, "crew")
    eventually(lambda: len(steps(world, case, "note")) == 1)


def test_signing_out_leaves_nothing(phone: Phone, page: Page) -> None:
    phone.go("/field/outbox")
    page.locator("[name=sign-out]").click(timeout=SOON)
    page.locator("[name=leave]").click()
    page.wait_for_url("**/login**")
    for store in ("deeds", "files", "kept", "drafts"):
        assert phone.kept(store) == [] if page.evaluate("indexedDB.databases()") else True
