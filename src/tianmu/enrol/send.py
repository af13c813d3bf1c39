"""Sending a file to a city in pieces, so that it goes on where it was when anything broke.

A piece is the same bytes whenever the same file is cut the same way, and the city remembers the
digests of what it has taken: what was sent before is passed over. What it took and forgot, or took
in other pieces, it knows by its devices. Nothing is kept on this side.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq

from tianmu.enrol.fault import Fault, Faults, Unusable
from tianmu.enrol.shape import twice
from tianmu.enrol.sheet import Piece, Sheet, open_sheet

CHUNK = 200_000
"""rows of a piece"""
PATIENCE = 120.0
"""seconds without any answer after which we give up"""
SIGN_IN = 10.0
"""seconds within which a city that started again has written down its new tokens"""
_PATH = "/api/devices/bulk"
_PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
_ROW = re.compile(r"rows\[(\d+)\](?:\.(.*))?")


class Refused(RuntimeError):
    """The city will not take it, whatever the file says: the account, the address, its disk."""


class Unreachable(RuntimeError):
    """No answer for ``PATIENCE`` seconds. Run again, it goes on where it was."""


@dataclass
class Progress:
    rows: int = 0
    registered: int = 0
    known: int = 0
    chunks: int = 0
    sent_before: int = 0
    """pieces that an earlier run had sent"""
    of: int = 0
    """rows of the file, or its lines"""
    devices: int = 0
    """of the city now"""
    begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def line(self) -> str:
        """For whoever waits."""
        rate = self.rows / max(self.seconds, 1e-3)
        left = max(self.of - self.rows, 0) / max(rate, 1e-3)
        share = f" of about {self.of:,}" if self.of else ""
        return f"{self.rows:,}{share} rows, {rate:,.0f} rows/s, {left:,.0f} s left"


@dataclass
class Enrolment:
    """One file on its way. ``connect`` gives a client of the city, anew after it was lost;
    ``tell`` gets a line for each piece."""

    connect: Callable[[], httpx.Client]
    tell: Callable[[str], None]
    chunk: int = CHUNK
    check: bool = False
    patience: float = PATIENCE
    progress: Progress = field(default_factory=Progress)
    faults: Faults = field(default_factory=Faults)
    _client: httpx.Client | None = None

    def run(self, file: Path) -> Sheet:
        """Send the file. What was wrong with it is in ``faults`` then: pieces with a fault are
        not registered, those after the first one are only looked at. Raises ``Unusable``,
        ``Refused``, ``Unreachable``, ``OSError``."""
        sheet = open_sheet(file)
        self.progress.of = sheet.rows
        ids: list[Any] = []
        for piece in self._pieces(sheet):
            ids.append((piece.table.select(_named(piece)), piece.numbers))
            self._add(piece.faults)
            if len(piece.table) and piece.faults.count == len(piece.faults.told):
                self._send(piece, {one.row for one in piece.faults.told})
            self.progress.rows += len(piece.table)
            self.progress.chunks += 1
            self.tell(self.progress.line())
            if not (self.check or self.faults):
                ids.clear()  # the city knows them by now
        self._check_all(ids)
        return sheet

    def _pieces(self, sheet: Sheet) -> Iterator[Piece]:
        try:
            yield from sheet.pieces(self.chunk)
        except Unusable as unusable:
            one = unusable.fault
            self.faults.add(one.row, one.column, one.what, one.remedy)

    def _add(self, faults: Faults) -> None:
        for one in faults.told:
            self.faults.add(one.row, one.column, one.what, one.remedy)
        self.faults.count += faults.count - len(faults.told)

    def _check_all(self, ids: list[Any]) -> None:
        """Devices that stand in two pieces, which nobody who looks at one can see."""
        import numpy as np

        if len(ids) < 2:
            return
        before = set(self.faults.told)
        table = pa.concat_tables([one for one, _ in ids])
        numbers = np.concatenate([some for _, some in ids])
        found = Faults()
        for name in table.column_names:
            twice(table[name], name, numbers, found)
        found.told = [one for one in found.told if one not in before]
        found.count = len(found.told) if found.count <= len(before) else found.count
        self._add(found)

    def _send(self, piece: Piece, told_of: set[int]) -> None:
        """Have the piece registered, or, where there are faults, looked at by the city too; it
        need not repeat what was told of rows already."""
        body = _bytes(piece.table)
        digest = hashlib.sha256(body).hexdigest()
        only = self.check or bool(self.faults)
        if not only:
            held = self._ask("GET", f"{_PATH}/{digest}")
            if held.status_code == 200:
                self.progress.sent_before += 1
                self._count(held.json())
                return
        how = {"known": "skip", "check": str(only).lower(), "first_row": str(piece.first)}
        answer = self._ask("POST", _PATH, params=how, content=body, headers=_PARQUET)
        if answer.status_code == 200:
            self._count(answer.json(), only)
            return
        told = answer.json()
        if answer.status_code in {409, 422} and told.get("faults"):
            found = _faults(told)
            # the city counts on from the first row, also past rows that could not be read
            found.told = [
                replace(one, row=int(piece.numbers[one.row - piece.first])) if one.row else one
                for one in found.told
            ]
            fresh = [one for one in found.told if one.row not in told_of]
            found.count -= len(found.told) - len(fresh)
            found.told = fresh
            self._add(found)
            return
        raise Refused(_problem(answer))

    def _count(self, answer: dict[str, Any], only: bool = False) -> None:
        self.progress.registered += 0 if only or answer.get("again") else answer["devices"]
        self.progress.known += answer["rows"] if answer.get("again") else answer["known"]
        self.progress.devices = max(self.progress.devices, answer["count_devices"])

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """An answer, however long the city is away for, up to ``patience``."""
        last = time.monotonic()
        pause, why = 0.25, ""
        while True:
            denied = False
            try:
                if self._client is None:
                    self._client = self.connect()
                answer = self._client.request(method, path, timeout=300, **more)
                if not _later(answer):
                    return answer
                why = _problem(answer)
                if denied := answer.status_code == 401:
                    self._client = None  # a city that started again gave out other tokens
                pause = max(pause, float(answer.headers.get("Retry-After", 0)))
            except (httpx.TransportError, FileNotFoundError) as error:
                self._client, why = None, str(error) or type(error).__name__
            waited = time.monotonic() - last
            if denied and waited > min(SIGN_IN, self.patience):
                raise Refused(why)
            if waited > self.patience:
                raise Unreachable(
                    f"the city has not answered for {self.patience:.0f} s ({why}): start it, and "
                    "run this again; it goes on where it was"
                )
            self.tell(f"waiting for the city: {why}")
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


def _named(piece: Piece) -> list[str]:
    return [name for name in ("device", "address") if name in piece.table.column_names]


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_statistics=False)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _later(answer: httpx.Response) -> bool:
    """Whether to ask again: it is starting, full, or busy."""
    return answer.status_code in {401, 429, 502, 503, 504, 507}


def _problem(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        return f"{answer.status_code}: {answer.text[:200]}"
    words = f"{told.get('detail', '')} {told.get('remedy', '')}".strip()
    return f"{answer.status_code} {told.get('title', '')}: {words}"


def _faults(told: dict[str, Any]) -> Faults:
    found = Faults()
    for one in told["faults"]:
        where = _ROW.fullmatch(one["where"])
        what, _, remedy = one["what"].rpartition(": ")
        row, column = (int(where[1]), where[2] or "") if where else (0, "")
        found.told.append(Fault(row, column, what, remedy))
    more = re.search(r"\(and ([0-9]+) more\)", told.get("detail", ""))
    found.count = max(len(found.told), 1 + int(more[1]) if more else 0)
    return found
