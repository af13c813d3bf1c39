"""A higher tier takes a case under its eyes (督办), with a clock of its own."""

from __future__ import annotations

import msgspec

from tianmu.manage.case.aside import Supervision
from tianmu.manage.clocks import deadline
from tianmu.manage.levels.acting import tier_of
from tianmu.manage.steps.turn import Turn


def supervise(turn: Turn) -> None:
    """By when it has to be closed: the pack's limit, or the one that is given. Whoever supervises
    (or a tier above) closes it."""
    limit = turn.limit("limit") or turn.city.side_paths.supervise
    marks = [(0.5, "urge"), (1.0, "urge")]
    clock = deadline.start(turn.city.calendar, "supervise", limit, turn.draft.now, marks)
    told = Supervision(
        tier=tier_of(turn.city, turn.actor),
        by=turn.actor.account,
        at=turn.draft.now,
        due=clock.due,
        reason=turn.command.reason.strip(),
    )
    turn.take({"supervision": msgspec.to_builtins(told), **deadline.data(clock)})


def lift(turn: Turn) -> None:
    turn.take({"stopped": ["supervise"]})
