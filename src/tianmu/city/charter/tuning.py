"""How much each kind of evidence counts where signals become one case: ``[merging.weights]``.

Defaults, to be set by the city. The powers where only names speak were fitted on days with recorded
truth: ``benchmarks/merge_fit.py``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Powers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What counts how much where only names speak. A power may be below 0: then it counts the
    other way. What is not said is the default."""

    anew: Amount = 0.55
    """what speaks for a new thing, beside 1 for a case of which one report has just come"""
    surely: float = 5.89
    """power of the worth of a matter: how much a related or an unsure one counts for less"""
    devices: float = 0.83
    """power of the devices that told of the case, and one"""
    often: float = 0.38
    """power of its reports: of what many have told already fewer are yet to tell"""
    pace: float = 0.28
    """power of those of its reports that came within ``pace_min`` of this one"""
    brief: float = 0.78
    """power of the minutes in which its matter is told of: of what is told of for longer, fewer
    tell at a time"""
    lone: float = -0.17
    """power of e by which it counts for more where one device tells of it and nobody else"""
    span: float = 0.21
    """power of its age, by the minutes in which its matter is told of, and one"""
    gap: float = 0.36
    """and of e: by how many times those minutes it has been told of by nobody"""
    ahead: float = 0.0
    """and of e: by how many times those minutes it began after this was told"""
    unsure: float = 1.88
    """power of e by which a case counts for less whose own place nobody knows"""
    near: float = 3.53
    """of a point that says little: power of e by which it counts where it is the case's own, …"""
    wide: float = 0.9
    """power of the kilometres within which that says it is, by which it counts for less, …"""
    far: float = 2.96
    """and power of e by which it does at their end"""


class Again(Powers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[merging.again]``: the same for a case without a point that is looked at again, by what
    has been told since. Its defaults are its own."""

    anew: Amount = 0.33
    surely: float = 6.79
    devices: float = 0.77
    often: float = 0.11
    pace: float = 0.22
    brief: float = 0.82
    lone: float = 0.16
    span: float = 0.3
    gap: float = 0.35
    ahead: float = 2.32
    unsure: float = 0.46
    near: float = 5.12
    wide: float = 1.07
    far: float = 3.72


class Tuning(Powers, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[merging.weights]``; its powers are for one that has just come."""

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
    quiet: Positive = 0.3
    """reports that a case counts as having beside those that came"""
    fresh_min: Positive = 40.0
    """minutes after which a matter is no more told of by so many, where it does not say itself"""
    stray: Share = 0.1
    """share of those who tell that name any place at all, not one of the two the thing goes by"""
    pace_min: Positive = 5.0
    """minutes around a report within which others tell of the same thing most"""
    named: Share = 0.75
    """share of all that it could be from which a report known by names alone joins a case"""
    by_name: Share = 0.6
    """and from which one that was not sure at first does later"""
    again_min: Positive = 15.0
    """minutes after which one that is not sure is looked at again"""
    shown: Share = 0.2
    """and from which a person is shown that it is possibly the same"""
    bridge: Share = 0.66
    """score from which a signal that fits two cases, which fit each other, makes them one"""


class Metres(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[merging.metres]``: how points of signals are weighed. What is not said is the default."""

    vague: Positive = 300.0
    """a point that is more imprecise says too little: names must tell"""
    exact: Positive = 50.0
    """a point is exact up to this precision: it is looked for in the squares next to it alone"""
    sharp: Positive = 5.0
    """by which a point is off that says nothing of its precision"""
    spread: Positive = 40.0
    """by which what is told lies beside the middle of the thing, besides being imprecise"""
    apart: Positive = 20.0
    """from which two points of one case are two"""
    unknown: Positive = 100.0
    """at most between two signals of which one has no known matter"""
