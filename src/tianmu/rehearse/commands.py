"""The commands of rehearsal: feed, probe and bench. They speak to a city over its sockets only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Give = Callable[[Any], None]
Tell = Callable[[str], None]


def add_to(main: click.Group, *, give: Give, tell: Tell) -> None:
    """Hang the commands of this room on the group of all commands."""
