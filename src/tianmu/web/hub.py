"""What the web is given of hub, the process it runs in. ``app`` puts it together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tianmu.access import account as accounts
from tianmu.access.entrance import Entrance
from tianmu.access.keys import Keys
from tianmu.access.scope import WHOLE, Principal, below
from tianmu.access.session import Sessions
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.command.deliver import Deliverer
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import encode
from tianmu.facts.topic import DEED
from tianmu.manage.manage import Manage
from tianmu.recognise.blur import Blurrer
from tianmu.store.history.history import History
from tianmu.store.journal.contract import Journal
from tianmu.store.live import Live
from tianmu.store.records import Records, Transaction
from tianmu.store.registry import Registry
from tianmu.web.answer import moment
from tianmu.web.answer.problem import Problem
from tianmu.web.bounds.allowance import Allowance
from tianmu.web.bounds.limit import Rates
from tianmu.web.registrar import Registrar
from tianmu.web.sign_on import SignOn

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger("tianmu.web")
UI = Path(__file__).parent / "ui"
WIDENED = 2.0
"""seconds for which a question waits until another process, after an upgrade, has given its tables
the columns that are asked for"""


@dataclass
class Hub:
    """Everything that routes, push and tiles read or write.

    ``gate``, ``watch`` and ``works`` are read-only; each is None until that process has made its
    file, and asked for anew until then.
    """

    data: Path
    city: City
    records: Records
    """hub's own file: the only one written here"""
    journal: Callable[[], Journal]
    """a reader of its own for each that wants one"""
    registry: Registry
    sessions: Sessions
    manage: Manage
    """the steps a person takes go through it"""
    live: Callable[[], Live | None] = lambda: None
    """the live columns as watch writes them, None until it does; asked until they are there, then
    kept"""
    history: History | None = None
    clock: Callable[[], int] = moment.now
    version: str = "0"
    secure: bool = False
    """served by TLS: cookies are marked so"""
    authority: Path | None = None
    """certificate of the city's own authority, where there is one"""
    ports: Mapping[str, int] = field(default_factory=dict)
    rates: Rates = field(default_factory=Rates)
    allowance: Allowance = field(default_factory=Allowance)
    """what one question about the past may cost"""
    ui: Path = UI
    lags: Callable[[], dict[str, int]] | None = None
    """reader → entries it has still to read, of the other processes"""
    load_pack: Callable[[str | Path], City] = load
    """reads a pack; where a drill moves the clock the city is another than the pack's"""
    sign_on: SignOn | None = None
    """the city's own, where it has one"""
    blurrer: Blurrer | None = None
    """of pictures that leave the city, where a model is set"""

    def __post_init__(self) -> None:
        self.registrar = Registrar(self.records, self.registry)
        self.keys = Keys(self.data / "keys")
        self.entrance = Entrance(self.sessions, self.records, self.clock, self.keys)
        self.deliverer = Deliverer(
            self.records, self.journal, lambda: self.city, self.keys, self.clock
        )
        self._others: dict[str, Records] = {}
        self.memory: dict[str, Any] = {}
        """what parts of the web remember between requests"""
        self._live: Live | None = None
        self._looked = 0.0
        self._look = self.live
        self.live = self._held_live

    def _held_live(self) -> Live | None:
        if self._live is None and time.monotonic() - self._looked > 0.5:
            self._looked = time.monotonic()
            self._live = self._look()
        return self._live

    @cached_property
    def nobody(self) -> Principal:
        """Who asks public routes without a session."""
        return Principal("", "", (), frozenset(), WHOLE, "person")

    def other(self, name: str) -> Records | None:
        """The file of another process (``gate``, ``watch``, ``works``), read-only; None as long
        as it is not there."""
        held = self._others.get(name)
        if held is None:
            try:
                held = Records(self.data / f"{name}.sqlite", readonly=True)
            except FileNotFoundError:
                return None
            held = self._others.setdefault(name, held)
        return held

    def ask(self, name: str, question: Callable[[Connection], Any], otherwise: Any) -> Any:
        """A read-only question to another process's file; ``otherwise`` where it has no such file
        or table yet. 503 with ``Retry-After`` where a table has lacked a column for ``WIDENED``
        seconds: what it would say is not known, and no answer is not the same as none."""
        held = self.other(name)
        if held is None:
            return otherwise
        from sqlalchemy.exc import OperationalError

        end = time.monotonic() + WIDENED
        while True:
            try:
                return held.read(question)
            except OperationalError as error:
                why = str(error.orig)
                if "no such table" in why:
                    return otherwise
                if "no such column" not in why:
                    raise
                if time.monotonic() > end:
                    log.warning("%s.sqlite is not of this release yet: %s", name, why)
                    raise _not_ready(name) from error
            time.sleep(0.05)

    def below(self, division: str) -> frozenset[str]:
        """A division and all below it; only itself where the pack does not know it."""
        return below(division, {c: d.parent for c, d in self.city.divisions.items()})

    def names_of(self, names: Collection[str]) -> dict[str, str]:
        """What the persons behind accounts are called."""
        return self.records.read(lambda connection: accounts.names(connection, names))

    def deed(self, tx: Transaction, deed: Deed) -> int:
        """Append what a person did, in the caller's transaction; its position."""
        return tx.append(DEED.name, encode(deed)).position

    def close(self) -> None:
        """Close the other processes' files; ``records`` is its owner's to close."""
        for held in self._others.values():
            held.close()
        if self.sign_on is not None:
            self.sign_on.close()
        if self._live is not None:
            self._live.close()
            self._live = None
        self._others.clear()


def _not_ready(name: str) -> Problem:
    return Problem(
        503,
        "not-ready",
        f"{name} has not brought its tables to this release yet",
        "try again when Retry-After says",
        headers={"Retry-After": "2"},
    )


def parents(city: City) -> tuple[dict[str, str], dict[str, str]]:
    """For ``Sessions``: division → parent, department → parent."""
    return (
        {one.code: one.parent for one in city.divisions.values()},
        {one.code: one.parent for one in city.departments.values()},
    )
