"""/field on a phone: it is installed, orders are checked on the spot and found on the map, patrols
are walked, a thumb meets its keys in the sun, and who signs out leaves nothing."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Geolocation, Page, expect

from tianmu.access.scope import WHOLE
from tianmu.city.place.coordinates import gcj02_to_wgs84
from ui.field.crew import WORKER, attach, nothing_waits, order, steps, take_along
from ui.phone import GRID, Phone
from waiting import eventually

pytestmark = pytest.mark.browser


def test_it_can_be_installed(phone: Phone, page: Page) -> None:
    phone.go("/field")
    expect(page.locator("nav.bar")).to_be_visible()
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
    there = Geolocation(longitude=place.longitude, latitude=place.latitude, accuracy=8)
    phone.context.set_geolocation(there)
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    phone.lose_signal()
    page.locator("[data-step=check]").click()
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
    phone.context.set_geolocation(GRID)


def test_a_whistle_names_whom_it_calls(world: Any, phone: Phone, page: Page) -> None:
    case = order(world)
    with world.client("commander") as centre:
        owner = centre.get(f"/api/cases/{case}").json()["owner"]
    answers = world.city.departments[owner].name["zh"]
    other = next(
        one for one in world.city.departments.values()
        if one.kind == "department" and one.code != owner
    )  # fmt: skip
    take_along(phone, case)
    page.locator(f"[data-case={case}]").click()
    page.locator("[data-step=whistle]").click()
    told = page.locator("[data-called]")
    expect(told).to_contain_text(answers)  # whoever answers for it, where nobody is ticked
    expect(page.locator(".line").first).to_have_text(answers)
    page.locator("[name=department]").fill(other.name["zh"])
    expect(page.locator(".line")).to_have_count(1)
    page.locator(".line input").check()
    page.locator("[name=department]").fill("")
    expect(told).to_contain_text(f"已选 1 个：{other.name['zh']}")
    page.locator("[name=reason]").fill("地下管线不明，请到场")
    page.locator("[name=submit]").click()
    eventually(lambda: steps(world, case, "whistle"), 15, "the whistle")
    with world.client("commander") as centre:
        calls = centre.get(f"/api/cases/{case}").json()["calls"]
    assert [one["unit"] for one in calls] == [other.code]


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


def walked(world: Any) -> list[dict[str, Any]]:
    with world.client("commander") as centre:
        found: list[dict[str, Any]] = centre.get("/api/patrols").json()["items"]
    return found


def test_a_patrol_is_walked_and_sent_once(world: Any, phone: Phone, page: Page) -> None:
    phone.go("/field/patrol")
    expect(page.locator("button.point .hint").first).to_contain_text("距离")
    phone.lose_signal()
    page.locator("[name=start]").click()
    for step in range(1, 4):
        there = Geolocation(longitude=119.4842, latitude=31.4315 + step * 0.0005, accuracy=5)
        phone.context.set_geolocation(there)
        expect(page.locator("[data-walked]")).to_contain_text(str(round(step * 55.6)))
    page.locator("button.point").first.click()
    page.get_by_role("button", name="正常").click()
    expect(page.locator("textarea")).to_have_count(0)  # closed once it is on the phone's disk
    page.reload()
    expect(page.locator("[data-walked]")).to_contain_text("167")
    page.locator("[name=stop]").click()
    page.locator("[name=end]").click()
    phone.find_signal()
    walks = eventually(lambda: walked(world), 15, "the walk")  # it is put on the disk, then sent
    eventually(lambda: nothing_waits(phone))
    assert walked(world) == walks and len(walks) == 1
    assert walks[0]["metres"] == pytest.approx(167, abs=2)
    assert walks[0]["looked"] == 1 and walks[0]["wrong"] == 0


PLACED = """navigator.geolocation.watchPosition = hear => {
  window.placed = latitude => hear({
    coords: { longitude: 119.4842, latitude, accuracy: 5 }, timestamp: Date.now(),
  });
  placed(31.4315);
  return 1;
};"""


def test_who_sets_off_at_once_loses_no_metre(world: Any, phone: Phone) -> None:
    before = walked(world)
    page = phone.context.new_page()
    page.add_init_script(PLACED)
    page.goto(f"{phone.line.base}/field/patrol")
    expect(page.locator("button.point .hint").first).to_contain_text("距离")
    # the next place is told before anything of the walk can be on the disk
    page.evaluate("document.querySelector('[name=start]').click(); placed(31.4325)")
    expect(page.locator("[data-walked]")).to_contain_text("111")
    page.locator("[name=stop]").click()
    page.locator("[name=end]").click()
    eventually(lambda: len(walked(world)) == len(before) + 1, 15, "the walk")
    page.close()


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
        expect(page.locator("main h2").first).to_be_visible()
        found = page.evaluate(LOOK)
        assert found == {"small": [], "faint": [], "over": 0}, (path, found)
    expect(page.locator("html")).to_have_attribute("data-theme", "sun")
    page.evaluate("document.cookie = 'tianmu_language=zh; Path=/'")


def test_signing_out_leaves_nothing(phone: Phone, page: Page) -> None:
    phone.go("/field/outbox")
    page.locator("[name=sign-out]").click()
    page.locator("[name=leave]").click()
    page.wait_for_url("**/login**")
    for store in ("deeds", "files", "kept", "drafts"):
        assert phone.kept(store) == [] if page.evaluate("indexedDB.databases()") else True
