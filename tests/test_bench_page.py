"""What ``make bench`` keeps and shows: nothing that failed is dropped, what is missed is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benchmarks import page, run
from benchmarks.measurements import Figure, Measurement, found, measurements

SPEED = Measurement(
    "speed of it",
    ("fake", "--json"),
    (
        Figure("rate", "a second", "1/s", at_least=100),
        Figure("by.*", "of", "ms", at_most=1.8),
        Figure("lost", "lost", at_most=0),
    ),
    runs=2,
    peers=True,
    listed="by.odd",
)
FAKE = """
import json, pathlib, sys
log = pathlib.Path("calls")
calls = log.read_text().splitlines() if log.exists() else []
log.write_text("\\n".join([*calls, " ".join(sys.argv[1:])]))
if (why := pathlib.Path("why")).exists():
    sys.exit(why.read_text())
answer = {"rate": 50 + len(calls), "lost": 0, "by": {"gate": 1.5, "hub": 2.0,
          "odd": [{"row": 3, "parts": {"a": 1, "b|": 2}}]}}
if "--peers" in sys.argv:
    answer["peers"] = [
        {"name": "Other", "version": "4", "what": "all|of it", "figure": 25.0, "unit": "1/s",
         "against": "rate", "ratio": 2.0, "note": "less"},
        {"name": "Away", "version": None, "what": "not available here", "figure": None, "unit": "",
         "against": None, "ratio": None, "note": "in no registry"},
    ]
print("progress")
print(json.dumps(answer))
sys.exit(1)
"""


@pytest.fixture()
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a command of its own, and its own files of results."""
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(page, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(page, "NOTES", tmp_path / "notes.json")
    monkeypatch.setattr(page, "PAGE", tmp_path / "README.md")
    monkeypatch.setattr(run, "commit", lambda: "abc1234")
    (tmp_path / "fake.py").write_text(FAKE)
    (tmp_path / "README.md").write_text(f"# Head\n\n{page.BEGIN}\nold\n{page.END}\n\nTail\n")
    return tmp_path


def take(folder: Path, **more: Any) -> dict[str, Any]:
    file = folder / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    run.take(SPEED, results, **{"runs": 3, "peers": True, "resume": False, **more})
    page.write([SPEED])
    kept: dict[str, dict[str, Any]] = json.loads(file.read_text())
    return kept[SPEED.name]


def test_runs_are_kept_and_shown_with_peers_of_the_first(bench: Path) -> None:
    kept = take(bench)
    assert [one["answer"]["rate"] for one in kept["runs"]] == [50, 51], "at most its own number"
    assert (bench / "calls").read_text().splitlines() == ["--json --peers", "--json"]
    text = (bench / "README.md").read_text()
    assert text.startswith("# Head\n")
    assert text.endswith("\nTail\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if "a second" in line)
    assert "≥ 100 1/s" in row
    assert "50.50 1/s (50 … 51)" in row
    assert "**missed**: nobody has said yet why" in row
    assert "Other 4: 25 1/s (ours ×2; all\\|of it)" in row
    assert "abc1234" in row
    assert "| of gate | 1.50 ms (1.50 … 1.50) |" in text
    for each, said in (("gate", "reached"), ("hub", "**missed**")):
        aimed = next(line for line in text.splitlines() if f": of {each} |" in line)
        assert "≤ 1.80 ms" in aimed
        assert said in aimed
    assert "Odd: 1.\n\n| row | parts |\n|---|---|\n| 3 | a 1, b\\| 2 |\n" in text
    assert "| Away | not available here | | in no registry |" in text
    assert "](#speed-of-it)" in text
    assert "## speed of it" in text
    lost = next(line for line in text.splitlines() if ": lost |" in line)
    assert "missed" not in lost


def test_a_note_says_why_and_is_not_written_over(bench: Path) -> None:
    notes = {SPEED.name: {"rate": "the disk; a faster one"}}
    (bench / "notes.json").write_text(json.dumps(notes))
    take(bench)
    assert "**missed**: the disk; a faster one" in (bench / "README.md").read_text()
    assert json.loads((bench / "notes.json").read_text()) == notes


def test_a_run_that_failed_is_written_down_as_failed(bench: Path) -> None:
    (bench / "why").write_text("no room left")
    kept = take(bench)
    assert len(kept["runs"]) == 2
    assert all("no room left" in one["failed"] for one in kept["runs"])
    text = (bench / "README.md").read_text()
    assert "**none**: the run failed: ended with 1: no room left" in text
    assert "2 runs, of which 2 failed" in text


def test_it_goes_on_where_it_was_stopped(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take(bench, runs=1)
    kept = take(bench, resume=True)
    assert (bench / "calls").read_text().splitlines() == ["--json --peers", "--json"]
    assert len(kept["runs"]) == 2
    monkeypatch.setattr(run, "commit", lambda: "def5678")
    kept = take(bench, resume=True, peers=False)
    assert [one["answer"]["rate"] for one in kept["runs"]] == [52, 53], "another commit: all anew"


def test_what_was_not_measured_is_said(bench: Path) -> None:
    page.write([SPEED])
    text = (bench / "README.md").read_text()
    assert "| speed of it: a second |" in text and "not measured yet" in text
    assert "](#speed-of-it)" not in text, "a link to a section that is not there"
    (bench / "notes.json").write_text(json.dumps({SPEED.name: {"rate": "100 by hand"}}))
    page.write([SPEED])
    assert "not measured yet | 100 by hand |" in (bench / "README.md").read_text()


def test_ways_to_a_figure() -> None:
    answer = {
        "a": {"b": 1}, "times": [3, 1, 2], "ok": True, "word": "x", "none": None,
        "queries": [{"name": "one", "ms": 5.0}, {"name": "two", "ms": 6}],
    }  # fmt: skip
    assert list(found(answer, "a.b")) == [("", 1.0)]
    assert list(found(answer, "times")) == [("", 2.0)], "of a list the median"
    assert list(found(answer, "ok")) == [("", 1.0)]
    assert list(found(answer, "queries.two.ms")) == [("", 6.0)]
    assert list(found(answer, "queries.*.ms")) == [("one", 5.0), ("two", 6.0)]
    for key in ("word", "none", "a.c", "a.b.c", "queries.three.ms", "nothing.*"):
        assert list(found(answer, key)) == []
    assert list(found(None, "a")) == []


def test_every_measurement_is_aimed_and_has_a_name_of_its_own() -> None:
    every = measurements(1_000, 1.0)
    assert len({one.name for one in every}) == len(every)
    for one in every:
        assert any(figure.aim for figure in one.figures), one.name
        keys = [figure.key for figure in one.figures]
        assert len(set(keys)) == len(keys), one.name
