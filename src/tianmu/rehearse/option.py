"""Options that several commands of rehearsal have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Give = Callable[[Any], None]
Tell = Callable[[str], None]
Show = Callable[[dict[str, Any], bool], None]

DATA = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
    show_default=True, help="the folder of the city",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
URL = click.option("--url", default="", help="a running city (else a fresh one is started)")
DEVICES = click.option(
    "--devices", type=click.IntRange(1_000), default=50_000, show_default=True,
    help="devices to register for the measurement",
)  # fmt: skip
PEERS = click.option(
    "--peers", is_flag=True,
    help="then run peers on the same input (they are installed into a cache of their own)",
)  # fmt: skip
