"""Signatures as the Standard Webhooks specification (1.0) writes them: HMAC-SHA256 over
``id.timestamp.body``, in ``webhook-signature`` once for each secret that is valid."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
TOLERANCE = 300
"""seconds by which a timestamp may differ from the receiver's clock"""


class Unsigned(ValueError):
    """A message is not to be believed; the text says why."""


def new_secret() -> str:
    """256 random bits, as the specification writes them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """``v1,<base64>``; ``timestamp`` is in seconds."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b"%s.%d.%s" % (name.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(valid: Sequence[str], name: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with every secret that is valid."""
    return {
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(one, name, timestamp, body) for one in valid),
    }


def verify(secret: str, given: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of a message that was signed with ``secret`` and is not old; ``Unsigned`` else.
    Whoever receives must still keep the ids of ``TOLERANCE`` seconds, and take each once."""
    try:
        name, timestamp = given["webhook-id"], int(given["webhook-timestamp"])
        shown = given["webhook-signature"].split()
        wanted = signature(secret, name, timestamp, body)
    except (KeyError, ValueError, binascii.Error) as error:
        raise Unsigned(f"a header is missing or cannot be read: {error}") from error
    if abs(now - timestamp) > TOLERANCE:
        raise Unsigned(f"it was sent {now - timestamp:.0f} s ago: it may be a replay")
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in shown):
        raise Unsigned("no signature is made with our secret")
    return name
