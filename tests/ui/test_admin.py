"""The administrators' pages: three people make one wall screen, none of them alone."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def administrator(
    browser: Browser, base: str, running_city: Any
) -> Iterator[Callable[[str], Page]]:
    """The page of an administrator, who comes by the link of the first start."""
    links = json.loads((running_city.data / "run" / "hub.json").read_text())["links"]
    pages: dict[str, Page] = {}

    def sign_in(role: str) -> Page:
        if role not in pages:
            page = browser.new_context(
                locale="zh-CN", viewport={"width": 1440, "height": 900}
            ).new_page()
            page.goto(f"{base}/open#{links[role.removesuffix('_admin')]}")
            page.wait_for_url("**/admin")
            # who came by a link is asked to set a password
            expect(page.get_by_role("dialog")).to_contain_text("设置口令")
            page.keyboard.press("Escape")
            pages[role] = page
        return pages[role]

    yield sign_in
    for page in pages.values():
        page.context.close()


def test_three_administrators_make_a_wall(
    administrator: Callable[[str], Page], browser: Browser, base: str
) -> None:
    name = f"wall-{uuid.uuid4().hex[:6]}"
    system = administrator("system_admin")
    system.goto(f"{base}/admin/accounts")
    system.get_by_role("button", name="新建账号").click()
    form = system.get_by_role("dialog")
    form.get_by_label("账号").fill(name)
    form.get_by_label("姓名").fill("大厅屏幕")
    form.get_by_role("button", name="新建").click()
    expect(system.locator("tr", has_text=name)).to_be_visible()

    security = administrator("security_admin")
    security.goto(f"{base}/admin/accounts")
    security.get_by_placeholder("搜索").fill(name)
    row = security.locator("tr", has_text=name)
    row.get_by_role("button", name="更改角色").click()
    security.get_by_role("dialog").get_by_label("大屏（只读）").check()
    security.get_by_role("dialog").get_by_role("button", name="保存").click()
    expect(row).to_contain_text("大屏")
    expect(row.get_by_role("button", name="停用")).to_have_count(0)

    system.reload()
    system.get_by_placeholder("搜索").fill(name)
    system.locator("tr", has_text=name).get_by_role("button", name="签发令牌").click()
    asked = system.get_by_role("dialog")
    asked.get_by_label("姓名").fill("大厅")
    system.keyboard.press("Control+Enter")
    secret = system.locator("[data-secret]").inner_text()
    assert "/open#kiosk:" in secret

    context = browser.new_context(locale="zh-CN", viewport={"width": 1920, "height": 1080})
    wall = context.new_page()
    wall.goto(secret)
    wall.wait_for_url("**/hall")
    expect(wall.locator("[data-net=manage]")).to_be_visible()
    expect(wall.locator("a[href='/desk']")).to_have_count(0)
    refused = wall.request.post(
        f"{base}/api/reports",
        data={"channel": "hotline", "text": "a wall tells nothing"},
        headers={"X-Requested-With": "tianmu"},
    )
    assert refused.status == 403
    context.close()


def test_a_password_is_asked_for_once_and_names_are_in_the_pages_language(
    administrator: Callable[[str], Page], base: str
) -> None:
    context = administrator("system_admin").context
    context.add_cookies([{"name": "tianmu_language", "value": "en", "url": base}])
    other = context.new_page()
    other.goto(f"{base}/admin/accounts")
    row = other.locator("tr", has=other.locator("td", has_text=re.compile("^audit$")))
    expect(row.locator("td").nth(1)).to_have_text("Audit administrator")
    expect(other.get_by_role("dialog")).to_have_count(0)
    other.close()
    context.clear_cookies(name="tianmu_language")


def test_the_trail_holds_what_they_did(administrator: Callable[[str], Page], base: str) -> None:
    audit = administrator("audit_admin")
    audit.goto(f"{base}/admin/audit")
    expect(audit.locator("table.list tbody tr").first).to_be_visible()
    audit.get_by_role("button", name="校验链").click()
    expect(audit.get_by_role("status")).to_contain_text("链完整")


@pytest.mark.parametrize(
    "section", ["devices", "unknown", "sources", "quarantine", "rules", "pack", "roster"]
)
def test_each_section_opens(administrator: Callable[[str], Page], base: str, section: str) -> None:
    system = administrator("system_admin")
    system.goto(f"{base}/admin/{section}")
    expect(system.locator("main h1")).to_be_visible()
    expect(system.locator("main .bones")).to_have_count(0)
    expect(system.get_by_role("alert")).to_have_count(0)


def test_a_source_gets_its_token_once(administrator: Callable[[str], Page], base: str) -> None:
    name = f"ui-{uuid.uuid4().hex[:6]}"
    system = administrator("system_admin")
    system.goto(f"{base}/admin/sources")
    system.get_by_role("button", name="新建来源").click()
    form = system.get_by_role("dialog")
    form.get_by_label("来源", exact=True).fill(name)
    form.get_by_role("button", name="保存").click()
    assert len(system.locator("[data-secret]").inner_text()) > 20
    system.keyboard.press("Escape")
    expect(system.locator("tr", has_text=name)).to_contain_text("从未上报")


def test_a_faulty_rule_says_what_is_wrong(administrator: Callable[[str], Page], base: str) -> None:
    system = administrator("system_admin")
    system.goto(f"{base}/admin/rules")
    system.get_by_role("button", name="新建规则").click()
    system.get_by_role("button", name="用历史试算").click()
    expect(system.locator(".test .bad").first).to_be_visible()


def test_devices_are_registered_from_a_file(
    administrator: Callable[[str], Page], base: str
) -> None:
    stem = f"up-{uuid.uuid4().hex[:6]}"
    system = administrator("system_admin")
    system.goto(f"{base}/admin/devices")
    system.get_by_role("button", name="从文件登记").click()
    form = system.get_by_role("dialog")

    def choose(text: str) -> None:
        file = FilePayload(name="d.csv", mimeType="text/csv", buffer=text.encode("gb18030"))
        form.locator("input[type=file]").set_input_files(file)

    choose(f"device,kind,name\n{stem}-1,smoke_detector,一层烟感\n{stem}-2,cloud,二层\n")
    form.get_by_role("button", name="登记", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("cloud")
    expect(form.locator("tbody tr")).to_have_count(1)
    expect(form.locator("tbody tr")).to_contain_text("kind")
    choose(f"device,kind,name\n{stem}-1,smoke_detector,一层烟感\n")
    form.get_by_role("button", name="仅检查").click()
    expect(form.get_by_role("status")).to_contain_text("新设备 1 台")
    form.get_by_role("button", name="登记", exact=True).click()
    expect(form.get_by_role("status")).to_contain_text("登记了 1 台")
    expect(form.get_by_role("status")).to_contain_text("GB 18030")
    form.get_by_role("button", name="关闭").last.click()
    system.get_by_placeholder("搜索编号、名称").fill(stem)
    expect(system.locator("tr", has_text=f"{stem}-1")).to_be_visible()
