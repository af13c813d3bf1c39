"""Peers beside us: each installed if need be, run, and what it reached set against our figure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tianmu.rehearse.peers.contract import Figure, Peer, cache

Input = TypeVar("Input")
Tell = Callable[[str], None]


def compare(
    peers: Sequence[Peer[Input]],
    given: Input,
    ours: dict[str, Any],
    *,
    tell: Tell = lambda text: None,
    folder: Path | None = None,
) -> list[dict[str, Any]]:
    """What ``peers`` holds in the answer of a measurement: one entry for each figure, and one for
    each peer that is not to be had here (``figure`` null, ``note`` why). ``ratio`` is how many
    times better ours is, more a second or less time or space."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    found: list[dict[str, Any]] = []
    for peer in peers:
        place = (folder or cache()) / peer.name.lower().replace(" ", "-")
        version = None
        try:
            if not peer.installed(place):
                tell(f"installing {peer.name} ({peer.licence}) into {place}")
            version = peer.install(place)
            tell(f"running {peer.name} {version}")
            figures = peer.run(place, given)
        except (RuntimeError, OSError, httpx.HTTPError, EOFError) as error:
            tell(f"{peer.name}: not available here: {error}")
            found.append(_absent(peer, version, str(error) or type(error).__name__))
            continue
        found += [_entry(peer, version, one, ours) for one in figures]
    return found


def _entry(
    peer: Peer[Any], version: str | None, one: Figure, ours: dict[str, Any]
) -> dict[str, Any]:
    own = ours.get(one.against)
    ratio = None
    if own and one.figure:
        ratio = round(own / one.figure if one.better == "more" else one.figure / own, 2)
    return {
        "name": peer.name, "version": version, "licence": peer.licence, "what": one.what,
        "figure": round(one.figure, 2) if one.figure < 1000 else round(one.figure),
        "unit": one.unit, "against": one.against or None, "ratio": ratio, "note": one.note,
    }  # fmt: skip


def _absent(peer: Peer[Any], version: str | None, why: str) -> dict[str, Any]:
    return {
        "name": peer.name, "version": version, "licence": peer.licence,
        "what": "not available here", "figure": None, "unit": "", "against": None,
        "ratio": None, "note": why,
    }  # fmt: skip


def lines(entries: Sequence[dict[str, Any]]) -> list[str]:
    """The same for people: two lines a figure, the second says what it does more or less. ``×2``:
    ours is twice as good."""
    shown: list[str] = []
    for one in entries:
        who = f"{one['name']} {one['version'] or ''}".strip()
        if one["figure"] is None:
            shown.append(f"  {who:<28} not available here: {one['note']}")
            continue
        ratio = f"   ours ×{one['ratio']:,g}" if one["ratio"] is not None else ""
        shown.append(f"  {who:<28} {one['figure']:>14,} {one['unit']}{ratio}")
        shown.append(f"  {'':<28} {one['what']}; {one['note']}".rstrip("; "))
    return shown
