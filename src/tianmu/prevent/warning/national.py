"""The Chinese national format of warnings (GB/T 34283-2017, as one published message shows it).

It came from CAP but is none: no namespace, ``sendTime`` with a blank in it, the colour as
``severity``, one ``eventType`` of the national catalogue. What of it is known, and how well:
docs/rooms/prevent.md. The number of digits of an identifier and the order of elements are those of
that one message; texts that the standard may limit in length are not shortened.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import msgspec

from tianmu.facts.text import say
from tianmu.facts.warning import Message
from tianmu.prevent.warning.cap import offsets
from tianmu.prevent.warning.xml import BadXml, parse

COLOURS = {"red": "Red", "orange": "Orange", "yellow": "Yellow", "blue": "Blue"}
LANGUAGE = "zh"
_IDENTIFIER = re.compile(r"(\d{14})_(\d{14})(_\d+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)([+-]\d\d:\d\d)")


class NotNational(ValueError):
    """No such message can be made, or read; ``remedy`` says what would help."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def document(message: Message) -> bytes:
    """A published message in the national format. Raises ``NotNational`` where the pack did not
    have the codes it needs."""
    if not message.national_sender:
        raise NotNational(
            "the pack has no code of the sender in the national system",
            "set national in [sender] of warnings.toml: 14 digits",
        )
    if not message.national_event:
        raise NotNational(
            f"the pack has no national code of the event {message.content.event}",
            "set national at that [[event]] of warnings.toml, from the catalogue GB/T 35561",
        )
    content = message.content
    alert = ET.Element("alert")
    name = say(message.sender_name, LANGUAGE)
    for tag, words in (
        ("identifier", identifier(message.national_sender, message.sent, message.offset)),
        ("sender", name),
        ("senderCode", message.national_sender),
        ("sendTime", _moment(message.sent, message.offset)),
        ("status", content.status),
        ("msgType", message.kind),
        ("scope", "Public"),
        ("secClassification", "None"),
        ("note", message.note),
        (
            "references",
            " ".join(
                identifier(message.national_sender, sent, offset)
                for (_, _, sent), offset in zip(
                    message.references[-1:], offsets(message)[-1:], strict=True
                )
            ),
        ),
    ):
        ET.SubElement(alert, tag).text = words
    info = ET.SubElement(alert, "info")
    for tag, words in (
        ("language", message.languages.get(LANGUAGE, LANGUAGE)),
        ("eventType", message.national_event),
        ("urgency", content.urgency),
        ("severity", COLOURS[content.colour]),
        ("certainty", content.certainty),
        ("effective", _moment(message.sent, message.offset)),
        ("onset", _moment(content.onset, message.offset)),
        ("expires", _moment(content.expires, message.offset)),
        ("senderName", name),
        ("headline", say(content.headline, LANGUAGE)),
        ("description", say(content.description, LANGUAGE)),
        ("instruction", say(content.instruction, LANGUAGE)),
        ("web", message.web),
    ):
        ET.SubElement(info, tag).text = words
    area = ET.SubElement(info, "area")
    ET.SubElement(area, "areaDesc").text = ",".join(say(a.name, LANGUAGE) for a in message.areas)
    rings = [ring for one in message.areas for ring in one.rings]
    ET.SubElement(area, "polygon").text = ";".join(
        " ".join(f"{y:.6f},{x:.6f}" for x, y in ring) for ring in rings
    )
    ET.SubElement(area, "circle")
    ET.SubElement(area, "geocode").text = ",".join(a.code for a in message.areas if a.code)
    ET.indent(alert)
    body: bytes = ET.tostring(alert, encoding="utf-8", xml_declaration=True)
    return body


def identifier(sender: str, sent: int, offset: int) -> str:
    """The sender's 14 digits and the local time of sending."""
    return f"{sender}_{_local(sent, offset).strftime('%Y%m%d%H%M%S')}"


def _local(at: int, offset: int) -> datetime:
    zone = timezone(timedelta(minutes=offset))
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)


def _moment(at: int, offset: int) -> str:
    told = _local(at, offset).isoformat(sep=" ")
    return told if offset else told.replace("Z", "+00:00")


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
    colours = {value: key for key, value in COLOURS.items()}
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
