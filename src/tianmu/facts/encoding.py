"""Facts to journal bytes and back. Observation batches have their own columns (``batch``)."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.bulletin import Bulletin
from tianmu.facts.case import CaseEvent
from tianmu.facts.deed import Deed
from tianmu.facts.finding import Finding, Foretold
from tianmu.facts.hazard import HazardEvent
from tianmu.facts.history import HistoryWritten
from tianmu.facts.intake import Quarantined, UnknownSeen
from tianmu.facts.registry import (
    DevicesMerged,
    DevicesRegistered,
    MaintenanceChanged,
    PackLoaded,
    RulesPublished,
    SourceChanged,
)
from tianmu.facts.report import Report
from tianmu.facts.unit import UnitTold
from tianmu.facts.verdict import Verdict
from tianmu.facts.warning import ProposalDismissed, WarningEvent

Fact: TypeAlias = (
    AlarmEvent
    | Report
    | Deed
    | CaseEvent
    | DevicesRegistered
    | DevicesMerged
    | SourceChanged
    | RulesPublished
    | MaintenanceChanged
    | PackLoaded
    | Quarantined
    | UnknownSeen
    | HistoryWritten
    | UnitTold
    | WarningEvent
    | ProposalDismissed
    | Finding
    | Foretold
    | Bulletin
    | HazardEvent
    | Verdict
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Fact)


def encode(fact: Fact) -> bytes:
    """The fact as msgpack with its tag (name/version) inside."""
    return _encoder.encode(fact)


def decode(data: bytes | memoryview) -> Fact:
    """The fact in ``data``; ``msgspec.ValidationError`` where there is none we know."""
    fact: Fact = _decoder.decode(data)
    return fact
