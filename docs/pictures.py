"""Take the pictures of the documentation from a city that runs.

``python docs/pictures.py --data DIR`` signs in by the links that ``tianmu up`` wrote under
``DIR/run`` and looks at the screens in Chromium; nothing is started and nothing is changed. Let
the feed play for ten minutes first, so that the wall is alive. Each link works once: the session
is kept beside it, and when that is over too, start the city again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from chromium import find  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
WALL, ULTRAWIDE = (1920, 1080), (3840, 1080)
ARGUMENTS = (
    "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
MOST = 300_000
"""bytes of one picture"""
SETTLE = 8_000
"""ms for the map's tiles and the first pushes to arrive"""


class SignedOut(RuntimeError):
    """The link was used and the session is over."""


def session(browser: Browser, run: Path, base: str, role: str, link: str) -> Path:
    """The stored session of ``role``: the one kept, or a new one by the link."""
    kept = run / f"pictures-{role}.json"
    if kept.exists():
        context = browser.new_context(storage_state=kept)
        alive = context.request.get(f"{base}/api/session").ok
        context.close()
        if alive:
            return kept
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{base}/open#{link}")
    page.wait_for_timeout(4_000)
    if not context.request.get(f"{base}/api/session").ok:
        raise SignedOut(f"the link of {role} has been used: start the city again for a new one")
    kept.touch(mode=0o600)
    context.storage_state(path=kept)
    context.close()
    return kept


def open_at(
    browser: Browser, kept: Path, size: tuple[int, int], language: str
) -> tuple[BrowserContext, Page]:
    context = browser.new_context(
        storage_state=kept, viewport={"width": size[0], "height": size[1]}
    )
    context.add_init_script(f"localStorage.setItem('tianmu.language', '{language}')")
    return context, context.new_page()


def take(page: Page, url: str, name: str) -> None:
    """A picture of a screen, as good as fits into ``MOST`` bytes."""
    page.goto(url)
    page.wait_for_selector("canvas, table", timeout=60_000)  # a map, or a list
    page.wait_for_timeout(SETTLE)
    if page.locator("dialog[open]").count():  # whoever came by a link is asked for a password
        page.keyboard.press("Escape")
        page.wait_for_timeout(500)
    for quality in (85, 80, 72, 64, 55):
        raw = page.screenshot(type="jpeg", quality=quality)
        if len(raw) <= MOST:
            break
    path = PICTURES / f"{name}.jpg"
    path.write_bytes(raw)
    print(f"{path.relative_to(ROOT)}  {len(raw) // 1000} kB, quality {quality}  {page.url}")


def telling_case(page: Page, base: str) -> str:
    """The open case that shows most: signals, orders and steps together."""
    asked = page.request.get(f"{base}/api/cases?open=true&limit=60").json()
    if not asked["items"]:
        raise SystemExit("no case is open yet: let the feed play for some minutes")
    wholes = [page.request.get(f"{base}/api/cases/{one['case']}").json() for one in asked["items"]]

    def shows(whole: dict[str, Any]) -> int:
        parts = {"members": 3, "orders": 3, "events": 1}
        return sum(weight * min(len(whole.get(part, ())), 8) for part, weight in parts.items())

    return str(max(wholes, key=shows)["case"])


def main() -> None:
    reads = argparse.ArgumentParser(description=__doc__)
    reads.add_argument("--data", type=Path, default=Path("data"), help="the folder of the city")
    run = reads.parse_args().data / "run"
    said = json.loads((run / "hub.json").read_text())
    base = json.loads((run / "rehearsal.json").read_text())["url"]
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        duty = session(browser, run, base, "duty", said["link"])
        for language, ending in (("zh", ""), ("en", "-en")):
            context, page = open_at(browser, duty, WALL, language)
            take(page, f"{base}/hall", f"hall{ending}")
            take(page, f"{base}/desk", f"desk{ending}")
            case = telling_case(page, base)
            take(page, f"{base}/desk/cases/{case}", f"case{ending}")
            context.close()
        context, page = open_at(browser, duty, ULTRAWIDE, "zh")
        take(page, f"{base}/hall", "hall-wide")
        context.close()
        system = session(
            browser, run, base, "system", said.get("links", {}).get("system_admin", "")
        )
        for language, ending in (("zh", ""), ("en", "-en")):
            context, page = open_at(browser, system, WALL, language)
            take(page, f"{base}/admin/sources", f"admin{ending}")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
