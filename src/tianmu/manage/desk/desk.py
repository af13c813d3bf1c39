"""The open cases in memory.

Everything here runs in the one thread that writes ``hub.sqlite``. What is in memory is a copy of
the tables; whenever a transaction may not have reached the disk it is thrown away and read again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from tianmu.city.charter.tuning import Tuning
from tianmu.manage import intake
from tianmu.manage.case.state import CaseState
from tianmu.manage.clocks.deadline import DueList
from tianmu.manage.contact.gathering import DUE, Gathering
from tianmu.manage.contact.reach import Reach
from tianmu.manage.desk import waiting
from tianmu.manage.kept import ledger, query, table
from tianmu.manage.kept.fresh import Fresh
from tianmu.manage.kept.ruling import ruled
from tianmu.manage.signals.anchor import Anchor, anchor_of, placed, widen
from tianmu.manage.signals.heard import Labels, nothing
from tianmu.manage.signals.open_cases import OpenCases
from tianmu.manage.signals.proposed import Proposals
from tianmu.manage.signals.signal import again
from tianmu.manage.signals.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tianmu.city.city import City

_generation = select(table.counter.c.value).where(table.counter.c.name == table.GENERATION)


class Desk:
    """What is open now. ``load`` fills it; ``Work`` changes it."""

    def __init__(
        self,
        city: City,
        tuning: Tuning | None = None,
        policy: intake.Policy | None = None,
        labels: Labels = nothing,
        reach: Reach | None = None,
    ) -> None:
        self.labels = labels
        self._tuning = tuning
        self.reach = reach or Reach()
        self.policy = policy or intake.Policy()
        self.loaded = False
        self.fresh = Fresh()
        self.set_city(city)
        self._clear()

    def set_city(self, city: City) -> None:
        """Another pack is in force: what is open is read again under it."""
        self.pack = self.city = city
        self.vocabulary = Vocabulary.of(city)
        self.proposals = Proposals(city, self.vocabulary)
        self.loaded = False

    def set_roster(self, city: City, connection: Connection) -> None:
        """Other persons are on duty; all else of the pack is as it was."""
        self.pack, self.city = city, ruled(city, connection)
        self.reach.forget()

    def _clear(self) -> None:
        self.states: dict[str, CaseState] = {}
        self.before: dict[str, CaseState | None] = {}
        """cases as they were before the last transaction that changed them"""
        self.index = OpenCases.of(self.city, self._tuning or self.city.merging.weights)
        self.due = DueList()
        self.alarms: dict[str, str] = {}
        """alarm → its open case, while the alarm has not returned"""
        self.counters: dict[str, int] = {}
        self.unreached: set[str] = set()
        """open cases whose contact ladder is at its end, and nobody has answered"""
        self.asked_at: int | None = None
        """when rules that hold at some times only were last asked: see ``season``"""
        calling = self.city.contact.calling
        self.gathering = Gathering(calling.notices, calling.notices_min)
        self.loaded = False

    def ready(self, connection: Connection) -> None:
        """Read the tables if memory is not what was last written."""
        stored = connection.scalar(_generation)
        if not self.loaded or (stored or 0) != self.counters.get(table.GENERATION, 0):
            self.load(connection)

    def load(self, connection: Connection) -> None:
        """Memory from the tables: open cases, their signals, their clocks."""
        self.city = ruled(self.pack, connection)
        self.fresh.forget()
        self._clear()
        for name, value in connection.execute(select(table.counter.c.name, table.counter.c.value)):
            self.counters[name] = value
        rows = connection.execute(select(table.STATE).where(table.OPEN))
        anchors: dict[int, Anchor] = {}
        for (data,) in rows:
            state = ledger.decode_state(data)
            self.states[state.case] = state
            self.due.put(state.case, state.next_mark_at)
            if unreached(state):
                self.unreached.add(state.case)
            serial = table.serial_of(state.case)
            anchors[serial] = anchor_of(state, self.index.metres, again=True)
        known = (
            select(table.member.c.serial, table.member.c.told, table.member.c.returned)
            .join(table.case, table.case.c.serial == table.member.c.serial)
            .where(table.OPEN)
            .order_by(table.member.c.serial, table.member.c.sequence)
        )
        identities: list[tuple[str, str]] = []
        for serial, told, returned in connection.execute(known):
            anchor = anchors[serial]
            signal = again(ledger.decode_member(told)[0], anchor.probe)
            widen(anchor, signal)
            self.index.learn(signal)
            if signal.identity:
                identities.append((anchor.case, signal.identity))
            if signal.kind == "alarm" and not returned:
                self.alarms[signal.id] = anchor.case
        for anchor in anchors.values():
            placed(anchor, self.states[anchor.case].place)
            self.index.put(anchor)
        for case, identity in identities:
            self.index.know(case, identity)
        waiting.load(connection, self.index)
        self.gathering.load(connection)
        self.due.put(DUE, self.gathering.next_at)
        self.loaded = True

    def version(self, case: str, version: int) -> CaseState | None:
        """A case as its event ``version`` left it, if memory still holds that; from any thread.
        Whoever has read that event from the journal may show it: it is on disk."""
        for held in (self.states.get(case), self.before.get(case)):
            if held is not None and held.version == version:
                return held
        return None

    def state(self, connection: Connection, case: str) -> CaseState | None:
        """A case as it is, open or not; None where there is none."""
        state = self.states.get(case)
        return state if state is not None else query.read(connection, case)


def unreached(state: CaseState) -> bool:
    """Whether everybody was called for it, and nobody has answered."""
    return state.open and any(one.state == "exhausted" for one in state.contacts)
