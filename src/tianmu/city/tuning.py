"""How much each kind of evidence counts where signals become one case: ``[merging.weights]``.

Defaults, to be set by the city.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is not said is the default."""

    threshold: Share = 0.6
    """score from which a signal joins a case"""
    place: Amount = 0.45
    """what place, time, matter and text weigh beside each other"""
    time: Amount = 0.15
    matter: Amount = 0.25
    text: Amount = 0.15
    related: Share = 0.8
    """worth of a related matter, beside 1 for the same"""
    least_sure: Share = 0.3
    """a case is about a matter of which at least so many of its signals tell, beside those that
    tell of what most tell of"""
    unknown: Share = 0.5
    """worth of a matter that is not known"""
    unknown_text: Share = 0.25
    """likeness of the texts that it needs then"""
    panel: Share = 0.75
    """worth of the place where only the panel is the same"""
    sure_alone: Share = 0.5
    """where only names speak, the report must tell of the matter so surely"""
    anew: Amount = 0.2
    """where only names speak: what speaks for a new thing, beside 1 for a case of which one
    report just came"""
    quiet: Amount = 0.3
    """and for a case of which only devices have told"""
    fresh_min: Positive = 40.0
    """minutes after which a case is no more told of by so many, at most"""
    loose: Positive = 1.2
    """reports that would have to name a place before half of all name just that one"""
    named: Share = 0.9
    """share of all that it could be from which a report known by names alone joins a case"""
    by_name: Share = 0.55
    """and from which one that was not sure at first does later"""
    again_min: Positive = 15.0
    """minutes after which one that is not sure is looked at again"""
    bridge: Share = 0.66
    """score from which a signal that fits two cases, which fit each other, makes them one"""
