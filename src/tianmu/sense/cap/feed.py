"""What stands in an answer from a feed: alerts, and links to more. Atom, RSS, one alert. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from tianmu.sense.cap.codec import NAMESPACES
from tianmu.sense.cap.xml import MOST, BadXml, parse

ATOM = "{http://www.w3.org/2005/Atom}"
CAP = "application/cap+xml"
TOGETHER = 4 * MOST
"""bytes of all alerts of a document: more than it has itself only where one holds another"""
PLAIN = ("", "text/html")
"""media types of links that lead to pages for people, where a better one is there"""


@dataclass(frozen=True)
class Listed:
    alerts: tuple[bytes, ...] = ()
    links: tuple[str, ...] = ()
    """addresses of alerts, in the order of the feed"""


def read(data: bytes, base: str) -> Listed:
    """Raises ``BadXml``: no XML, or nothing that lists or is an alert."""
    root = parse(data)
    if _is_alert(root):
        return Listed(alerts=(data,))
    if root.tag == f"{ATOM}feed":
        entries = root.findall(f"{ATOM}entry")
    elif root.tag.lower().rpartition("}")[2] in {"rss", "rdf"}:
        entries = [one for one in root.iter() if one.tag.rpartition("}")[2] == "item"]
    else:
        raise BadXml(f"it is <{root.tag[:80]}>, neither an alert nor a feed (Atom, RSS)")
    alerts: list[bytes] = []
    links: dict[str, None] = {}
    for entry in entries:
        inside = [ET.tostring(one, encoding="utf-8") for one in entry.iter() if _is_alert(one)]
        alerts += inside
        if sum(map(len, alerts)) > TOGETHER:
            raise BadXml("its alerts stand in one another")
        if not inside and (link := _link(entry)):
            links[_whole(base, link)] = None
    return Listed(tuple(alerts), tuple(links))


def _whole(base: str, link: str) -> str:
    """The link's address; as it stands where it is none, for whoever follows it to say so."""
    try:
        return urljoin(base, link)
    except ValueError:
        return link


def _is_alert(element: ET.Element) -> bool:
    space, _, tag = element.tag.removeprefix("{").rpartition("}")
    return tag == "alert" and space in NAMESPACES


def _link(entry: ET.Element) -> str:
    """Where the entry's alert stands: a link that says it is CAP, else the first that may be."""
    found: list[tuple[int, str]] = []
    for one in entry.iter():
        tag = one.tag.rpartition("}")[2]
        if tag not in {"link", "enclosure", "content"}:
            continue
        address = one.get("href") or one.get("url") or one.get("src")
        if address is None and tag == "link":
            address = (one.text or "").strip()
        if not address or one.get("rel") in {"self", "edit"}:
            continue
        media = (one.get("type") or "").split(";")[0].strip().lower()
        found.append((0 if media == CAP else 2 if media in PLAIN else 1, address))
    return min(found, key=lambda one: one[0])[1] if found else ""
