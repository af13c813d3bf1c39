"""A published message as OASIS CAP 1.2 (schema: ``sense/cap/CAP-v1.2.xsd``), one ``info`` for each
language. The document follows from the message alone: it is the same for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

from tianmu.city.level.warning import NAMESPACE
from tianmu.facts.text import Text, say
from tianmu.facts.warning import Area, Message
from tianmu.prevent.warning.state import ALERT, CANCEL

MEDIA = "application/cap+xml"
COLOUR = "colour"
"""name of the parameter that holds what CAP has no word for"""


def moment(at: int, offset: int = 0) -> str:
    """A time as CAP wants it: local with its offset, whole seconds; UTC is ``-00:00``."""
    zone = timezone(timedelta(minutes=offset))
    local = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone)
    told = local.strftime("%Y-%m-%dT%H:%M:%S")
    if not offset:
        return f"{told}-00:00"
    hours, minutes = divmod(abs(offset), 60)
    return f"{told}{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def reference(sender: str, identifier: str, sent: int, offset: int = 0) -> str:
    """How a message is named in ``references``."""
    return f"{sender},{identifier},{moment(sent, offset)}"


def document(message: Message) -> bytes:
    """The CAP document, UTF-8."""
    alert = ET.Element(f"{{{NAMESPACE}}}alert")
    _add(alert, "identifier", message.identifier)
    _add(alert, "sender", message.sender)
    _add(alert, "sent", moment(message.sent, message.offset))
    _add(alert, "status", message.content.status)
    _add(alert, "msgType", message.kind)
    _add(alert, "scope", "Public")
    _add(alert, "note", message.note)
    if message.references:
        named = zip(message.references, offsets(message), strict=True)
        _add(alert, "references", " ".join(reference(*one, at) for one, at in named))
    for language, tag in message.languages.items():
        _info(alert, message, language, tag)
    ET.indent(alert)
    body: bytes = ET.tostring(
        alert, encoding="utf-8", xml_declaration=True, default_namespace=NAMESPACE
    )
    return body


def offsets(message: Message) -> tuple[int, ...]:
    """Minutes ahead of UTC that each of the messages it refers to was sent at."""
    return message.offsets or (message.offset,) * len(message.references)


def _add(parent: ET.Element, name: str, text: str) -> None:
    """A child with words; none where there are none."""
    if text.strip():
        ET.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = text


def _pair(parent: ET.Element, name: str, key: str, value: str) -> None:
    if value:
        child = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
        _add(child, "valueName", key)
        _add(child, "value", value)


def _info(alert: ET.Element, message: Message, language: str, tag: str) -> None:
    info = ET.SubElement(alert, f"{{{NAMESPACE}}}info")
    content, over = message.content, message.kind == CANCEL

    def words(text: Text) -> str:
        return say(text, language)

    _add(info, "language", tag)
    for one in message.categories:
        _add(info, "category", one)
    _add(info, "event", words(message.event_name))
    for one in message.responses:
        _add(info, "responseType", one)
    _add(info, "urgency", "Past" if over else content.urgency)
    _add(info, "severity", message.severity)
    _add(info, "certainty", content.certainty)
    _pair(info, "eventCode", "GB/T 35561", message.national_event)
    _pair(info, "eventCode", "event", content.event)
    _add(info, "effective", moment(message.sent, message.offset))
    if message.kind == ALERT or content.onset > message.sent:
        _add(info, "onset", moment(content.onset, message.offset))
    _add(info, "expires", moment(content.expires, message.offset))
    _add(info, "senderName", words(message.sender_name))
    _add(info, "headline", words(content.headline))
    _add(info, "description", words(content.description))
    _add(info, "instruction", "" if over else words(content.instruction))
    _add(info, "web", message.web)
    # an office that can be asked, where the pack names none: never a person, never an account
    _add(info, "contact", message.contact or words(message.confirmed_office))
    _pair(info, "parameter", COLOUR, content.colour)
    for area in message.areas:
        _area(info, area, language, message.geocode)


def _area(info: ET.Element, area: Area, language: str, geocode: str) -> None:
    child = ET.SubElement(info, f"{{{NAMESPACE}}}area")
    _add(child, "areaDesc", say(area.name, language))
    for ring in area.rings:
        _add(child, "polygon", " ".join(f"{_degrees(y)},{_degrees(x)}" for x, y in ring))
    for longitude, latitude, radius in area.circles:
        _add(child, "circle", f"{_degrees(latitude)},{_degrees(longitude)} {radius:g}")
    _pair(child, "geocode", geocode, area.code)


def _degrees(value: float) -> str:
    """Plain digits: no exponents, nothing that the number does not have."""
    return f"{round(value, 6) + 0.0:.6f}".rstrip("0").rstrip(".")
