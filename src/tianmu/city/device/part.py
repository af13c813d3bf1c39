"""What one file says of a kind of device: the pack's, or that of a scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tianmu.city.device.anomaly import Anomaly
from tianmu.city.device.property import Property
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.facts.text import Text

FILE = "kinds.toml"


class KindTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A ``[[kind]]`` as it stands in the file: properties are a list there."""

    code: str
    name: Text = msgspec.field(default_factory=dict)
    category: str = ""
    lane: Literal["life", "main"] = "main"
    heartbeat_s: float | None = None
    department: str = ""
    per_thousand: float = 0.0
    icon: str = ""
    basis: str = ""
    periods: tuple[str, ...] = ()
    anomaly: Anomaly | None = None
    property: list[Property] = msgspec.field(default_factory=list)
    rule: list[dict[str, Any]] = msgspec.field(default_factory=list)


HEAD = {*KindTable.__struct_fields__} - {"code", "property", "rule"}


@dataclass(frozen=True)
class Part:
    """What one file says of a kind: the pack's, or that of a scenario."""

    source: PackReader
    document: Document
    index: int
    table: KindTable
    given: tuple[str, ...]
    """keys of the table that it says itself"""

    def fault(self, what: str, remedy: str, *at: Key) -> None:
        self.source.fault(FILE, self.document.line("kind", self.index, *at), what, remedy)

    def against(self, other: PackReader, same: bool, what: str, *at: Key) -> None:
        """A fault where another scenario says ``what`` otherwise; what the pack says counts."""
        if other.scenario and not same:
            what = f"{what} is said otherwise by the scenario {other.scenario}"
            self.fault(what, f"say it alike ({other.folder / FILE}) or rename it", *at)
