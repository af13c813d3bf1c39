"""XML from strangers: one document, no entities, no more of it than a warning needs."""

from __future__ import annotations

from xml.etree import ElementTree as ET

MOST = 2 << 20
"""bytes of a document"""
DEEPEST = 40
ELEMENTS = 20_000
"""of a document: each takes far more room in memory than in its bytes"""


class BadXml(ValueError):
    """It cannot be read; says why."""


class _Builder(ET.TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        self._depth += 1
        self._count += 1
        if self._count > ELEMENTS:
            raise BadXml(f"it has more than {ELEMENTS} elements: send its parts one by one")
        if self._depth > DEEPEST:
            raise BadXml(f"its elements are nested more than {DEEPEST} deep")
        return super().start(tag, attrs)

    def end(self, tag: str) -> ET.Element:
        self._depth -= 1
        return super().end(tag)

    def doctype(self, *_: object) -> None:
        raise BadXml("it declares a document type: a warning has none")


def parse(data: bytes) -> ET.Element:
    """The root element. Raises ``BadXml``: no XML, too large, or with a document type, by which
    entities would come in."""
    if len(data) > MOST:
        raise BadXml(f"it has {len(data)} bytes, more than {MOST}")
    try:
        parser = ET.XMLParser(target=_Builder())  # noqa: S314 - no document type, so no entities
        parser.feed(data)
        root: ET.Element = parser.close()
    except BadXml:
        raise
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadXml(f"it is no XML: {error}") from error
    return root
