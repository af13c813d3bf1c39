"""``tianmu history check``: whether the past is whole; mending it where the city is stopped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tianmu.app.belonging import Belonging
from tianmu.app.compact import still
from tianmu.app.settings import load
from tianmu.store.history import History
from tianmu.store.history.check import Damage
from tianmu.store.history.manifest import Loss
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import AlreadyOpen, Records


def inspect(data: Path, *, mend: bool) -> dict[str, Any]:
    """What ``history check --json`` says. Raises ``FileNotFoundError`` where there is no city,
    ``OSError`` where it runs and is to be mended."""
    if not (data / "works.sqlite").exists():
        raise FileNotFoundError(f"there is no history in {data}: give the folder of a city")
    return _mend(data) if mend else _report(data)


def _report(data: Path) -> dict[str, Any]:
    past = History(data)
    try:
        return _look(past)[0]
    finally:
        past.close()


def _look(history: History) -> tuple[dict[str, Any], list[Damage]]:
    begun = time.monotonic()
    files = history.files()
    damages = list(history.examine())
    found = {
        "ok": not damages,
        "files": len(files),
        "bytes": sum(f.bytes for f in files),
        "damaged": [
            {"file": d.file.name, "day": d.file.day, "kind": d.file.kind, "what": d.what}
            for d in damages
        ],
        "mended": [],
        "lost": [],
        "seconds": round(time.monotonic() - begun, 2),
    }
    return found, damages


def _mend(data: Path) -> dict[str, Any]:
    from tianmu.city.pack import load as load_pack

    city = load_pack(load(data).pack)
    try:
        records = Records(data / "works.sqlite")
    except AlreadyOpen as error:
        raise OSError(
            f"the city under {data} runs, and works alone writes its history: it mends what it "
            "finds within hours by itself; to mend now, stop the city first"
        ) from error
    with records, SqliteJournal(data) as journal:
        still(data)
        belonging = Belonging(data, city)
        history = History(data, records, membership=belonging)
        try:
            found, damages = _look(history)
            for one in history.mend(damages, journal):
                found["mended"] += [d.file.name for d in one.damages]
                found["lost"] += [dataclasses.asdict(loss) for loss in one.losses]
            found["ok"] = not found["lost"] and len(found["mended"]) == len(found["damaged"])
            return found
        finally:
            history.close()
            belonging.close()


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{found['files']} files, {found['bytes'] / 1e9:.2f} GB, {found['seconds']:g} s"
    for damage in found["damaged"]:
        done = "mended" if damage["file"] in found["mended"] else "damaged"
        yield f"{done}: {damage['file']}: {damage['what']}"
    for loss in found["lost"]:
        yield lost(Loss(**loss))
    if not found["damaged"]:
        yield "nothing is damaged"
    elif not found["mended"]:
        yield "stop the city and use --mend, or leave it to works, which looks every hour"


def lost(loss: Loss) -> str:
    """A loss in a line."""
    return (
        f"lost: at most {loss.rows} rows ({loss.kind} of {loss.day}), datastreams "
        f"{loss.low_stream} to {loss.high_stream}, times {loss.low_time} to {loss.high_time} µs: "
        f"{loss.why}"
    )
