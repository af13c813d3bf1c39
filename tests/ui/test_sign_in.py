"""Signing in by two steps and by passkey, in Chromium with its virtual authenticator, zh and en, at
the size of a phone; over the web of a small city, so that accounts can be made beside it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tianmu.access import account as accounts
from tianmu.access import password, token, totp
from tianmu.access.policy import POLICY
from ui.small import ASKED, signed_in
from ui.small import made as city

pytestmark = pytest.mark.browser
GOOD = "Correct-horse-7"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    yield from city(tmp_path_factory.mktemp("city"))


def made(small: Any, name: str, role: str) -> str:
    small.account(name, [role])
    kept = password.digest(GOOD)
    small.hub.records.transact(
        lambda tx: accounts.set_password(tx.connection, name, kept, at=small.hub.clock())
    )
    return name


def opened(browser: Browser, small: Any, **more: Any) -> tuple[BrowserContext, Page, str]:
    """A browser of its own, at a name: browsers have passkeys for names only."""
    context = browser.new_context(**{"viewport": PHONE, "locale": "zh-CN", **more})
    base = small.url.replace("127.0.0.1", "localhost")
    return context, context.new_page(), base


def by_password(page: Page, base: str, name: str, labels: tuple[str, str, str]) -> None:
    page.goto(f"{base}/login")
    page.get_by_label(labels[0]).fill(name)
    page.get_by_label(labels[1]).fill(GOOD)
    page.get_by_role("button", name=labels[2], exact=True).click()


ZH, EN = ("账号", "口令", "登录"), ("Account", "Password", "Sign in")


def narrow(page: Page) -> None:
    """Nothing stands out of the page to the right."""
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, wide


def code(secret: str, at: int) -> str:
    return totp.code(base64.b32decode(secret), totp.step_of(at))


def test_the_language_is_the_browsers_and_what_is_chosen_stays(
    browser: Browser, small: Any
) -> None:
    name = made(small, "clerk-bilingual", "duty_officer")
    context, page, base = opened(browser, small, locale="en-GB")
    page.goto(f"{base}/login")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Account or password is wrong")
    page.get_by_role("button", name="中文").click()
    page.get_by_role("button", name="登录", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("账号或口令错误")
    by_password(page, base, name, ZH)
    page.wait_for_url("**/desk**")
    page.goto(f"{base}/account")
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/login**")
    page.goto(f"{base}/login")  # signing out wipes what the site kept, but not this
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    context.close()


def test_whoever_used_a_link_here_goes_on_and_a_stranger_hears_what_to_do(
    browser: Browser, small: Any
) -> None:
    name = made(small, "clerk-by-link", "duty_officer")
    records, at = small.hub.records, small.hub.clock()
    plain = records.transact(lambda tx: token.make_link(tx.connection, name, at=at, actor="test"))
    context, page, base = opened(browser, small)
    page.goto(f"{base}/open?to=/desk#{plain}")
    page.wait_for_url(f"{base}/desk**")
    page.goto(f"{base}/open?to=/desk#{plain}")
    expect(page.get_by_role("alert")).to_contain_text("本浏览器已登录")
    narrow(page)
    page.locator("[data-go-on]").click()
    page.wait_for_url(f"{base}/desk**")
    context.close()

    context, page, base = opened(browser, small)
    page.goto(f"{base}/open#{plain}")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("重新启动后会再次打印")
    told.get_by_role("button", name="English").click()
    expect(told).to_contain_text("a system administrator gives you a new link")
    told.get_by_role("link", name="Sign in").click()
    page.wait_for_url("**/login**")
    context.close()


@pytest.mark.parametrize(
    ("locale", "labels", "told"),
    [
        ("zh-CN", ZH, r"失败次数过多，账号已锁定，\d+ 分钟后可再试"),
        ("en-GB", EN, r"Too many failed attempts: the account is locked for another \d+ min"),
    ],
)
def test_who_is_locked_out_is_told_how_long(
    browser: Browser, small: Any, locale: str, labels: tuple[str, str, str], told: str
) -> None:
    context, page, base = opened(browser, small, locale=locale)
    name = made(small, f"clerk-forgets-{locale[:2]}", "duty_officer")
    page.goto(f"{base}/login")
    for _ in range(POLICY.failures):
        page.get_by_label(labels[0]).fill(name)
        page.get_by_label(labels[1]).fill("wrong")
        with page.expect_response("**/api/session"):
            page.keyboard.press("Enter")
    by_password(page, base, name, labels)
    expect(page.get_by_role("alert")).to_have_text(re.compile(f"^{told}$"))
    narrow(page)
    context.close()


def test_an_app_is_enrolled_and_asked_for(browser: Browser, small: Any) -> None:
    name = made(small, "commander-zhao", "commander")
    context, page, base = opened(browser, small)
    by_password(page, base, name, ZH)
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{base}/account")
    expect(page.get_by_role("status")).to_contain_text("需要双因素认证")
    narrow(page)
    page.get_by_role("button", name="启用验证器应用").click()
    page.get_by_label("现口令").fill("wrong")
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("alert")).to_contain_text("原口令错误")
    page.get_by_label("现口令").fill(GOOD)
    page.get_by_role("button", name="继续").click()
    secret = page.locator("[data-secret]").inner_text()
    expect(page.get_by_alt_text("二维码")).to_be_visible()
    assert page.evaluate("document.querySelector('.qr').naturalWidth") > 100
    narrow(page)
    now = small.hub.clock()
    page.get_by_label("六位验证码").fill(code(secret, now - 30_000_000))
    page.get_by_role("button", name="继续").click()
    expect(page.locator("[data-codes] li")).to_have_count(10)
    recovery = page.locator("[data-codes] li").first.inner_text()
    page.get_by_role("button", name="已抄存").click()
    expect(page.get_by_role("status")).to_have_count(0)
    context.close()

    context, page, base = opened(browser, small, locale="en-US")
    by_password(page, base, name, EN)
    step = page.locator("[data-second]")
    expect(step).to_contain_text("Second step")
    narrow(page)
    step.get_by_label("Six-digit code").fill("000000")
    step.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The code is wrong")
    step.get_by_label("Six-digit code").fill(code(secret, small.hub.clock()))
    step.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/desk**")
    context.close()

    context, page, base = opened(browser, small)
    by_password(page, base, name, ZH)
    step = page.locator("[data-second]")
    step.get_by_role("button", name="改用恢复码").click()
    step.get_by_label("恢复码").fill(recovery)
    step.get_by_role("button", name="登录", exact=True).click()
    page.wait_for_url("**/desk**")
    context.close()


def test_a_passkey_signs_in_alone(browser: Browser, small: Any) -> None:
    name = made(small, "security-qian", "security_admin")
    context, page, base = opened(browser, small)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made_key = device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    by_password(page, base, name, ZH)
    page.wait_for_url("**/admin**")
    page.goto(f"{base}/account")
    page.get_by_role("button", name="添加通行密钥").click()
    page.get_by_label("现口令").fill(GOOD)
    page.get_by_role("button", name="继续").click()
    expect(page.locator("[data-codes] li")).to_have_count(10)
    page.get_by_role("button", name="已抄存").click()
    assert small.hub.records.read(lambda c: accounts.get(c, name)).factors == ("passkey",)
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/login**")

    # the password alone is not enough any more; the passkey alone is
    by_password(page, base, name, ZH)
    step = page.locator("[data-second]")
    touch = step.get_by_role("button", name="使用通行密钥")
    expect(touch).to_be_focused()  # recovery codes are few: they are asked for only when it is lost
    expect(step.locator("input")).to_have_count(0)
    expect(step.get_by_role("button", name="改用恢复码")).to_be_visible()
    touch.click()
    page.wait_for_url("**/admin**")
    page.goto(f"{base}/account")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/login**")
    page.get_by_role("button", name="使用通行密钥").click()
    page.wait_for_url("**/admin**")

    # who has no password, and came a while ago, proves anew that it is they before anything changes
    def lose(tx: Any) -> None:
        held = {"name": name, "ago": 16 * 60_000_000}
        tx.connection.execute(
            sa.text("UPDATE account SET password = '' WHERE account = :name"), held
        )
        tx.connection.execute(
            sa.text("UPDATE session SET created_at = created_at - :ago WHERE account = :name"), held
        )

    small.hub.records.transact(lose)
    small.hub.sessions.forget(name)
    page.goto(f"{base}/account")
    page.get_by_role("button", name="启用验证器应用").click()
    proof = page.locator("[data-proof]")
    proof.get_by_role("button", name="使用通行密钥").click()
    expect(page.locator("[data-secret]")).to_be_visible()

    # a device that did not verify its owner proves nothing
    page.goto(f"{base}/account")
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url("**/login**")
    which = {"authenticatorId": made_key["authenticatorId"]}
    device.send("WebAuthn.setUserVerified", {**which, "isUserVerified": False})
    page.get_by_role("button", name="使用通行密钥").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.request.get(f"{base}/api/session").status == 401
    context.close()


def test_who_told_is_shown_for_a_reason_that_stays(browser: Browser, small: Any) -> None:
    name = made(small, "duty-sun", "duty_officer")
    with small.client("hotline_agent") as agent:
        agent.post(
            "/api/reports",
            json={
                "channel": "hotline", "text": "井盖丢失", "matter": small.matter(),
                "reporter": {"name": "张三丰", "phone": "13812345678"},
                "place": {"longitude": 119.49, "latitude": 31.42},
            },
        ).raise_for_status()  # fmt: skip
        small.settle()
        case = agent.get("/api/reports").json()["items"][0]["case"]
    context, page, base = opened(browser, small, viewport={"width": 1440, "height": 900})
    by_password(page, base, name, ZH)
    page.wait_for_url("**/desk**")
    page.goto(f"{base}/desk/cases/{case}")
    page.get_by_role("button", name="显示联系人").click()
    assert "13812345678" not in page.content()
    page.get_by_role("dialog").get_by_label("理由").fill("回电核实楼层")
    page.get_by_role("dialog").get_by_role("button", name="显示联系人").click()
    expect(page.locator("[data-clear]")).to_contain_text("张三丰 · 13812345678")
    page.reload()
    seen = page.locator("[data-seen]")
    expect(seen).to_contain_text("回电核实楼层")
    expect(seen).to_contain_text("查看了未脱敏的个人信息")
    assert "13812345678" not in page.content()
    context.close()


def test_who_has_no_second_factor_is_reset_by_words_that_are_true(
    browser: Browser, small: Any
) -> None:
    name = made(small, "grid-zhao", "grid_worker")
    page = signed_in(small, browser, "security_admin")
    page.add_init_script(ASKED)
    page.goto(f"{small.url}/admin/accounts")
    button = page.locator(f"[data-reset={name}]")
    expect(button).to_have_text("重置登录")
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("没有启用双因素认证。将结束其登录")
    dialog.get_by_label("理由").fill("手机丢失，已当面核实")
    dialog.get_by_role("button", name="重置登录").click()
    expect(page.locator(".toast")).to_contain_text("重置登录")
    page.context.close()
