"""A file of complaints, played by the command into a running city."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .town import every, tianmu


def test_complaints_of_a_file_are_reports_from_elsewhere(running_city: Any, tmp_path: Path) -> None:
    city = running_city.city()
    said = {f"一号小区第{n}栋楼道灯不亮" for n in range(3)}
    path = tmp_path / "complaints.csv"
    path.write_text("title,text\n" + "".join(f"路灯,{text}\n" for text in said), encoding="utf-8")
    played = tianmu(
        "feed", "--data", str(running_city.data), "--devices", "0", "--panels", "0",
        "--complaints", str(path), "--reports-per-hour", "7200", "--seconds", "8",
    )  # fmt: skip
    assert played.returncode == 0, played.stderr.decode()
    assert b"nobody plays the people" in played.stderr
    ours = [r for r in every(city, "/api/reports") if r["text"] in said]
    assert {r["text"] for r in ours} == said and {r["title"] for r in ours} == {"路灯"}
    assert {r["origin"] for r in ours} == {"transplanted"}
    assert len({(r["place"]["longitude"], r["place"]["latitude"]) for r in ours}) == len(ours)
