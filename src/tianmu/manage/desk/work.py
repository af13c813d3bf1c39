"""The work of one transaction on open cases: signals, clocks, what was decided, and writing it all.

It runs in the one thread that writes ``hub.sqlite``.
"""

from __future__ import annotations

from sqlalchemy import insert, select

from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.case import CaseEvent
from tianmu.facts.contact import EXHAUSTED
from tianmu.facts.encoding import encode
from tianmu.facts.report import Report
from tianmu.manage import intake
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import ladder as contact
from tianmu.manage.contact.gathering import DUE
from tianmu.manage.desk import season, waiting
from tianmu.manage.desk.calling import Calling
from tianmu.manage.desk.desk import Desk
from tianmu.manage.desk.known import Known
from tianmu.manage.desk.numbering import Numbering
from tianmu.manage.desk.season import SEASON
from tianmu.manage.kept import ledger, table
from tianmu.manage.kept.ruling import ruled
from tianmu.manage.levels import quiet
from tianmu.manage.signals.anchor import Anchor, anchor_of, widen
from tianmu.manage.signals.heard import from_device, from_person
from tianmu.manage.signals.signal import Signal, again
from tianmu.manage.steps import overdue
from tianmu.store.records import Transaction


class Work(Numbering, Calling):
    """What one transaction does to cases. ``finish`` writes it; memory is ahead of the tables from
    the first change on, so a transaction that fails must be followed by ``Desk.load``."""

    def __init__(self, desk: Desk, tx: Transaction) -> None:
        self.desk, self.tx, self.city = desk, tx, desk.city
        desk.ready(tx.connection)
        self.now = tx.now
        self.bridges: list[tuple[str, str]] = []
        """cases that a signal has shown to be one, to be put together when this is written"""
        self._before: dict[str, CaseState | None] = {}
        self._events: list[CaseEvent] = []
        self._counters: set[str] = set()
        self._reports: list[dict[str, object]] = []
        self._told: set[str] = set()
        self._ended: set[str] = set()
        self.known = Known(tx.connection)

    # -- cases -----------------------------------------------------------------------------------

    def state(self, case: str) -> CaseState | None:
        return self.desk.state(self.tx.connection, case)

    def draft(self, case: str) -> Draft:
        """New events for a case that exists; ``LookupError`` where it does not."""
        state = self.state(case)
        if state is None:
            raise LookupError(f"there is no case {case!r}")
        return Draft(case, state, max(self.now, state.changed_at))

    def keep(self, before: CaseState | None, events: list[CaseEvent], after: CaseState) -> None:
        """The events of a draft are to be written; memory follows at once."""
        if not events:
            return
        desk = self.desk
        desk.loaded = False  # until finish: a failure on the way must be noticed
        if not self._before:
            desk.before = self._before
        self._before.setdefault(after.case, before)
        self._events += events
        if after.open:
            desk.states[after.case] = after
            self._index(before, after)
            if before is None or not after.runs_as(before) or not before.open:
                desk.due.put(after.case, after.next_mark_at)
        else:
            desk.states[after.case] = after  # dropped at finish: it may be asked for until then
            desk.index.drop(after.case)
            desk.due.put(after.case, 0)

    def _index(self, before: CaseState | None, after: CaseState) -> None:
        index = self.desk.index
        anchor = index.get(after.case)
        if anchor is None:
            anchor = anchor_of(after, index.metres)
            if before is not None:  # reopened: its signals count again
                self._recall(after, anchor)
            index.put(anchor)
            return
        anchor.active = after.active
        anchor.last_at = max(anchor.last_at, after.last_at)
        anchor.first_at = min(anchor.first_at, after.first_at)
        if before is not None and before.apart != after.apart:
            anchor.apart = frozenset(after.apart)
        if anchor.place != after.place or anchor.matter != after.matter:
            index.drop(after.case, keep_identities=True)
            anchor.settle(after.place, after.matter)
            index.put(anchor)

    def _recall(self, state: CaseState, anchor: Anchor) -> None:
        rows = self.tx.connection.execute(
            select(table.member.c.told, table.member.c.returned).where(
                table.member.c.serial == table.serial_of(state.case)
            )
        )
        for told, returned in rows:
            signal = again(ledger.decode_member(told)[0], state.probe)
            widen(anchor, signal)
            self.desk.index.know(state.case, signal.identity)
            if signal.kind == "alarm" and not returned:
                self.desk.alarms[signal.id] = state.case

    # -- signals ---------------------------------------------------------------------------------

    def alarm(self, event: AlarmEvent) -> None:
        """One transition of one alarm."""
        if event.rule == EXHAUSTED:
            return  # it is about cases, and makes none
        case = self.desk.alarms.get(event.alarm)
        if case is not None and case not in self.desk.states:  # closed while it went on
            del self.desk.alarms[event.alarm]
            case = None
        if event.transition in ("return", "reset"):
            self._returned(event, case)
        elif event.test:
            return
        elif event.transition in contact.ACKNOWLEDGED:
            self.awake(event, case)
        elif case is not None:
            if event.transition == "worsen":
                before = self.state(case)
                draft = self.draft(case)
                intake.worsen(draft, self.city, event)
                self.take(before, draft)
        elif intake.concerns(event, self.desk.policy) and event.alarm not in self._told:
            self._told.add(event.alarm)
            if self.known.member(event.alarm) is None:
                self.signal(from_device(self.city, self.desk.labels, event))

    def _returned(self, event: AlarmEvent, case: str | None) -> None:
        if event.alarm in self._ended:
            return
        self._ended.add(event.alarm)
        if case is None:
            found = self.known.member(event.alarm)
            if found is None or found[1]:
                return
            case = table.case_id(found[0])
        before = self.state(case)
        draft = self.draft(case)
        draft.add("returned", {"member": {"kind": "alarm", "id": event.alarm}, "at": event.at})
        if draft.state.open and not draft.state.active:
            quiet.begin(draft, self.city)
        self.desk.alarms.pop(event.alarm, None)
        self.take(before, draft)

    def look(self, alarms: list[str], reports: list[str]) -> None:
        """What the tables know of these alarms and reports, asked for at once."""
        self.known.look(alarms, reports)

    def report(self, report: Report, position: int) -> None:
        """One report: kept for lists, and a signal. One that was told before (the same id) is the
        same report and changes nothing."""
        if report.report in self._told or self.known.reported(report.report):
            return
        self._told.add(report.report)
        signal = from_person(self.city, self.desk.vocabulary, report)
        self._reports.append(
            {
                "report": report.report,
                "position": position,
                "at": report.at,
                "channel": report.channel,
                "matter": report.matter or signal.matter,
                "division": signal.place.division,
                "probe": report.probe,
                "payload": encode(report),
            }
        )
        if report.data.get("answered"):
            return  # answered at the desk: nothing is left to do
        self.signal(signal)

    def signal(self, signal: Signal) -> str:
        """Open a case for the signal, or join it to the one it belongs to; the case."""
        desk = self.desk
        match, fits = desk.index.find(signal)
        if match is not None:
            case = match.case
            before = desk.states[case]
            draft = Draft(case, before, max(self.now, before.changed_at))
            anchor = desk.index.get(case)
            fresh = anchor is not None and signal.device not in anchor.devices
            fresh = fresh and signal.kind == "alarm" and bool(signal.device)
            intake.join_case(draft, self.city, signal, match, desk.policy, new_device=fresh)
        else:
            before = None
            case = self.new_case()
            draft = Draft(case, None, self.now, signal.probe)
            number = self.new_number(signal.probe)
            intake.open_case(draft, self.city, signal, number, desk.policy)
        self.take(before, draft)
        self.told(case, signal)
        self.bridges += desk.index.bridged(signal, case, fits)
        if not signal.probe:
            self._count(table.SIGNALS)
        return case

    def told(self, case: str, signal: Signal) -> None:
        """Memory learns that a signal belongs to an open case."""
        if case in self.desk.index:
            self.desk.index.join(case, signal)
            if signal.kind == "alarm":
                self.desk.alarms[signal.id] = case

    # -- time ------------------------------------------------------------------------------------

    def tick(self, now: int, most: int = 500) -> int:
        """Attend to the clocks that have run to a mark by ``now``; how many cases."""
        cases = self.desk.due.due(now, most)
        for case in cases:
            before = self.desk.states.get(case)
            if before is None:
                if case == DUE:
                    self.tell_gathered(now)
                if case == SEASON:
                    season.turn(self)
                continue
            draft = Draft(case, before, max(now, before.changed_at))
            overdue.attend(draft, self.city)
            self.take(before, draft)
            after = self.desk.states[case]
            self.desk.due.put(case, after.next_mark_at if after.open else 0)
        return len(cases)

    # -- the end ---------------------------------------------------------------------------------

    def finish(self, *, again: bool = True) -> None:
        """Write everything, in the transaction's own order. ``again``: cases that names alone place
        are looked at again; whoever asks for it puts ``bridges`` together afterwards."""
        if self._reports:
            self.tx.connection.execute(insert(table.report), self._reports)
        self.desk.gathering.write(self.tx.connection)
        if not self._events:
            self.desk.loaded = True
            return
        desk, connection = self.desk, self.tx.connection
        if again:
            self.bridges += waiting.take(connection, desk.index, self.now)
        written = ledger.append(self.tx, self._events)
        ledger.write_events(self.tx, written)
        desk.fresh.add(written)
        self.tell_unreached(self._before)
        ledger.write_states(
            self.tx, [(before, desk.states[case]) for case, before in self._before.items()]
        )
        if any(event.step in ("rule", "withdraw_ruling") for event in self._events):
            desk.city = ruled(desk.pack, connection)
        self._count(table.GENERATION)
        ledger.write_counters(
            connection, {name: desk.counters[name] for name in sorted(self._counters)}
        )
        for case in self._before:
            if not desk.states[case].open:
                del desk.states[case]
        desk.loaded = True
