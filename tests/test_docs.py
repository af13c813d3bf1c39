"""Documentation is tested: every block runs, every command and room has its page."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docs_blocks import ROOT, RUN, SHOWN, Block, blocks, pages

ALL = list(blocks())


@pytest.mark.parametrize("block", [b for b in ALL if b.language in {"toml", "json"}], ids=str)
def test_data_blocks_parse(block: Block) -> None:
    (tomllib.loads if block.language == "toml" else json.loads)(block.body)


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "python"], ids=str)
def test_python_blocks_run(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block.body, str(block), "exec"), {"__name__": "__docs__"})


@pytest.mark.parametrize("block", [b for b in ALL if b.language == "sh"], ids=str)
def test_shell_blocks_run(block: Block, running_city: Any, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + re.sub(r"^(\s*)make ", r"\1make -n ", block.body, flags=re.M)
    environment = {
        **os.environ,
        **running_city.environment(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "src").symlink_to(ROOT / "src")
    (tmp_path / "data").symlink_to(running_city.data)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True,
        timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    elsewhere = re.compile(r"""<(?:script|link|img)[^>]+(?:src|href)="?(https?:)?//[^"]*""")
    for page in tmp_path.rglob("*.html"):
        strange = [m for m in elsewhere.findall(page.read_text(encoding="utf-8")) if m]
        assert not strange, f"{page.name} loads something from the network: {strange}"


def test_every_block_is_of_a_known_kind() -> None:
    strange = [f"{b} ({b.language})" for b in ALL if b.language not in RUN | SHOWN]
    assert not strange, f"say how these run, or mark them text: {strange}"


def test_every_command_is_documented() -> None:
    from tianmu.cli import main

    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for name, command in main.commands.items():
        if command.hidden:
            continue
        assert f"## `tianmu {name}" in text, f"docs/commands.md has no section for tianmu {name}"
        for sub in getattr(command, "commands", {}):
            assert f"`tianmu {name} {sub}" in text, f"tianmu {name} {sub} is not documented"
        section = text.split(f"## `tianmu {name}`", 1)[1].split("\n## ", 1)[0]
        for one in (command, *getattr(command, "commands", {}).values()):
            for option in one.params:
                if option.param_type_name == "option" and option.name not in {"data", "as_json"}:
                    assert any(o in section for o in option.opts), f"{name}: {option.opts}"


def test_every_noun_of_the_api_is_documented_with_its_permissions() -> None:
    from tianmu.web.openapi import describe

    nouns: dict[str, set[str]] = {}
    for path, methods in describe().openapi()["paths"].items():
        held = nouns.setdefault("/".join(path.split("/")[:3]), set())
        held |= {method["x-permission"] for method in methods.values()}
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(/[^`]+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE))
    for noun, permissions in sorted(nouns.items()):
        wanted = ", ".join(f"`{one}`" for one in sorted(permissions))
        assert told.get(noun) == wanted, f"docs/api.md, What there is: | `{noun}` | … | {wanted} |"


def test_every_permission_is_documented_with_its_roles() -> None:
    from tianmu.access.role import PERMISSIONS, ROLES

    text = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]*) \|$", text, re.MULTILINE)
    wanted = [
        (code, said["en"], ", ".join(r.code for r in ROLES.values() if code in r.permissions))
        for code, said in PERMISSIONS.items()
    ]
    assert told == wanted, f"docs/permissions.md: {set(told) ^ set(wanted)}"


def test_every_room_and_connector_has_a_page() -> None:
    rooms = [p.name for p in (ROOT / "src" / "tianmu").iterdir() if (p / "__init__.py").exists()]
    for room in sorted(set(rooms) - {"cities"}):
        assert (ROOT / "docs" / "rooms" / f"{room}.md").exists(), f"docs/rooms/{room}.md is missing"
    for manifest in (ROOT / "src" / "tianmu" / "sense").glob("*/manifest.toml"):
        page = ROOT / "docs" / "connectors" / f"{manifest.parent.name}.md"
        assert page.exists(), f"{page.relative_to(ROOT)} is missing"


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in pages():
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        broken += [
            f"{page.relative_to(ROOT)} → {target}"
            for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
            if not (page.parent / target).exists()
        ]
    assert not broken, broken


def test_the_readme_has_the_two_commands_in_both_languages() -> None:
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(r"^make up$", text, re.M) and re.search(r"^make test$", text, re.M), name
