"""What a person could not read or reach on the page that is shown: found in the browser, each fault
with the element it stands on.

Contrast as WCAG 2.2 says (1.4.3: 4.5 to 1, large type 3 to 1; what is disabled is exempt), names of
what can be pressed (4.1.2), focus that is seen (2.4.7), type that is cut off, and words that no
person wrote (``undefined``). A canvas, a picture or a gradient under a text is not looked into.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
KINDS = ("contrast", "name", "cut", "words")


def _ask(page: Page, what: str) -> Any:
    return page.evaluate(f"() => {SCRIPT.strip()}.{what}")


def faults(page: Page) -> list[str]:
    """All that can be said of the page as it stands, without touching it."""
    return sorted({f"{kind}: {one}" for kind in KINDS for one in _ask(page, f"{kind}()")})


def small_targets(page: Page, least: int = 44) -> list[str]:
    """What a thumb would miss: narrower or lower than ``least`` px, links within a text apart."""
    return list(_ask(page, f"targets({least})"))


def unseen_focus(page: Page, presses: int) -> list[str]:
    """Elements that Tab reaches and that do not show it."""
    found: list[str] = []
    for _ in range(presses):
        page.keyboard.press("Tab")
        told = str(_ask(page, "focus()"))
        if told and told not in found:
            found.append(told)
    return found
