"""What devices hang on: the panel, the main, the gateway that a registration names by a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping

Labels = Callable[[str], Mapping[str, str]]
"""labels of a device as it is registered"""


def nothing(device: str) -> Mapping[str, str]:
    """Of a device of which no labels are known."""
    return {}


def ties(labels: Labels, names: tuple[str, ...], device: str) -> tuple[str, ...]:
    """``<label>=<name>`` of all that a device hangs on, by the labels ``names`` of the pack."""
    if not names or not device:
        return ()
    said = labels(device)
    return tuple(f"{name}={said[name]}" for name in names if said.get(name))
