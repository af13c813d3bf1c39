"""Warnings in force, and cancellations for as long as what they end would have held, as an Atom
feed (RFC 4287): an entry for each with its CAP document beside it, as aggregators expect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from tianmu.city.level.warning import NAMESPACE
from tianmu.facts.text import Text, say
from tianmu.facts.warning import Message
from tianmu.prevent.warning import cap

ATOM = "http://www.w3.org/2005/Atom"
MEDIA = "application/atom+xml"


def document(
    messages: Sequence[Message], *, name: Text, author: Text, language: str, base: str, updated: int
) -> bytes:
    """The feed in one language. ``base`` is the address of the city's pages without a slash at its
    end; ``updated`` (µs) when one of the warnings last changed."""
    # names with their prefixes: those that ElementTree registers are the whole process's, and
    # several threads write at once
    feed = ET.Element("feed", {"xmlns": ATOM, "xmlns:cap": NAMESPACE})
    here = f"{base}/api/warnings/feed.atom"
    _add(feed, "id", here)
    _add(feed, "title", say(name, language))
    _add(feed, "updated", _moment(updated))
    _person(feed, say(author, language))
    _link(feed, "self", here, MEDIA)
    for one in messages:
        _entry(feed, one, language, base)
    ET.indent(feed)
    body: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return body


def address(base: str, message: Message) -> str:
    """Where the CAP document of a message stands for ever."""
    return f"{base}/api/warnings/cap/{message.identifier}.xml"


def _entry(feed: ET.Element, message: Message, language: str, base: str) -> None:
    entry = ET.SubElement(feed, "entry")
    content = message.content
    _add(entry, "id", address(base, message))
    _add(entry, "title", say(content.headline, language))
    _add(entry, "updated", _moment(message.sent))
    _add(entry, "published", _moment(message.sent))
    _person(entry, say(message.sender_name, language) or message.sender)
    summary = say(content.description, language) or say(content.headline, language)
    ET.SubElement(entry, "summary", {"type": "text"}).text = summary
    _link(entry, "alternate", address(base, message), cap.MEDIA)
    ET.SubElement(entry, "category", {"term": content.colour})
    for tag, words in (
        ("event", say(message.event_name, language)),
        ("status", content.status),
        ("msgType", message.kind),
        ("urgency", content.urgency),
        ("severity", message.severity),
        ("certainty", content.certainty),
        ("effective", cap.moment(message.sent, message.offset)),
        ("expires", cap.moment(content.expires, message.offset)),
        ("areaDesc", "; ".join(say(one.name, language) for one in message.areas)),
    ):
        ET.SubElement(entry, f"cap:{tag}").text = words


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _person(parent: ET.Element, name: str) -> None:
    _add(ET.SubElement(parent, "author"), "name", name)


def _link(parent: ET.Element, rel: str, href: str, media: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "href": href, "type": media})


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
