"""What a scenario's ``judge.py`` tells of the city, each time works runs it.

``judge(world: World) -> Judgement``, where ``world.now`` is the end of the step that is judged and
``world.history`` holds what was measured. It is run once after each step of ``[judging]`` in
``scenario.toml``, at low priority, and remembers nothing: what lasted it reads from the past.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tianmu.facts.text import Text


@dataclass(frozen=True)
class Condition:
    """Something holds that is to be an alarm. The same ``rule`` on the same ``device`` is the same
    condition, however often it is told."""

    rule: str
    """code of a rule of type ``judged``, whose ``property`` the device has"""
    device: str
    text: Text = field(default_factory=dict)
    """what the alarm and its case are called, where the rule has no text; empty: the rule's name"""
    value: float | None = None
    limit: float | None = None
    longitude: float | None = None
    """of what was found; none: the device's"""
    latitude: float | None = None
    within_m: float | None = None
    """it lies so near, as surely as the scenario says; none: ``moved_m`` of
    ``[judging]`` counts as no move"""
    data: dict[str, Any] = field(default_factory=dict)
    """what else the alarm says: numbers, texts, lists of them"""


@dataclass(frozen=True)
class Judgement:
    """All conditions that hold at the end of a step."""

    conditions: tuple[Condition, ...] = ()
    able: bool = True
    """whether it could be judged; where not, what holds is left as it is"""
    said: dict[str, Any] = field(default_factory=dict)
    """plain data for the scenario's own page: ``world.judged().said``"""


@dataclass(frozen=True)
class Judged:
    """The last judgement of a scenario, as works has kept it."""

    until: int
    """µs: the end of the step that was judged"""
    made_at: int
    fault: str
    """what the scenario's code failed with; ``said`` is then that of the run before"""
    said: dict[str, Any]
