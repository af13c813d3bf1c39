"""What ``tianmu up`` prints: by what it names accounts, people find them again on the pages."""

from __future__ import annotations

from pathlib import Path

from tianmu.access import first
from tianmu.app.process import Said
from tianmu.app.settings import Settings
from tianmu.app.start import greeting

NOTE = {"zh": "请安装 mosquitto。", "en": "Install mosquitto."}


def greeted(tmp_path: Path) -> list[str]:
    accounts = [account for account, role, _ in first.FIRST if role != "duty_officer"]
    hub = Said(
        name="hub", pid=1, state="ready", ports={"web": 8620}, link="wall",
        links={one: f"secret-of-{one}" for one in accounts},
    )  # fmt: skip
    gate = Said(name="gate", pid=2, state="ready", ports={"http": 8621}, notes=[NOTE])
    settings = Settings(pack="liyang", data=str(tmp_path))
    return greeting(settings, {"hub": hub, "gate": gate}, "溧阳市")


def test_administrators_are_named_as_their_accounts(tmp_path: Path) -> None:
    lines = [line.split() for line in greeted(tmp_path) if "secret-of" in line]
    assert [name for name, _ in lines] == ["system", "security", "audit"]
    assert all(link.endswith(f"/open#secret-of-{name}") for name, link in lines)


def test_a_note_stands_in_each_language_on_a_line_of_its_own(tmp_path: Path) -> None:
    lines = greeted(tmp_path)
    at = lines.index("  Note: Install mosquitto.")
    assert lines[at + 1].strip() == NOTE["zh"]
