"""A warning that holds: what a person of the city, or another body, says of a danger."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.facts.text import Text


@dataclass(frozen=True)
class Warned:
    """Of one event of the pack's ``warnings.toml``, in force now and meant for everybody."""

    event: str
    colour: str
    """``blue``, ``yellow``, ``orange`` or ``red``"""
    colour_name: Text
    sender: Text
    """who warns"""
    until: int
    """µs"""
    divisions: tuple[str, ...]
    """where; never none"""
