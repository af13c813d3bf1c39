"""The Chinese national format of warnings (GB/T 34283-2017, as one published message shows it).

It came from CAP but is none: no namespace, ``sendTime`` with a blank in it, the colour as
``severity``, one ``eventType`` of the national catalogue. What of it is known, and how well:
docs/rooms/prevent.md. The number of digits of an identifier and the order of elements are those of
that one message; texts that the standard may limit in length are not shortened. What cannot be
said in a form that is known is not said.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

from tianmu.city.level.warning import NATIONAL_COLOURS, NATIONAL_LANGUAGE
from tianmu.facts.text import say
from tianmu.facts.warning import Message
from tianmu.prevent.warning.cap import offsets
from tianmu.prevent.warning.state import CANCEL

SENDER, DIVISION = r"\d{14}", r"\d{12}"
EVENT = r"[1-4][0-9A-Z]{4}"
"""first digit: natural disaster, accident, public health, social security; the rest as in 11B06"""


class NotNational(ValueError):
    """No such message can be made; ``remedy`` says what would help."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.remedy = remedy


def document(message: Message) -> bytes:
    """A published message in the national format. Raises ``NotNational`` where the pack did not
    have the codes it needs."""
    _check(message)
    content, over = message.content, message.kind == CANCEL
    alert = ET.Element("alert")
    name = say(message.sender_name, NATIONAL_LANGUAGE)
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
        ("language", message.languages.get(NATIONAL_LANGUAGE, NATIONAL_LANGUAGE)),
        ("eventType", message.national_event),
        ("urgency", "Past" if over else content.urgency),
        ("severity", NATIONAL_COLOURS[content.colour]),
        ("certainty", content.certainty),
        ("effective", _moment(message.sent, message.offset)),
        ("onset", _moment(content.onset, message.offset)),
        ("expires", _moment(content.expires, message.offset)),
        ("senderName", name),
        ("headline", say(content.headline, NATIONAL_LANGUAGE)),
        ("description", say(content.description, NATIONAL_LANGUAGE)),
        ("instruction", "" if over else say(content.instruction, NATIONAL_LANGUAGE)),
        ("web", message.web),
    ):
        ET.SubElement(info, tag).text = words
    area = ET.SubElement(info, "area")
    ET.SubElement(area, "areaDesc").text = ",".join(
        say(a.name, NATIONAL_LANGUAGE) for a in message.areas
    )
    # empty as in the published message: how several outlines stand in one element is not known, and
    # what is drawn lies in the divisions that are named
    ET.SubElement(area, "polygon")
    ET.SubElement(area, "circle")
    ET.SubElement(area, "geocode").text = ",".join(content.divisions)
    ET.indent(alert)
    body: bytes = ET.tostring(alert, encoding="utf-8", xml_declaration=True)
    return body


def _check(message: Message) -> None:
    """``NotNational`` at the first thing that the format cannot say, by what is known of it."""
    content = message.content
    if not message.national_sender:
        raise NotNational(
            "the pack had no code of the sender in the national system when this was published",
            "set national in [sender] of the pack's warnings.toml (14 digits; docs/pack.md): what "
            "is published from then on has it",
        )
    if not message.national_event:
        raise NotNational(
            f"the pack had no national code of the event {content.event} when this was published",
            "set national at that [[event]] of the pack's warnings.toml, from the catalogue GB/T "
            "35561 (docs/pack.md): what is published from then on has it",
        )
    for what, value, form, remedy in (
        ("the sender's code", message.national_sender, SENDER, "it has 14 digits"),
        ("the event's code", message.national_event, EVENT, "it is like 11B06, from GB/T 35561"),
        *(("a division's code", code, DIVISION, "12 digits") for code in content.divisions),
    ):
        if not re.fullmatch(form, value):
            raise NotNational(f"{what} is {value[:40]!r}", f"give one as the format has: {remedy}")
    for what, value, known in (
        ("colour", content.colour, tuple(NATIONAL_COLOURS)),
        ("msgType", message.kind, ("Alert", "Update", "Cancel")),
        ("status", content.status, ("Actual", "Exercise", "Test")),
    ):
        if value not in known:
            raise NotNational(f"no {what} of the format is {value[:40]!r}", f"{', '.join(known)}")
    if not say(content.headline, NATIONAL_LANGUAGE).strip():
        raise NotNational("it has no headline", "the format has to have one")


def identifier(sender: str, sent: int, offset: int) -> str:
    """The sender's 14 digits and the local time of sending."""
    return f"{sender}_{_local(sent, offset).strftime('%Y%m%d%H%M%S')}"


def _local(at: int, offset: int) -> datetime:
    zone = timezone(timedelta(minutes=offset))
    return datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)


def _moment(at: int, offset: int) -> str:
    told = _local(at, offset).isoformat(sep=" ")
    return told if offset else told.replace("Z", "+00:00")
