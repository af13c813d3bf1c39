"""The code blocks of the README and the docs, and how each kind is run.

``sh``      run by bash in a scratch folder that looks like the checkout (``data`` is the city of
            the test, ``.venv`` ours), with ``$TIANMU_DATA``, ``$TIANMU_URL``, ``$TIANMU_INGEST``,
            ``$TIANMU_TOKEN`` and ``$TIANMU_SOURCE_TOKEN``; ``make`` lines are run dry
``python``  executed
``toml``, ``json``  parsed
``text``, ``http``, no language: shown, not run (output, layout of files)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)[^\n]*\n(?P<body>.*?)^ *```", re.M | re.S
)
SHOWN = {"", "text", "http", "mermaid"}
RUN = {"sh", "python", "toml", "json"}


@dataclass(frozen=True)
class Block:
    file: Path
    line: int
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks() -> Iterator[Block]:
    for page in pages():
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        for found in FENCE.finditer(text):
            indent = len(found["indent"])
            body = "\n".join(line[indent:] for line in found["body"].splitlines())
            yield Block(page, text.count("\n", 0, found.start()) + 1, found["language"], body)
