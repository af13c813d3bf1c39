"""A warning as its steps leave it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tianmu.facts.warning import Content, Message, WarningEvent

ALERT, UPDATE, CANCEL = "Alert", "Update", "Cancel"
STAGES = ("draft", "in_force", "expired", "cancelled", "dropped")


class Pending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What waits for a second person."""

    kind: str
    content: Content
    note: str = ""
    by: str
    """who wrote it as it stands"""
    at: int


class Warning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    warning: str
    version: int = 0
    pending: Pending | None = None
    messages: tuple[Message, ...] = ()
    """what was published, oldest first"""
    opened_at: int = 0
    opened_by: str = ""
    changed_at: int = 0
    dropped: Content | None = None
    """the draft that was given up before anything was published"""

    @property
    def content(self) -> Content:
        """What holds, or, before anything does, what is drafted."""
        if self.messages:
            return self.messages[-1].content
        found = self.pending.content if self.pending else self.dropped
        assert found is not None
        return found

    def stage(self, now: int) -> str:
        """One of ``STAGES``. A warning ends by itself when its time is over."""
        if not self.messages:
            return "draft" if self.pending else "dropped"
        last = self.messages[-1]
        if last.kind == CANCEL:
            return "cancelled"
        return "in_force" if last.content.expires > now else "expired"


def fold(state: Warning, event: WarningEvent) -> Warning:
    """The warning after ``event``."""
    fields: dict[str, object] = {"version": event.sequence, "changed_at": event.at}
    if event.step == "draft":
        fields |= {"opened_at": event.at, "opened_by": event.actor}
    if event.step in {"draft", "revise", "update"}:
        assert event.content is not None
        kind = {"draft": ALERT, "update": UPDATE}.get(event.step)
        kind = kind or (state.pending.kind if state.pending else ALERT)
        fields["pending"] = Pending(
            kind=kind, content=event.content, note=event.reason, by=event.actor, at=event.at
        )
    elif event.step == "cancel":
        fields["pending"] = Pending(
            kind=CANCEL, content=state.content, note=event.reason, by=event.actor, at=event.at
        )
    elif event.step == "drop":
        fields["pending"] = None
        if not state.messages:
            fields["dropped"] = state.content
    elif event.step == "publish":
        assert event.message is not None
        fields |= {"pending": None, "messages": (*state.messages, event.message)}
    return msgspec.structs.replace(state, **fields)


def of_events(events: Iterable[WarningEvent]) -> Warning:
    """The warning that its events make, first to last; there is at least one."""
    state = Warning(warning="")
    for event in events:
        if not state.warning:
            state = Warning(warning=event.warning)
        state = fold(state, event)
    return state
