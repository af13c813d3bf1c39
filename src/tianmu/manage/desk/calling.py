"""The part of the work on cases that calls people: what contact ladders and plans that tell make of
each change."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.case import CaseEvent
from tianmu.facts.contact import LADDERS, UNREACHED
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import encode
from tianmu.facts.topic import DEED
from tianmu.manage.actor import SYSTEM
from tianmu.manage.case.draft import Draft
from tianmu.manage.case.fold import fold
from tianmu.manage.case.state import CaseState
from tianmu.manage.contact import ladder as contact
from tianmu.manage.contact import notice
from tianmu.manage.contact.gathering import DUE
from tianmu.manage.contact.reach import Reach
from tianmu.manage.desk.desk import Desk, unreached
from tianmu.manage.desk.known import Known
from tianmu.manage.kept import table
from tianmu.store.records import Transaction

if TYPE_CHECKING:
    from tianmu.city.city import City


class Calling:
    """What ``Work`` does to cases, with what their contact ladders make of it."""

    desk: Desk
    city: City
    tx: Transaction
    now: int
    known: Known

    if TYPE_CHECKING:

        def keep(
            self, before: CaseState | None, events: list[CaseEvent], after: CaseState
        ) -> None: ...

        def draft(self, case: str) -> Draft: ...

    def reach(self) -> Reach:
        """What there is now to reach somebody by."""
        return self.desk.reach.look(self.tx.connection, self.now, self.city)

    def take(self, before: CaseState | None, draft: Draft) -> None:
        """What a draft has become, and what contact ladders make of it."""
        happened = tuple(draft.events)
        contact.follow(happened, draft, self.city, self.reach)
        self._notice(happened, draft)
        self.keep(before, draft.events, draft.state)

    def add(self, before: CaseState, events: list[CaseEvent]) -> CaseState:
        """Events decided on from ``before``; the state after them."""
        after = fold(events, before)
        draft = Draft(after.case, after, max(self.now, after.changed_at))
        contact.follow(events, draft, self.city, self.reach)
        self._notice(events, draft)
        self.keep(before, events + draft.events, draft.state)
        return draft.state

    def _notice(self, happened: Sequence[CaseEvent], draft: Draft) -> None:
        """Whom plans tell; whoever has to be told of the rest later is on the list of what is
        due."""
        gathering = self.desk.gathering
        notice.follow(happened, draft, self.city, self.reach, gathering)
        if gathering.changed:
            self.desk.loaded = False  # until finish, as with all that is ahead of the tables
            self.desk.due.put(DUE, gathering.next_at)

    def tell_gathered(self, now: int) -> None:
        """One message to each who was told of very many cases of late, for those of which they
        were not."""
        for key, told in self.desk.gathering.over(now):
            draft = self.draft(told.case)
            before = draft.state
            notice.tell_gathered(draft, self.city, self.reach(), key, told)
            self.take(before, draft)
        self.desk.loaded = False
        self.desk.due.put(DUE, self.desk.gathering.next_at)

    def awake(self, event: AlarmEvent, case: str | None) -> None:
        """A person has acknowledged an alarm: its case's ladder need not wake anybody any more."""
        if case is None and (found := self.known.member(event.alarm)) is not None:
            case = table.case_id(found[0])
        before = self.desk.states.get(case) if case else None
        if before is None or not any(one.waits for one in before.contacts):
            return
        draft = self.draft(before.case)
        contact.awake(draft, event.actor or SYSTEM.account)
        self.take(before, draft)

    def tell_unreached(self, changed: Iterable[str]) -> None:
        """The deed by which the platform's alarm begins, changes and ends: so many cases have
        called everybody, and nobody has answered."""
        desk = self.desk
        was = len(desk.unreached)
        last = ""
        for case in changed:
            after = desk.states[case]
            if unreached(after):
                last = after.number
                desk.unreached.add(case)
            else:
                desk.unreached.discard(case)
        if len(desk.unreached) == was:
            return
        told = Deed(
            deed=uuid.uuid4().hex,
            verb=UNREACHED,
            object=LADDERS,
            actor=SYSTEM.account,
            at=self.now,
            data={"count": len(desk.unreached), "number": last},
        )
        self.tx.append(DEED.name, encode(told))
