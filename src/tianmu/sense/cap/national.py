"""The Chinese national format of warnings (GB/T 34283-2017) as others write it. What of it is
known, and how well: docs/rooms/prevent.md; ours is written by ``prevent/warning/national.py``."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from tianmu.city.level.warning import NATIONAL_COLOURS
from tianmu.sense.cap.xml import BadXml, parse

_IDENTIFIER = re.compile(r"(\d{14})_(\d{14})(_\d+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)([+-]\d\d:\d\d)")


class NotNational(ValueError):
    """No such message can be read; ``remedy`` says what would help."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


class NationalWarning(msgspec.Struct, frozen=True, kw_only=True):
    """What a message in the national format says."""

    identifier: str
    sender: str
    sender_code: str
    sent: int
    """µs"""
    status: str
    kind: str
    references: tuple[str, ...]
    event: str
    """of the national catalogue"""
    colour: str
    expires: int
    """µs, 0: not said"""
    headline: str
    description: str
    divisions: tuple[str, ...]


def read(data: bytes) -> NationalWarning:
    """The message in ``data``. Raises ``NotNational`` that names the element at fault."""
    try:
        alert = parse(data)
    except BadXml as error:
        raise NotNational(str(error), "send the XML of one message") from error
    if alert.tag != "alert":
        raise NotNational(
            f"the document is <{alert.tag[:60]}>, not <alert> without a namespace",
            "CAP 1.2 is read by the reader of CAP",
        )

    def words(path: str, needed: bool = False) -> str:
        found = (alert.findtext(path) or "").strip()
        if needed and not found:
            raise NotNational(f"{path} is missing or empty", "the sender has to say it")
        return found

    name = words("identifier", True)
    if not _IDENTIFIER.fullmatch(name):
        raise NotNational(
            f"identifier {name[:80]!r} is not 14 digits, _ and 14 digits of the time",
            "the sender's own identifier belongs there",
        )
    severity = words("info/severity", True)
    colours = {value: key for key, value in NATIONAL_COLOURS.items()}
    if severity not in colours:
        raise NotNational(f"severity is {severity[:40]!r}", f"one of {', '.join(colours)}")
    ends = words("info/expires")
    return NationalWarning(
        identifier=name,
        sender=words("sender", True),
        sender_code=words("senderCode", True),
        sent=_time("sendTime", words("sendTime", True)),
        status=words("status", True),
        kind=words("msgType", True),
        references=tuple(words("references").replace(",", " ").split()),
        event=words("info/eventType", True),
        colour=colours[severity],
        expires=_time("info/expires", ends) if ends else 0,
        headline=words("info/headline", True),
        description=words("info/description"),
        divisions=tuple(
            code
            for one in alert.iterfind("info/area/geocode")
            for code in (one.text or "").replace(",", " ").split()
        ),
    )


def _time(path: str, text: str) -> int:
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3]}")
        return int(at.timestamp()) * 1_000_000
    except (ValueError, OverflowError) as error:
        raise NotNational(
            f"{path} is {text[:60]!r}", "write it like 2020-02-05 10:45:00+08:00"
        ) from error
