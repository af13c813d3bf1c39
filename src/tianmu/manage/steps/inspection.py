"""The check before closing (核查): from a desk, or on the spot by somebody who went there."""

from __future__ import annotations

from typing import Any

import msgspec

from tianmu.city.place.distance import metres
from tianmu.facts.place import Place
from tianmu.manage.clocks import deadline
from tianmu.manage.levels import response
from tianmu.manage.steps import order
from tianmu.manage.steps.step import on_the_spot, refuse
from tianmu.manage.steps.turn import Refused, Turn, separate
from tianmu.manage.words import phrase


def check(turn: Turn) -> None:
    """Passed, or rework with a new deadline; where another department was named since it was done,
    the case waits to be sent to that one. Who belongs to no desk checks at the place itself:
    where he stands and a picture that he attached are needed."""
    separate(turn)
    result = turn.command.data.get("result")
    if result not in ("pass", "fail"):
        raise Refused(refuse("data", field="result", form=phrase("form.passed")))
    data: dict[str, Any] = {"result": result}
    if evidence := turn.command.data.get("evidence"):
        data["evidence"] = order.digests(evidence)
    if turn.command.data.get("place") or on_the_spot(turn.actor):
        data["place"] = _there(turn)
    if on_the_spot(turn.actor) and not set(data.get("evidence", ())) & set(turn.state.photos):
        raise Refused(refuse("no_photo"))
    if result == "pass":
        turn.take(data, stage="check")
        return
    if not turn.command.reason.strip():
        raise Refused(refuse("reason", step=phrase(f"step.{turn.step.name}")))
    lead = [one for one in turn.state.orders if one.lead and one.state == "done"][-1:]
    if any(one.unit != turn.state.lead for one in lead):
        # somebody else answers for it by now: it is theirs to be sent, not for who did it to redo
        turn.take({**data, "due": {}}, stage="dispatch")
        return
    clocks = [
        response.handle_clock(turn.city, turn.state, one.order, turn.draft.now) for one in lead
    ]
    data["due"] = {one.order: clock.due for one, clock in zip(lead, clocks, strict=True)}
    turn.take({**data, **deadline.data(*clocks)}, stage="handle")


def _there(turn: Turn) -> dict[str, Any]:
    """Where he stands; refused where that is not at the case's place."""
    try:
        place = msgspec.convert(turn.command.data.get("place"), Place)
    except (msgspec.ValidationError, ValueError) as error:
        raise Refused(refuse("data", field="place")) from error
    if place.longitude is None or place.latitude is None:
        raise Refused(refuse("data", field="place"))
    here = turn.state.place
    far = metres(here, place)
    wide = turn.city.side_paths.on_the_spot_m + (here.precision or 0.0) + (place.precision or 0.0)
    if far is not None and far > wide:
        raise Refused(refuse("not_there", metres=round(far), most=round(wide)))
    told: dict[str, Any] = msgspec.to_builtins(place)
    return told
