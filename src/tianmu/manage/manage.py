"""The room's one door: reads alarms and reports, keeps cases, answers the API.

``step`` is called in a loop by hub; the commands come from any thread. All writing happens in the
writer thread of ``Records``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tianmu.access.scope import WHOLE, Scope
from tianmu.city.charter.tuning import Tuning
from tianmu.facts import clock
from tianmu.facts.encoding import encode
from tianmu.facts.report import Report
from tianmu.facts.text import Text
from tianmu.facts.topic import REPORT
from tianmu.manage import intake
from tianmu.manage import view as case_view
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import ladder
from tianmu.manage.contact.reach import Present, Providers, Reach, nobody, none
from tianmu.manage.desk.desk import Desk
from tianmu.manage.desk.refused import Conflict, NotFound, Refused, allowed, expect
from tianmu.manage.desk.work import Work
from tianmu.manage.duty.relief import Relief
from tianmu.manage.evidence.kept import Evidence, EvidenceStore
from tianmu.manage.evidence.scanning import Scan
from tianmu.manage.hazard import table as hazard_table
from tianmu.manage.kept import counts as case_counts
from tianmu.manage.kept import deed_key
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept.deed_key import Deed, Done
from tianmu.manage.levels import level, response
from tianmu.manage.merging.answer import answered
from tianmu.manage.merging.grouping import Grouping
from tianmu.manage.reader import Lag, Reader
from tianmu.manage.signals.heard import Labels, nothing
from tianmu.manage.steps.step import Command, refuse
from tianmu.manage.steps.taking_back import decide
from tianmu.manage.words import phrase
from tianmu.store.journal.contract import Journal
from tianmu.store.records import Records, Transaction

if TYPE_CHECKING:
    from tianmu.city.city import City

T = TypeVar("T")
__all__ = ["Conflict", "Manage", "NotFound", "Refused", "wall_clock"]

ATTACHES = frozenset(("case.note", "case.handle", "case.check", "case.file", "case.command"))
"""permissions of which one lets an account attach evidence"""


def wall_clock() -> int:
    """µs since the epoch."""
    return clock.now()


class Manage(Grouping):
    """Cases of one city. ``records`` is hub's file; ``journal`` reads all topics; ``clock`` gives
    µs; evidence is kept under ``data``."""

    def __init__(
        self,
        records: Records,
        journal: Journal,
        city: City,
        clock: Callable[[], int] = wall_clock,
        data: Path | None = None,
        *,
        tuning: Tuning | None = None,
        policy: intake.Policy | None = None,
        labels: Labels = nothing,
        scan: Scan | None = None,
        leaps: bool = False,
        providers: Providers = none,
        present: Present = nobody,
    ) -> None:
        """``labels`` of a device as it is registered; ``leaps``: see ``Reader``; ``providers``: the
        gateways for messages and calls; ``present``: who is signed in to the app."""
        self.records, self.journal, self.clock = records, journal, clock
        self.city = city
        self.evidence = EvidenceStore((data or records.path.parent) / "evidence", scan=scan)
        self._desk = Desk(city, tuning, policy, labels, Reach(providers, present))
        self.fresh = self._desk.fresh
        self.relief = Relief(records, clock, self.look_again)
        self._reader = Reader(records, journal, self._desk, clock, leaps=leaps)

    # -- the loop --------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the tables, read what is open and how far topics were read; let go of files that
        were being attached as the process ended and that nobody holds."""
        self._reader.start()
        self.evidence.sweep(self.held)

    def step(self, timeout: float = 1.0) -> int:
        """Work through what is there, else sleep for it: see ``Reader.step``."""
        return self._reader.step(timeout)

    def run(self, stop: threading.Event, timeout: float = 1.0) -> None:
        """``step`` until ``stop``; a full disk is waited out."""
        self._reader.run(stop, timeout)

    def version(self, case: str, version: int) -> CaseState | None:
        """A case as its event ``version`` left it, if memory still holds that: for whoever has read
        that event from the journal, and from any thread."""
        return self._desk.version(case, version)

    def lag(self) -> list[Lag]:
        """How many positions each topic is ahead of what was read."""
        return self._reader.lag()

    def behind(self) -> bool:
        """Whether more waits than one commit takes in: other work of the process may wait."""
        return self._reader.behind()

    @property
    def failed(self) -> int:
        """Facts that could not be worked with since the start (kept in ``case_unread``)."""
        return self._reader.failed

    def _work(self, fn: Callable[[Work], T]) -> T:
        return self.records.transact(self._reader.job(fn))

    # -- commands --------------------------------------------------------------------------------

    def command(
        self,
        case: str,
        step: str,
        actor: Actor,
        expected_version: int | None = None,
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> CaseState:
        """Take a step on a case. Raises ``NotFound``, ``Conflict`` where the version has moved on,
        ``Refused`` with why and remedy, ``DiskFull``."""
        return self._work(self._command(case, step, actor, expected_version, reason, data))

    def _command(
        self,
        case: str,
        step: str,
        actor: Actor,
        expected: int | None,
        reason: str,
        data: dict[str, Any] | None,
    ) -> Callable[[Work], CaseState]:
        return lambda work: _do(work, case, Command(step, reason, data or {}), actor, expected)[1]

    def deed(
        self,
        case: str,
        step: str,
        actor: Actor,
        deed: Deed,
        expected_version: int | None = None,
        reason: str = "",
        data: dict[str, Any] | None = None,
    ) -> Done:
        """``command`` for who may have to send it again: one with the same key takes effect once.
        What says neither key nor version is the same sent again where it says the same as the
        account has just done (``[desk] again_s``, for steps that may follow themselves). Raises
        ``OtherDeed`` beside what ``command`` raises."""
        command = Command(step, reason, data or {})
        content = deed_key.digest(case, step, reason, command.data)

        def job(work: Work) -> Done:
            connection, account, named = work.tx.connection, actor.account, deed
            if not deed.key and expected_version is None:
                within = round(work.city.desk.again_s * 1e6)
                named = deed_key.unnamed(connection, account, step, content, work.now, within)
            if known := deed_key.known(connection, account, named, content):
                return Done(expect(work, known[0], None), known[1], known[2], again=True)
            before, after = _do(work, case, command, actor, expected_version, deed.done_at)
            between = (case, before.version, after.version)
            deed_key.keep(connection, account, named, content, between, work.now)
            deed.write(work.tx)
            return Done(after, *between[1:])

        return self._work(job)

    def attach(
        self, case: str, evidence: Evidence, content: bytes, actor: Actor, deed: Deed | None = None
    ) -> tuple[dict[str, Any], Done]:
        """Keep a file as evidence of a case: by its SHA-256 under ``data``, its event on the case.
        The same file on the same case counts once, whatever its key. Raises ``Refused`` for who
        has no part in cases, ``BadFile`` for one too big or of a type that is not taken,
        ``NoAnswer``, ``OtherDeed``."""
        deed = deed or Deed()
        if actor.permissions.isdisjoint(ATTACHES):
            raise Refused(refuse("permission", step=phrase("step.evidence")))
        with self.evidence.taking(content, evidence, self.held) as kept:
            return kept, self._work(self._attach(case, kept, actor, deed))

    def held(self, digests: Collection[str]) -> set[str]:
        """Those of these files of evidence that a case or a hazard has."""
        return self.records.read(
            lambda one: hazard_table.holding(one, digests, case_query.held(one, digests))
        )

    def _attach(
        self, case: str, kept: dict[str, Any], actor: Actor, deed: Deed
    ) -> Callable[[Work], Done]:
        what = deed_key.digest(case, "evidence", kept["digest"])

        def job(work: Work) -> Done:
            connection, account = work.tx.connection, actor.account
            if known := deed_key.known(connection, account, deed, what):
                return Done(expect(work, known[0], None), known[1], known[2], again=True)
            before = expect(work, case, None)
            if before.probe != actor.probe:
                raise NotFound(case)
            present = case_query.evidence_of(connection, case)
            if any(one["digest"] == kept["digest"] for one in present):
                return Done(before, before.version, before.version, again=True)
            draft = work.draft(case)
            draft.add("evidence", kept, actor=account)
            work.take(before, draft)
            between = (case, before.version, draft.state.version)
            deed_key.keep(connection, account, deed, what, between, work.now)
            deed.write(work.tx)
            return Done(draft.state, *between[1:])

        return job

    def raise_level(self, case: str, number: int, why: Text) -> bool:
        """An open case is of the level of this number at least, as a scenario judges; whether it
        was raised. It lowers none, and of what a person has set it says that it should be higher:
        done again it does nothing."""

        def job(work: Work) -> bool:
            before = work.state(case)
            if before is None or not before.open:
                return False
            draft = work.draft(case)
            raised = level.at_least(draft, work.city, number, why)
            if raised and draft.state.stage in ("dispatch", "handle"):
                response.follow(draft, work.city)
            if draft.events:
                work.take(before, draft)
            return raised

        return self._work(job)

    def answer_contact(
        self,
        case: str,
        contact: str,
        actor: Actor,
        note: Callable[[Transaction], None] = lambda tx: None,
        reached: str = "",
    ) -> CaseState:
        """``actor`` answers a contact ladder of a case, or says that the account ``reached`` has
        answered by phone: it stops. A ladder that was answered already stays so. ``note`` is
        written with it. Raises ``NotFound``, and ``Refused`` for who may not."""

        def job(work: Work) -> CaseState:
            before = expect(work, case, None)
            found = next((one for one in before.contacts if one.contact == contact), None)
            if found is None or before.probe != actor.probe:
                raise NotFound(case, f"case {case} has no contact ladder {contact}")
            if not ladder.may_answer(found, actor):
                raise Refused(refuse("permission", step=phrase("step.contact")))
            if not found.waits:
                return before
            draft = work.draft(case)
            ladder.answer(draft, contact, actor.account, reached)
            note(work.tx)
            work.take(before, draft)
            return draft.state

        return self._work(job)

    def submit_report(self, report: Report, actor: Actor, key: str = "") -> str:
        """Append a report to its topic, durable when this returns; its id. A ``key`` seen before
        (an Idempotency-Key) gives the id of the first one. An actor of a probe marks it so."""
        return self.records.transact(self._submit(report, actor, key))

    def _submit(self, report: Report, actor: Actor, key: str) -> Callable[[Transaction], str]:
        name = report.report
        if key:
            digest = hashlib.sha256(f"{actor.account}\0{key}".encode()).hexdigest()
            name = f"r{digest[:24]}"
        if actor.probe and report.probe != actor.probe:
            report = msgspec.structs.replace(report, probe=actor.probe)
        fact = msgspec.structs.replace(report, report=name)

        def job(tx: Transaction) -> str:
            tx.append(REPORT.name, encode(fact), key=f"report:{name}".encode())
            return name

        return job

    # -- questions -------------------------------------------------------------------------------

    def case(self, case: str, scope: Scope = WHOLE) -> CaseState:
        """A case; ``NotFound`` where there is none in the scope."""
        state = self.records.read(lambda connection: case_query.read(connection, case, scope))
        if state is None:
            raise NotFound(case)
        return state

    def case_view(
        self, case: str, actor: Actor | None = None, scope: Scope = WHOLE
    ) -> dict[str, Any]:
        """A case with its timeline, signals, orders, evidence and the actor's next steps."""

        def look(connection: Any) -> dict[str, Any]:
            state = case_query.read(connection, case, scope)
            if state is None:
                raise NotFound(case)
            return case_view.view(
                state,
                self.city,
                self.clock(),
                events=case_query.events_of(connection, self.journal, case),
                members=case_query.members_of(connection, case),
                evidence=case_query.evidence_of(connection, case),
                actor=actor,
            )

        return self.records.read(look)

    def cases(self, query: case_query.Query, scope: Scope = WHOLE) -> dict[str, Any]:
        """One page of cases as items, with the cursor of the next."""
        now = self.clock()
        page = self.records.read(lambda one: case_query.cases(one, query, now, scope))
        return {"items": [self.item(state) for state in page.items], "next": page.next}

    def item(self, state: CaseState) -> dict[str, Any]:
        return case_view.item(state, self.city, self.clock())

    def actions(self, case: str, actor: Actor) -> list[dict[str, Any]]:
        """What this account may do to the case now."""
        return case_view.actions(self.case(case), self.city, actor)

    def case_of(self, alarms: list[str], kind: str = "alarm") -> dict[str, str]:
        """Alarm (or report) → its case."""
        return self.records.read(lambda one: case_query.case_of(one, kind, alarms))

    def vitals(self, scope: Scope = WHOLE) -> dict[str, Any]:
        """``cases`` and ``departments`` of the vital signs."""
        now = self.clock()
        calendar = self.city.calendar
        midnight = calendar.instant(calendar.local(now).date(), 0)
        counts = self.records.read(lambda one: case_counts.counts(one, now, midnight, scope))
        return case_view.vitals(counts, self.city)

    def set_city(self, city: City) -> None:
        """Another pack (or another roster) is in force from the next change on."""
        self._reader.set_city(city)
        self.city = city

    def set_roster(self, city: City) -> None:
        """The same pack with other persons on duty: nothing else is read anew."""
        self._reader.set_roster(city)
        self.city = city

    def look_again(self) -> None:
        """Gateways or sign-ins were changed by hand: the next move of a ladder sees it."""
        self._desk.reach.forget()


def _do(
    work: Work,
    case: str,
    command: Command,
    actor: Actor,
    expected: int | None,
    done_at: int = 0,
) -> tuple[CaseState, CaseState]:
    """The case before and after the command."""
    before = expect(work, case, expected)
    found = allowed(decide(before, command, actor, work.now, work.city))
    found = deed_key.stamped(found, actor.account, done_at, work.now, before.opened_at)
    return before, work.add(before, answered(work.tx.connection, before, found))
