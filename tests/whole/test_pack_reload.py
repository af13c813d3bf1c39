"""A pack that is changed and reloaded is in force in every process."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import httpx

from tianmu.city.pack import locate
from tianmu.rehearse.city import City, connect, credentials, fresh_city

PASSWORD = "Reload-the-pack-1234"


def administrator(data: Path) -> httpx.Client:
    found = credentials(data)
    client = httpx.Client(base_url=found["url"], headers={"X-Requested-With": "tianmu"}, timeout=30)
    answer = client.post("/api/session", json={"account": "system", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


def rule(city: City, code: str) -> dict[str, Any]:
    return next(r for r in city.get("/api/rules")["rules"] if r["code"] == code)


def pids(data: Path) -> dict[str, int]:
    from tianmu.app.status import look

    return {p["name"]: p["pid"] for p in look(data)["processes"] if p["state"] == "ready"}


def test_a_reloaded_pack_reaches_every_process(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(locate("port_ellery"), pack)
    passwords = tmp_path / "passwords"
    passwords.write_text(f"system: {PASSWORD}\n")
    with fresh_city("--pack", str(pack), "--admin-password-file", str(passwords)) as started:
        city = connect(started.data)
        admin = administrator(started.data)
        before = pids(started.data)
        kinds = (pack / "kinds.toml").read_text("utf-8")
        code = next(r["code"] for r in city.get("/api/rules")["rules"] if r["priority"] == 3)
        at = kinds.index(f'code = "{code}"')
        changed = kinds[:at] + kinds[at:].replace("priority = 3", "priority = 2", 1)
        (pack / "kinds.toml").write_text(changed, "utf-8")
        seen = admin.post("/api/pack/check").json()
        assert not seen["faults"] and not seen["same"]
        assert [c["changed"] for c in seen["changes"] if c["noun"] == "rules"] == [[code]]
        assert admin.post("/api/pack/reload").status_code == 200
        end = time.monotonic() + 60
        while time.monotonic() < end:
            now = pids(started.data)
            if set(now) == set(before) and all(
                now[name] != before[name] for name in ("gate", "watch", "works")
            ):
                break
            time.sleep(0.2)
        assert now["hub"] == before["hub"], "hub goes on"
        assert rule(city, code)["priority"] == 2

        (pack / "kinds.toml").write_text(changed.replace("[[kind]]", "[[kind]", 1), "utf-8")
        refused = admin.post("/api/pack/reload")
        assert refused.status_code == 422 and refused.json()["faults"]
        assert rule(city, code)["priority"] == 2
