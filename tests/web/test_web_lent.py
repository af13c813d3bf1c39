"""Pictures of alarms that come to no case are let go; those of cases never are."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tianmu.app import pictures
from tianmu.app.pictures import DAY_S, Pictures, find, let_go
from tianmu.facts.topic import OBSERVATION
from tianmu.manage.evidence.kept import Evidence

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def street(world: Any) -> Iterator[Any]:
    before = world.hub.city
    yield world
    world.hub.city = before
    for mark in (world.hub.data / "evidence" / "lent").glob("*"):
        mark.unlink()


def shown(world: Any, text: str, days: float = 31) -> dict[str, Any]:
    """A picture that was put with the evidence so many days ago."""
    kept = Pictures(world.hub.data).keep(JPEG + text.encode(), "a.jpg", 1)
    assert Pictures(world.hub.data).show(kept["digest"])
    age(world, kept["digest"], days)
    return kept


def age(world: Any, digest: str, days: float) -> None:
    mark = world.hub.data / "evidence" / "lent" / digest
    at = mark.stat().st_mtime - days * DAY_S
    os.utime(mark, (at, at))


def there(world: Any, kept: dict[str, Any]) -> bool:
    return bool(world.hub.manage.evidence.path(kept["digest"]).exists())


def marks(world: Any) -> list[str]:
    return sorted(one.name for one in (world.hub.data / "evidence" / "lent").glob("*"))


def trail(world: Any) -> list[Any]:
    with world.client("audit_admin") as auditor:
        items: list[Any] = auditor.get("/api/audit", params={"verb": pictures.VERB}).json()["items"]
    return items


def test_what_no_case_holds_goes_and_what_one_holds_stays(street: Any) -> None:
    held, lost, new = shown(street, "held"), shown(street, "lost"), shown(street, "new", 29)
    told = {"pictures": [{**held, "role": "handle_before"}]}
    street.raise_alarm(matter=street.matter(), told=told)
    assert let_go(street.hub, lambda: True) == 0, "hub has not read the alarm: nothing is touched"
    assert all(there(street, one) for one in (held, lost, new)) and not trail(street)
    street.settle()
    assert let_go(street.hub) == 1
    assert there(street, held) and there(street, new) and not there(street, lost)
    assert marks(street) == [new["digest"]], "what a case holds is lent no more"
    [record] = trail(street)
    assert record["actor"] == "@system" and record["detail"]["pictures"] == 1
    assert let_go(street.hub) == 0 and len(trail(street)) == 1, "done is done"
    age(street, new["digest"], 2)
    assert let_go(street.hub) == 1 and not there(street, new)


def test_nothing_goes_while_watch_has_not_read_what_was_observed_then(street: Any) -> None:
    lost = shown(street, "lost", 0)
    told = street.gate.transact(lambda tx: tx.append(OBSERVATION.name, b"what a camera saw"))
    mark = street.hub.data / "evidence" / "lent" / lost["digest"]
    os.utime(mark, (0, 0))
    policy = msgspec.structs.replace(street.hub.city.retention, picture_days=1e-9)
    street.hub.city = replace(street.hub.city, retention=policy)
    assert let_go(street.hub) == 0 and there(street, lost)
    street.watch.transact(lambda tx: tx.advance("watch", OBSERVATION.name, told.position))
    assert let_go(street.hub) == 1 and not there(street, lost)


def test_a_city_may_keep_them_for_ever(street: Any) -> None:
    lost = shown(street, "lost", 9999)
    policy = msgspec.structs.replace(street.hub.city.retention, picture_days=0.0)
    street.hub.city = replace(street.hub.city, retention=policy)
    assert let_go(street.hub) == 0 and there(street, lost)


def test_what_somebody_attaches_is_lent_no_more(street: Any) -> None:
    one, evidence = shown(street, "one"), street.hub.manage.evidence
    evidence.keep(JPEG + b"one", Evidence(name="b.jpg", media_type="image/jpeg"))
    assert marks(street) == [] and let_go(street.hub) == 0 and there(street, one)
    own = evidence.keep(JPEG + b"own", Evidence(name="c.jpg", media_type="image/jpeg"))
    Pictures(street.hub.data).keep(JPEG + b"own", "d.jpg", 1)
    assert Pictures(street.hub.data).show(own["digest"]) and marks(street) == []


def test_a_picture_that_is_shown_again_is_lent_anew(street: Any) -> None:
    one = shown(street, "again")
    assert Pictures(street.hub.data).show(one["digest"])
    assert let_go(street.hub) == 0 and there(street, one)


OLDER = """
import os, signal, sys
from pathlib import Path
from tianmu.manage.evidence.kept import Evidence, EvidenceStore
store = EvidenceStore(Path(sys.argv[1]))
about = Evidence(name="a.jpg", media_type="image/jpeg")
for content in sys.argv[2:]:
    store.keep(b"\\xff\\xd8\\xff" + content.encode(), about)
os.kill(os.getpid(), signal.SIGKILL)
"""
"""keeps files as releases did that told whose they are afterwards, and is killed before that"""


def test_a_file_whose_case_was_never_told_is_found_marked_and_goes(street: Any) -> None:
    folder, evidence = street.hub.data / "evidence", street.hub.manage.evidence
    held = shown(street, "kept by a case")
    told = {"pictures": [{**held, "role": "handle_before"}]}
    street.raise_alarm(matter=street.matter(), told=told)
    street.settle()
    let_go(street.hub)
    ended = subprocess.run([sys.executable, "-c", OLDER, str(folder), "a", "b"], check=False)
    assert ended.returncode == -signal.SIGKILL
    kept = [hashlib.sha256(JPEG + text).hexdigest() for text in (b"a", b"b")]
    assert find(street.hub) == 0, "somebody may be about to tell whose it is"
    for digest in (*kept, held["digest"]):
        os.utime(evidence.path(digest), (0, 0))
    assert find(street.hub) == 2 and marks(street) == sorted(kept)
    assert find(street.hub) == 0, "found once"
    assert let_go(street.hub) == 0, "they wait for as long as the pack says"
    about = Evidence(name="b.jpg", media_type="image/jpeg")
    with evidence.taking(JPEG + b"b", about, {kept[1]}.intersection):
        pass  # somebody attaches the same file to a case meanwhile
    for digest in marks(street):
        age(street, digest, 31)
    assert let_go(street.hub) == 1
    assert not evidence.path(kept[0]).exists() and evidence.path(kept[1]).exists()
    assert there(street, held)
    with street.client("audit_admin") as auditor:
        asked = {"verb": pictures.FOUND}
        items = auditor.get("/api/audit", params=asked).json()["items"]
    assert [one["detail"] for one in items] == [{"files": 2}]
    evidence.path(kept[1]).unlink()


@pytest.mark.parametrize("step", ["unlink", "_settle"])
def test_a_kill_in_between_leaves_work_for_the_next_look(
    street: Any, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after kill -9: the file may be gone and its mark there, never the other way round."""
    one = shown(street, step)

    def die(*given: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "unlink":
            patch.setattr(Path, "unlink", die)
        else:
            patch.setattr("tianmu.manage.evidence.kept._settle", die)
        with pytest.raises(KeyboardInterrupt):
            let_go(street.hub)
    assert there(street, one) == (step == "unlink") and marks(street) == [one["digest"]]
    let_go(street.hub)
    assert not there(street, one) and marks(street) == []
