"""Whether what could not be read was for the public all the same. Pure."""

from __future__ import annotations

import re

from tianmu.sense.cap.xml import BadXml, parse

PUBLIC = "Public"
_TAG = rb"<(?:[\w.-]+:)?"
_ALERT = re.compile(_TAG + rb"alert[\s/>]")
_SCOPE = re.compile(_TAG + rb"scope[\s/>]")
_SAID = re.compile(_TAG + rb"scope\s*>\s*Public\s*</")
_RESTRICTION = re.compile(_TAG + rb"restriction[\s/>]")


def public(data: bytes) -> bool:
    """Whether each alert in ``data`` says that it is for the public, and none anything else. False
    where that cannot be told: its words may be for a few alone."""
    try:
        names = [(one.tag.rpartition("}")[2], one) for one in parse(data).iter()]
    except BadXml:
        return _public_as_written(data)
    alerts = sum(name == "alert" for name, _ in names)
    scopes = [(one.text or "").strip() for name, one in names if name == "scope"]
    apart = any(name == "restriction" for name, _ in names)
    return 0 < alerts == len(scopes) and set(scopes) == {PUBLIC} and not apart


def _public_as_written(data: bytes) -> bool:
    """The same by its bytes, where it is no XML (cut off, a sign that XML has not); comments and
    the like could hide what it says."""
    if b"<!" in data or _RESTRICTION.search(data):
        return False
    alerts, scopes = len(_ALERT.findall(data)), len(_SCOPE.findall(data))
    return 0 < alerts == scopes == len(_SAID.findall(data))
