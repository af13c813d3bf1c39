"""The vital signs."""

from __future__ import annotations

from tianmu.web.route.route import Asking, Routes
from tianmu.web.vitals import vitals
from tianmu.web.vitals.vitals import Vitals

routes = Routes("vitals")


@routes("GET", "/api/vitals", may="vitals.read", gives=Vitals)
def get_vitals(ask: Asking) -> Vitals:
    """The city now, in the account's scope; the same comes by push each second."""
    return vitals.now(ask.hub, ask.who.scope)
