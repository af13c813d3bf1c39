"""Take every screen of a city that runs, in both themes and languages, to be looked at by people.

``python docs/gallery.py --data DIR --out FOLDER`` signs in by the links that ``tianmu up`` wrote
under ``DIR/run``, as ``docs/pictures.py`` does, and as a worker of the rehearsal; ``--only REGEX``
takes some, ``--gone`` all as they are when the server cannot be reached. Beside each picture
it prints what nobody could read there (``tests/ui/legible.py``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "docs")]
from pictures import ARGUMENTS, ULTRAWIDE, WALL, busiest_worker, session, telling_case  # noqa: E402

from chromium import find  # noqa: E402
from ui.legible import faults, small_targets, unseen_focus  # noqa: E402

DESK, SMALL, PHONE = (1440, 900), (1366, 768), (390, 844)
HIGH, FOUR_K = (1440, 1000), (3840, 2160)
SETTLE = 2_500
"""ms for what is pushed and drawn to arrive"""
SECTIONS = (
    "accounts", "organisation", "roster", "devices", "past", "unknown", "sources", "quarantine",
    "connections", "contacts", "rules", "plans", "load", "anomalies", "pack", "audit",
)  # fmt: skip


@dataclass(frozen=True)
class Screen:
    name: str
    who: str
    path: str
    sizes: tuple[tuple[int, int], ...] = (DESK,)
    keys: tuple[str, ...] = ()
    """pressed once it stands"""
    click: str = ""

    def picture(self, size: tuple[int, int], theme: str, language: str, gone: bool = False) -> str:
        """The name of its picture: by width and height, for two walls are as wide."""
        wide, high = size
        return f"{self.name}-{wide}x{high}-{theme}-{language}{'-gone' if gone else ''}"


def screens(case: str, alarm: str) -> Iterator[Screen]:
    yield Screen("hall", "duty", "/hall", (WALL, ULTRAWIDE, HIGH, FOUR_K))
    yield Screen("hall-small", "duty", "/hall", (SMALL, PHONE))
    yield Screen("hall-case", "duty", "/hall", (WALL,), click=".cases .case")
    yield Screen("desk", "duty", "/desk", (DESK, SMALL))
    yield Screen("case", "duty", f"/desk/cases/{case}", (DESK, SMALL, WALL))
    yield Screen("split", "duty", f"/desk/cases/{case}", (SMALL, DESK, WALL), ("z", "j"))
    yield Screen("keys", "duty", f"/desk/cases/{case}", keys=("?",))
    yield Screen("note", "duty", f"/desk/cases/{case}", keys=("n",))
    yield Screen("filters", "duty", "/desk", keys=("j", "v", "j", "v", "o"))
    yield Screen("bulk", "duty", "/desk", keys=("j", "v", "j", "v", "b"))
    yield Screen("alarms", "duty", "/desk/alarms")
    yield Screen("alarm", "duty", f"/desk/alarms/{alarm}", (DESK, SMALL))
    for page in ("desk/handover", "desk/duty", "warnings", "hazards"):
        yield Screen(page.rpartition("/")[2], "duty", f"/{page}")
    for scenario in ("", "/forest-fire", "/water-ecology"):
        path = f"/scenarios{scenario}"
        yield Screen(f"scenarios{scenario.replace('/', '-')}", "duty", path, (SMALL, WALL, PHONE))
    yield Screen("room", "duty", f"/desk/room/{case}", (DESK, SMALL))
    for section in SECTIONS:
        yield Screen(
            f"admin-{section}",
            {"audit": "audit", "load": "duty", "anomalies": "duty"}.get(section, "system"),
            f"/admin/{section}",
        )
    yield Screen("admin-security", "security", "/admin/accounts")
    yield Screen("account", "duty", "/account")
    yield Screen("login", "", "/login", (DESK, PHONE))
    yield Screen("trust", "", "/trust", (DESK, PHONE))
    yield Screen("field", "worker", "/field", (PHONE,))
    yield Screen("field-case", "worker", "/field", (PHONE,), click=".card.order")
    yield Screen("field-report", "worker", "/field/report", (PHONE,))
    yield Screen("field-patrol", "worker", "/field/patrol", (PHONE,))
    yield Screen("field-outbox", "worker", "/field/outbox", (PHONE,))


class Gallery:
    def __init__(self, browser: Browser, run: Path, out: Path, gone: bool) -> None:
        self.said: dict[str, Any] = json.loads((run / "hub.json").read_text())
        self.known: dict[str, Any] = json.loads((run / "rehearsal.json").read_text())
        self.base, self.run, self.out, self.gone = self.known["url"], run, out, gone
        self._browser = browser
        self._worker, _ = busiest_worker(browser, self.base, self.known["tokens"])

    def context(self, who: str, size: tuple[int, int], **more: Any) -> BrowserContext:
        links = {"duty": self.said["link"]}
        links |= self.said.get("links", {})
        told: dict[str, Any] = {"viewport": {"width": size[0], "height": size[1]}, **more}
        if who == "worker":
            told["extra_http_headers"] = {"Authorization": f"Bearer {self._worker}"}
        elif who:
            told["storage_state"] = session(self._browser, self.run, self.base, who, links[who])
        return self._browser.new_context(**told)

    def take(self, screen: Screen, size: tuple[int, int], theme: str, language: str) -> None:
        context = self.context(screen.who, size)
        field = "night" if theme == "night" else "sun"
        context.add_init_script(
            f"document.cookie = 'tianmu_language={language}; Path=/';"
            f"localStorage.setItem('tianmu.theme', '{theme}');"
            f"localStorage.setItem('tianmu.field.theme', '{field}');"
            "localStorage.setItem('tianmu.password.asked', 'system security audit')"
        )
        page = context.new_page()
        if self.gone:
            page.route("**/api/**", self._no_answer)
        page.goto(f"{self.base}{screen.path}")
        page.wait_for_timeout(SETTLE)
        if screen.click and page.locator(screen.click).count():
            page.locator(screen.click).first.click()
        for key in screen.keys:
            page.keyboard.press(key)
            page.wait_for_timeout(150)
        if screen.click or screen.keys:
            page.wait_for_timeout(1200)
        name = screen.picture(size, theme, language, self.gone)
        page.screenshot(path=str(self.out / f"{name}.png"))
        print(name)
        self._report(page, screen)
        context.close()

    @staticmethod
    def _no_answer(route: Route) -> None:
        if route.request.url.endswith("/api/session"):
            route.fallback()
        else:
            route.abort("connectionrefused")

    @staticmethod
    def _report(page: Page, screen: Screen) -> None:
        found = faults(page)
        if screen.who == "worker":
            found += [f"small: {one}" for one in small_targets(page)]
        found += [f"focus: {one}" for one in unseen_focus(page, 12)]
        for one in found:
            print(f"  {one}")


def main() -> None:
    reads = argparse.ArgumentParser(description=__doc__)
    reads.add_argument("--data", type=Path, required=True, help="the folder of the city")
    reads.add_argument("--out", type=Path, required=True)
    reads.add_argument("--only", default="", help="a pattern of names to take")
    reads.add_argument("--looks", default="night-zh,day-en", help="theme-language, …")
    reads.add_argument("--gone", action="store_true", help="as if the server could not be reached")
    asked = reads.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        gallery = Gallery(browser, asked.data / "run", asked.out, asked.gone)
        context = gallery.context("duty", DESK)
        page = context.new_page()
        try:
            case = telling_case(page, gallery.base)
        except SystemExit:  # nothing is open: what the pages say then is a picture too
            case = "none"
        alarms = page.request.get(f"{gallery.base}/api/alarms?state=active&limit=1").json()["items"]
        context.close()
        for screen in screens(case, alarms[0]["alarm"] if alarms else "none"):
            if not re.search(asked.only, screen.name):
                continue
            for size in screen.sizes:
                for look in asked.looks.split(","):
                    theme, language = look.split("-")
                    gallery.take(screen, size, theme, language)
        browser.close()


if __name__ == "__main__":
    main()
