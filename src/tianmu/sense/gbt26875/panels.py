"""The panels that may speak: their source, settings, link and what is remembered of them."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from tianmu.facts.registry import SourceChanged
from tianmu.sense.contract import Intake
from tianmu.sense.gbt26875.body import Object
from tianmu.sense.gbt26875.link import Link
from tianmu.sense.gbt26875.readings import PROTOCOL, Panel
from tianmu.sense.gbt26875.settings import DEFAULT, Settings, read_settings

log = logging.getLogger("tianmu.gbt26875")

NOBODY = "0" * 12
"""the source address of panels that were never given one"""


@dataclass(eq=False)
class Known:
    """A panel whose source is registered."""

    wire: str
    """its source address, 12 hex digits (with ``@<ip>`` where it has none of its own)"""
    source: SourceChanged
    panel: Panel
    settings: Settings = DEFAULT
    link: Link | None = None
    destination: str = NOBODY
    """the address by which it calls the centre"""
    version: tuple[int, int] = (1, 0)
    linked_at: int = 0
    """µs: when its link was last told as up"""
    clock_set_at: int = 0
    """µs: when its clock was last set on this link, 0 never"""
    duty: list[asyncio.Future[Object]] = field(default_factory=list)
    """duty checks that wait for the operator's answer"""

    def wire_address(self) -> str:
        """The address to write into frames: without the ``@<ip>``."""
        return self.wire[:12]


class Panels:
    """Known panels by wire address. Unknown ones take no memory."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._known: dict[str, Known] = {}

    def __len__(self) -> int:
        return sum(known.link is not None for known in self._known.values())

    def find(self, address: str, peer: str) -> Known | None:
        """The panel with this source address, if an active source may speak for it. One without
        an address of its own is known by the IP address it speaks from."""
        names = [address]
        if address == NOBODY:
            names.insert(0, f"{NOBODY}@{host(peer)}")
        for wire in names:
            source = self._intake.source(PROTOCOL, wire)
            if source is not None:
                return self._known_as(wire, source)
        return None

    def by_address(self, address: str) -> Known | None:
        """A panel that has spoken, by wire or device address."""
        return self._known.get(address.removeprefix(f"{PROTOCOL}/"))

    def _known_as(self, wire: str, source: SourceChanged) -> Known:
        known = self._known.get(wire)
        if known is not None and known.source is source:
            return known
        settings, wrong = read_settings(source.settings)
        if wrong:
            log.warning("source %s: %s", source.source, wrong)
        if known is None:
            known = Known(wire, source, Panel(f"{PROTOCOL}/{wire}"))
            self._known[wire] = known
        known.source, known.settings = source, settings
        return known


def host(peer: str) -> str:
    """The IP address in ``ip:port``."""
    return peer.rpartition(":")[0]
