"""Rules as data: what is a condition on a device, how it is judged, what alarm it makes.

A rule set is a list of mappings (from the city pack, or from ``RulesPublished``). ``reading.load``
turns it into these frozen structs and says all that is wrong with it at once, by rule and field.
The schema is told in ``docs/rules.md``. Terms follow IEC 62682 (alarm set point, deadband,
on-delay, off-delay, suppression by design, shelving).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from tianmu.facts.text import Text

PLACEHOLDERS = frozenset(
    {"name", "device", "kind", "property", "value", "limit", "unit", "place", "division", "state"}
)
"""What a text template may name in braces, optionally with a number format (``{value:.1f}``)."""


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other limits of one rule for one division (and all below it) or one device.

    A device's override goes before its division's, a smaller division's before a larger one's.
    """

    division: str = ""
    device: str = ""
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    deadband: float | None = None
    basis: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """What all rules share."""

    code: str
    """unique in the set; with the datastream it is the alarm's identity"""
    name: Text
    kind: str = ""
    """device kind it holds for; or else ``devices``"""
    devices: tuple[str, ...] = ()
    property: str = ""
    """the property judged; the alarm is that of the device's datastream of this property"""
    priority: int
    """1 highest … 4 lowest"""
    severity: str = ""
    """name of a response level of the pack's profile that it suggests, or empty"""
    matter: str = ""
    """key of the matter it tells of, or empty"""
    latching: bool = False
    """stays until somebody resets it, also when the condition is gone"""
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    shelvable: bool = True
    shelve_limit_s: float = 0.0
    """longest shelving; 0: the operating position's default"""
    suppressed_by: tuple[str, ...] = ()
    """codes of rules: while one of them holds on the same device, this one is suppressed by
    design"""
    text: Text = {}
    """templates by language; see ``PLACEHOLDERS``; empty: the name and the value"""
    overrides: tuple[Override, ...] = ()
    enabled: bool = True
    basis: str = ""
    """where the figures come from"""


class Threshold(Rule, frozen=True, kw_only=True, tag="threshold"):
    """``high``: holds at or above ``limit``, until below ``limit - deadband``. ``low``: at or
    below, until above ``limit + deadband``. ``outside``: below ``low`` or above ``high``, until
    back inside by ``deadband``."""

    direction: Literal["high", "low", "outside"]
    limit: float | None = None
    low: float | None = None
    high: float | None = None
    deadband: float = 0.0


class Rate(Rule, frozen=True, kw_only=True, tag="rate"):
    """Holds when the value changes by ``limit`` or more within ``window_s``.

    Two reference samples slide along, half a window apart: a change within half a window is always
    seen, one that took longer than the window never. Where samples come further apart than the
    window, the mean change per window between two of them is judged. ``relative``: the change as a
    share of the reference's absolute value (0.1 = 10 %).
    """

    direction: Literal["rise", "fall", "either"]
    limit: float
    window_s: float
    relative: bool = False
    deadband: float = 0.0


class Silence(Rule, frozen=True, kw_only=True, tag="silence"):
    """Holds when nothing has been received for ``limit`` seconds (the kind's heart-beat where not
    given). Without a ``property`` any observation of the device counts, and the alarm is that of
    its first datastream. What has never spoken is not silent: it is counted as never seen."""

    limit: float | None = None


class State(Rule, frozen=True, kw_only=True, tag="state"):
    """On an integer state: ``any``/``all``/``none`` of the bits of ``mask`` are set; ``equal`` or
    ``unequal`` to ``limit``; ``changed`` since the observation before."""

    match: Literal["any", "all", "none", "equal", "unequal", "changed"]
    mask: int | None = None
    limit: float | None = None


class Expression(Rule, frozen=True, kw_only=True, tag="expression"):
    """Holds when ``expression`` over the device's properties is true (see ``expression``).

    Unknown (never observed, BAD, or older than ``max_age_s`` against the newest) is carried by
    three-valued logic; an unknown result leaves the condition as it was. ``property`` says whose
    datastream carries the alarm; the first one named where it is empty.
    """

    expression: str
    max_age_s: float = 0.0


class Judged(Rule, frozen=True, kw_only=True, tag="judged"):
    """Holds while a scenario says so whose ``judge.py`` works runs on a schedule (see
    ``docs/rooms/scenarios.md``); what was measured does not trigger it by itself."""


AnyRule: TypeAlias = Threshold | Rate | Silence | State | Expression | Judged
