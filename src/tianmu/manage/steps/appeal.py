"""An appeal against an overtime (超时申诉; DOMAIN.md §2.2 [S3]).

Only after closing, only by the department that was late, once per case; the dispatcher reviews it,
then the acceptor. Approved, the overtime does not count in statistics; what it was is kept.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.manage.case.aside import Appeal
from tianmu.manage.steps.bounds import late_orders
from tianmu.manage.steps.step import refuse
from tianmu.manage.steps.turn import Refused, Turn, parents, separate
from tianmu.manage.words import phrase


def appeal(turn: Turn) -> None:
    state, city, now = turn.state, turn.city, turn.draft.now
    paths = city.side_paths
    if now > city.calendar.add(state.closed_at, paths.appeal_within):
        raise Refused(refuse("too_late"))
    late = late_orders(state, turn.actor, parents(city))
    told = Appeal(
        unit=turn.actor.department or late[0].unit,
        by=turn.actor.account,
        at=now,
        due=city.calendar.add(now, paths.appeal_review),
        reason=turn.command.reason.strip(),
        orders=tuple(one.order for one in late),
    )
    turn.take({"appeal": msgspec.to_builtins(told)})


def review(turn: Turn) -> None:
    separate(turn)
    said, city = turn.state.appeal, turn.city
    assert said is not None  # guarded
    result = turn.command.data.get("result")
    if result not in ("pass", "fail"):
        raise Refused(refuse("data", field="result", form=phrase("form.passed")))
    if result == "fail" and not turn.command.reason.strip():
        raise Refused(refuse("reason", step=phrase(f"step.{turn.step.name}")))
    data: dict[str, Any] = {"result": result}
    if result == "pass" and said.state == "dispatcher":
        data["due"] = city.calendar.add(turn.draft.now, city.side_paths.appeal_review)
    turn.take(data)
