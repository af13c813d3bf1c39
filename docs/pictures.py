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
WALL, ULTRAWIDE, SPLIT, PHONE = (1920, 1080), (3840, 1080), (1440, 900), (390, 844)
PAGE = (1280, 800)
PAGES = (
    "scenarios", "forest-fire", "gas-pipelines", "fire-alarms", "model-street", "water-ecology",
    "warnings", "hazards", "desk",
)  # fmt: skip
"""taken of the top of a page: its address below /, or the scenario's id"""
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
    browser: Browser, size: tuple[int, int], language: str, theme: str = "night", **more: Any
) -> tuple[BrowserContext, Page]:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    context.add_init_script(
        f"document.cookie = 'tianmu_language={language}; Path=/';"
        "localStorage.setItem('tianmu.password.asked', 'system security audit');"
        f"localStorage.setItem('tianmu.theme', '{theme}')"
    )
    return context, context.new_page()


def take(page: Page, url: str, name: str, keys: tuple[str, ...] = ()) -> None:
    """A picture of a screen, as good as fits into ``MOST`` bytes."""
    page.goto(url)
    page.wait_for_selector("h1, nav.bar", timeout=60_000, state="attached")
    page.wait_for_function("() => !document.querySelector('.bones')", timeout=60_000)
    page.wait_for_timeout(SETTLE)
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(1_500)
    for quality in (80, 72, 64, 55, 48):
        raw = page.screenshot(type="jpeg", quality=quality)
        if len(raw) <= MOST:
            break
    path = PICTURES / f"{name}.jpg"
    path.write_bytes(raw)
    print(f"{path.relative_to(ROOT)}  {len(raw) // 1000} kB, quality {quality}  {page.url}")


def telling_case(page: Page, base: str) -> str:
    """The open case that shows most: evidence, signals, orders and steps together."""
    asked = page.request.get(f"{base}/api/cases?open=true&limit=60").json()
    if not asked["items"]:
        raise SystemExit("no case is open yet: let the feed play for some minutes")
    wholes = [page.request.get(f"{base}/api/cases/{one['case']}").json() for one in asked["items"]]

    def shows(whole: dict[str, Any]) -> int:
        parts = {"evidence": 9, "members": 3, "orders": 3, "events": 1}
        return sum(weight * min(len(whole.get(part, ())), 8) for part, weight in parts.items())

    return str(max(wholes, key=shows)["case"])


def busiest_worker(browser: Browser, base: str, tokens: dict[str, str]) -> tuple[str, str]:
    """(token, case): the worker of the feed with most to do, and the first of that."""
    most, found = -1, ("", "")
    for role, token in tokens.items():
        if not role.startswith("worker:"):
            continue
        context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"})
        items = context.request.get(f"{base}/api/field/work").json()["items"]
        context.close()
        if len(items) > most:
            most, found = len(items), (token, items[0]["case"]["case"] if items else "")
    return found


def main() -> None:
    reads = argparse.ArgumentParser(description=__doc__)
    reads.add_argument("--data", type=Path, default=Path("data"), help="the folder of the city")
    run = reads.parse_args().data / "run"
    said = json.loads((run / "hub.json").read_text())
    known = json.loads((run / "rehearsal.json").read_text())
    base = known["url"]
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        duty = session(browser, run, base, "duty", said["link"])
        system = session(browser, run, base, "system", said.get("links", {}).get("system", ""))
        for language, ending in (("zh", ""), ("en", "-en")):
            context, page = open_at(browser, WALL, language, storage_state=duty)
            take(page, f"{base}/hall", f"hall{ending}")
            case = telling_case(page, base)
            take(page, f"{base}/desk/cases/{case}", f"case{ending}")
            context.close()
            context, page = open_at(browser, SPLIT, language, storage_state=duty)
            take(
                page, f"{base}/desk/cases/{telling_case(page, base)}", f"split{ending}", ("z", "j")
            )
            context.close()
            context, page = open_at(
                browser, PAGE, language, "day" if language == "en" else "night", storage_state=duty
            )
            for name in PAGES:
                known_page = name in ("scenarios", "warnings", "hazards", "desk")
                path = name if known_page else f"scenarios/{name}"
                take(page, f"{base}/{path}", f"{name}{ending}")
            context.close()
            context, page = open_at(browser, WALL, language, storage_state=system)
            take(page, f"{base}/admin/sources", f"admin{ending}")
            context.close()
        context, page = open_at(browser, ULTRAWIDE, "zh", storage_state=duty)
        take(page, f"{base}/hall", "hall-wide")
        context.close()
        token, case = busiest_worker(browser, base, known["tokens"])
        as_worker = {"Authorization": f"Bearer {token}"}
        for language, name, path in (("zh", "field", ""), ("en", "field-en", f"/orders/{case}")):
            context, page = open_at(
                browser, PHONE, language, device_scale_factor=2, extra_http_headers=as_worker
            )
            take(page, f"{base}/field{path}", name)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
