"""Each kind of file damaged in each way: found, mended from the journal; the past says the same.
Where the journal has gone on, what can be read is kept and what is lost is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.store.test_rollups import MEMBERS

from tianmu.facts.batch import ObservationBatch
from tianmu.store.history import History, job, parquet
from tianmu.store.history.manifest import BY_AREA, DAY, HOUR, KINDS, RAW, File
from tianmu.store.history.mend import Mended
from tianmu.store.history.rounds import Rounds
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.purge import Horizon, purge
from tianmu.store.records import Records

START = (time.time_ns() // 1000 // DAY - 2) * DAY
STREAMS = 6


class Past:
    """A journal with six entries, a flush of each, merged to a level."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.gate = Records(data / "gate.sqlite")
        self.works = Records(data / "works.sqlite")
        self.journal = SqliteJournal(data)
        self.history = History(data, self.works, membership=lambda: MEMBERS)

    def fill(self, flushes: int = 6) -> None:
        rng = np.random.default_rng()
        n = 700
        for _ in range(flushes):
            batch = ObservationBatch(
                datastream=rng.integers(0, STREAMS, n).astype(np.uint32),
                phenomenon_time=START + rng.integers(0, 2000, n) * 61_000_000,
                value=rng.integers(-5, 6, n).astype(np.float64),
                quality=rng.integers(0, 4, n).astype(np.uint8),
                received=START,
                source=1,
                side={0: {"state": "on"}},
            )
            payload = batch.encode()
            at = self.gate.transact(lambda tx, p=payload: tx.append("observation", p)).position
            self.history.append([batch], {"observation": at})
            self.history.flush()

    def answers(self) -> list[Any]:
        found: list[Any] = []
        for stream in range(STREAMS):
            series = self.history.series(stream, START, START + 3 * DAY, 1 << 20)
            found.append([series.time.tolist(), series.value.tolist(), series.text])
            envelope = self.history.series(stream, START, START + 3 * DAY, 10)
            found.append([envelope.time.tolist(), envelope.count.tolist(), envelope.high.tolist()])
        hours = self.history.windows(np.arange(STREAMS), START, START + 3 * DAY, 3_600_000_000)
        found.append([hours.key.tolist(), hours.count.tolist(), hours.low.tolist()])
        for kind in KINDS[1:]:
            rows: list[Any] = []
            for file in self.history.files():
                if file.kind == kind:
                    rows += pq.read_table(self.data / "history" / file.name).to_pylist()
            rows.sort(key=repr)
            found.append([kind, rows])
        return found

    def let_journal_go(self) -> None:
        horizon = Horizon(hours=0.0)
        purge(self.gate, horizon, self.works.positions() | {("watch", "observation"): 1 << 40},
              now=time.time_ns() // 1000 + DAY)  # fmt: skip

    def mend(self) -> list[Mended]:
        damages = list(self.history.examine())
        return self.history.mend(damages, self.journal)

    def one(self, kind: str) -> File:
        return next(f for f in self.history.files() if f.kind == kind)

    def close(self) -> None:
        self.history.close()
        self.journal.close()
        self.works.close()
        self.gate.close()


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Past]:
    monkeypatch.setattr(job, "PARTS", 3)
    monkeypatch.setattr(parquet, "ROWS", 256)  # several row groups
    found = Past(tmp_path)
    yield found
    found.close()


def flip(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 3] ^= 0xFF
    path.write_bytes(whole)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


HARM: dict[str, Callable[[Path], None]] = {
    "flip": flip,
    "truncate": truncate,
    "delete": Path.unlink,
}


def to_level(past: Past, level: int) -> None:
    if level == 1:
        while past.history.tidy():
            pass
    elif level == 3:
        for day in past.history.days():
            past.history.compact(day)


CASES = [(0, k) for k in (RAW, *BY_AREA)] + [(1, k) for k in (RAW, HOUR, "day", *BY_AREA)]
CASES += [(3, k) for k in (RAW, HOUR, "day", *BY_AREA)]


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize(("level", "kind"), CASES)
def test_a_damaged_file_is_found_and_mended(past: Past, level: int, kind: str, harm: str) -> None:
    past.fill()
    to_level(past, level)
    assert list(past.history.examine()) == []
    before = past.answers()
    file = past.one(kind)
    assert file.level == level
    HARM[harm](past.data / "history" / file.name)
    (damage,) = past.history.examine()
    assert damage.file == file
    (mended,) = past.history.mend([damage], past.journal)
    assert mended.losses == () and past.history.losses() == []
    assert list(past.history.examine()) == []
    assert past.answers() == before
    assert not list(past.data.glob("history/.work-*"))


def test_everything_damaged_at_once_is_mended(past: Past) -> None:
    past.fill()
    to_level(past, 1)
    past.fill(2)
    before = past.answers()
    for number, file in enumerate(past.history.files()):
        list(HARM.values())[number % 3](past.data / "history" / file.name)
    assert len(list(past.history.examine())) == len(past.history.files())
    mended = past.mend()
    assert all(one.losses == () for one in mended)
    assert list(past.history.examine()) == [] and past.answers() == before


@pytest.mark.parametrize("harm", HARM)
def test_what_the_journal_has_no_more_is_salvaged_and_the_loss_is_told(
    past: Past, harm: str
) -> None:
    past.fill()
    to_level(past, 3)
    file = past.one(RAW)
    before = past.history.windows(np.arange(STREAMS), START, START + 3 * DAY, 3_600_000_000)
    rows_before = sum(f.rows for f in past.history.files() if f.kind == RAW and f.day == file.day)
    past.let_journal_go()
    HARM[harm](past.data / "history" / file.name)
    (mended,) = past.mend()
    assert list(past.history.examine()) == []
    kept = sum(f.rows for f in past.history.files() if f.kind == RAW and f.day == file.day)
    lost = sum(loss.rows for loss in mended.losses)
    assert kept + lost == rows_before
    after = past.history.windows(np.arange(STREAMS), START, START + 3 * DAY, 3_600_000_000)
    if harm == "flip" and not lost:  # the byte lay in what no page's checksum covers: no value
        assert after.count.tolist() == before.count.tolist()
        assert after.mean.tolist() == before.mean.tolist()
        return
    assert lost > 0
    if harm == "flip":
        assert 0 < lost < rows_before
        (loss,) = mended.losses
        assert 0 <= loss.low_stream <= loss.high_stream < STREAMS
        assert file.low_time <= loss.low_time <= loss.high_time <= file.high_time
    assert [x.rows for x in past.history.losses()] == [x.rows for x in mended.losses]
    assert all(file.name in x.why and x.at > 0 for x in past.history.losses())
    if harm == "flip":
        assert after.count.sum() < before.count.sum()
    else:  # no observation is left of that day: its roll-ups are, as after retention
        assert after.count.sum() == before.count.sum()


def test_half_from_the_journal_half_from_the_file(past: Past) -> None:
    past.fill(3)
    past.let_journal_go()
    past.fill(3)
    to_level(past, 3)
    before = past.answers()
    file = past.one(RAW)
    path = past.data / "history" / file.name
    whole = bytearray(path.read_bytes())
    at = whole.index(b"tianmu.positions")  # told in the footer: the rows can be read still
    whole[at] ^= 0x20
    path.write_bytes(whole)
    (mended,) = past.mend()
    assert mended.losses == () and past.answers() == before
    file = past.one(RAW)
    truncate(past.data / "history" / file.name)  # of this the journal has what came after
    (mended,) = past.mend()
    (loss,) = mended.losses
    kept = sum(f.rows for f in past.history.files() if f.kind == RAW and f.day == file.day)
    assert kept > 0 and kept + loss.rows == file.rows


@pytest.mark.parametrize("kind", [HOUR, "day", *BY_AREA])
def test_rollups_of_what_was_let_go(past: Past, kind: str) -> None:
    from tianmu.store.history import Retention

    past.fill()
    to_level(past, 3)
    past.history.retain(Retention(raw_days=1), START + 9 * DAY)
    assert all(f.kind != RAW for f in past.history.files())
    before = past.answers()
    file = past.one(kind)
    HARM["truncate"](past.data / "history" / file.name)
    (mended,) = past.mend()
    if kind == HOUR:
        (loss,) = mended.losses
        assert (loss.kind, loss.rows) == (HOUR, file.rows)
    else:
        assert mended.losses == () and past.answers() == before
    assert list(past.history.examine()) == []


def test_rollups_that_say_something_else_are_found(past: Past) -> None:
    past.fill(1)
    to_level(past, 3)
    before = past.answers()
    for kind in (HOUR, "day", *BY_AREA):
        file = past.one(kind)
        path = past.data / "history" / file.name
        table = pq.read_table(path)
        place = table.column_names.index("count")
        counts = table["count"].to_numpy().copy()
        counts[0] += 1
        table = table.set_column(place, table.schema.field("count"), [counts])
        pq.write_table(table, path)
        past.works.transact(
            lambda tx, n=file.name: tx.raw.execute(
                "UPDATE history_file SET checksum = '' WHERE name = ?", (n,)
            ).close()
        )
        (damage,) = past.history.examine()
        assert damage.file.name == file.name and "not what its observations" in damage.what
        past.mend()
    assert list(past.history.examine()) == [] and past.answers() == before


def test_works_goes_round_and_mends(past: Past) -> None:
    past.fill()
    told: list[Mended] = []
    rounds = Rounds(past.history, past.journal, told.append, size=1)
    assert rounds() == []
    before = past.answers()
    HARM["delete"](past.data / "history" / past.one(RAW).name)
    rounds()
    assert len(told) == 1 and past.answers() == before  # a missing file is seen at once
    flip(past.data / "history" / past.one(RAW).name)
    for _ in range(len(past.history.files()) + 1):
        rounds()
    assert len(told) == 2 and past.answers() == before


def test_a_damaged_file_cannot_become_part_of_a_merge(past: Past) -> None:
    past.fill()
    before = past.answers()
    truncate(past.data / "history" / past.one(RAW).name)
    with pytest.raises(Exception, match=r"(?i)parquet|magic|footer"):
        past.history.tidy()
    assert not list(past.data.glob("history/*/.*"))
    past.mend()
    assert past.answers() == before
    assert past.history.tidy()
