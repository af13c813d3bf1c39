"""A longer limit (延期): asked for by the unit, approved or refused by who commands."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.manage.case.aside import Extension
from tianmu.manage.case.state import Clock
from tianmu.manage.clocks import deadline, remaining
from tianmu.manage.clocks.mark import marks
from tianmu.manage.levels import response
from tianmu.manage.steps.step import refuse
from tianmu.manage.steps.turn import Refused, Turn, separate


def ask(turn: Turn) -> None:
    """The unit asks; its clock runs on, and another runs until somebody decides."""
    limit = turn.limit("limit")
    if limit is None:
        raise Refused(refuse("data", field="limit"))
    order = turn.order()
    if turn.city.side_paths.ask_before_due and turn.draft.now > order.due:
        raise Refused(refuse("too_late"))
    _longer(turn, order.order, order.due, limit)
    asked = Extension(
        order=order.order,
        value=limit.value,
        unit=str(limit.unit),
        by=turn.actor.account,
        at=turn.draft.now,
    )
    profile = turn.city.profile
    level = profile.numbered(turn.state.level_number or len(profile.levels))
    clock = deadline.start(
        turn.city.calendar,
        f"extension:{order.order}",
        level.accept,
        turn.draft.now,
        marks(turn.city, turn.state),
    )
    turn.take(
        {"order": order.order, "extension": msgspec.to_builtins(asked), **deadline.data(clock)}
    )


def extend(turn: Turn) -> None:
    """A longer limit for an order, from now on: what was asked for, or what the centre says."""
    separate(turn)
    limit, order = turn.limit("limit"), turn.order()
    asked = turn.state.extension
    if limit is None and asked is not None and asked.order == order.order:
        limit = Limit(asked.value, LimitUnit(asked.unit))
    if limit is None:
        raise Refused(refuse("data", field="limit"))
    clock = _longer(turn, order.order, order.due, limit)
    data: dict[str, Any] = {"order": order.order, "due": clock.due, **deadline.data(clock)}
    if asked is not None and asked.order == order.order:
        data["asked_by"] = asked.by
        data["stopped"] = [f"extension:{order.order}"]
    turn.take(data)


def _longer(turn: Turn, order: str, due: int, limit: Limit) -> Clock:
    clock = response.handle_clock(turn.city, turn.state, order, turn.draft.now, limit=limit)
    if clock.due <= due:
        at = turn.draft.now
        ends, until = (remaining.moment(turn.city.calendar, one, at) for one in (clock.due, due))
        raise Refused(refuse("not_longer", ends=ends, until=until))
    return clock


def refuse_it(turn: Turn) -> None:
    """No longer limit: the one that runs stands."""
    separate(turn)
    asked = turn.state.extension
    assert asked is not None  # guarded
    turn.take({"order": asked.order, "stopped": [f"extension:{asked.order}"]})
