"""Every text can be read on every surface of its theme (WCAG 2.2, 1.4.3: 4.5 : 1; out in the sun
1.4.6: 7 : 1)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "ui" / "src" / "styles" / "tokens.css"
TEXTS = ("ink", "ink-2", "ink-3", "accent", "red", "orange", "yellow", "blue", "green", "neutral")
SURFACES = ("ground", "surface", "surface-2", "surface-3", "accent-soft")


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("theme", "least"), [("hall", 4.5), ("night", 4.5), ("day", 4.5), ("sun", 7.0)]
)
def test_texts_stand_out(theme: str, least: float) -> None:
    block = re.search(rf'data-theme="{theme}"\] {{(.*?)\n}}', TOKENS.read_text(), re.DOTALL)
    assert block is not None
    token = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block.group(1)))
    pairs = [(text, surface) for text in TEXTS for surface in SURFACES]
    pairs += [("on-level", level) for level in TEXTS[4:]]
    pairs += [("accent-ink", "accent"), ("map-label", "map-land"), ("map-label", "map-ground")]
    poor = {
        f"{text} on {surface}": round(contrast(token[text], token[surface]), 2)
        for text, surface in pairs
        if contrast(token[text], token[surface]) < least
    }
    assert not poor, poor
