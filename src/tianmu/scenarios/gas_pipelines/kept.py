"""The threshold of just a city's instruments: reckoned once, in works, and kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import msgspec

from tianmu.scenarios.gas_pipelines import leak
from tianmu.scenarios.gas_pipelines.threshold import threshold
from tianmu.scenarios.settings import settings_of

FILE = "threshold.json"
MOST = 20
"""that are kept: instruments fall silent and come back"""
FORM = 4
"""of how a score and its threshold are reckoned: another has other thresholds"""


def kept_threshold(watch: leak.Watch, folder: Path) -> float:
    """The score that is an alarm so often a week as is tolerable where nothing leaks. Takes some
    ten seconds of processor time the first time, and again when network, instruments or settings
    change."""
    per_week = float(settings_of(__file__)["judged"]["per_week"])
    key, file = _key(watch, per_week), folder / FILE
    held: dict[str, float] = {}
    # not there, or not to be read: it is reckoned
    with contextlib.suppress(OSError, msgspec.DecodeError):
        held = msgspec.json.decode(file.read_bytes(), type=dict[str, float])
    if key in held:
        return held[key]
    found = threshold(watch, per_week)
    held = dict([*held.items(), (key, found)][-MOST:])
    fresh = file.with_suffix(".new")
    folder.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps(held), encoding="utf-8")
    fresh.replace(file)
    return found


def _key(watch: leak.Watch, per_week: float) -> str:
    own = settings_of(__file__)
    digest = hashlib.blake2b(digest_size=16)
    digest.update(
        json.dumps(
            [FORM, own["leak"], own["demand"], watch.every_min, per_week], sort_keys=True
        ).encode()
    )
    network, layout = watch.network, watch.layout
    for one in (
        network.pipe, network.start, network.end, network.length, network.usual, network.sink_at,
        network.feed_at, network.feed_bar, layout.flow, layout.pressure, layout.metered,
    ):  # fmt: skip
        digest.update(one.tobytes())
    return digest.hexdigest()
