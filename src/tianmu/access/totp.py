"""One-time codes that change with time: HOTP (RFC 4226) and TOTP (RFC 6238).

Six digits, thirty seconds and SHA-1, since that is what every authenticator app can do; SHA-1 is
used as HMAC here, where its collisions do not matter.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

DIGITS, PERIOD = 6, 30
WINDOW = 1
"""steps that a clock may be wrong, or a person slow, to either side"""


def secret() -> str:
    """A new secret of 160 bits (RFC 4226 §4), in base32 as apps take it."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def code(key: bytes, counter: int, *, digits: int = DIGITS, digest: str = "sha1") -> str:
    """The code of one counter (RFC 4226 §5.3)."""
    mac = hmac.digest(key, counter.to_bytes(8, "big"), digest)
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(at: int) -> int:
    """The step that a time (µs) stands in."""
    return at // (PERIOD * 1_000_000)


def find(secret: str, given: str, at: int, *, after: int = -1) -> int | None:
    """The step whose code was given, or None. Steps up to ``after`` do not count: a code is taken
    once (RFC 6238 §5.2)."""
    plain = "".join(given.split())
    if len(plain) != DIGITS or not plain.isascii() or not plain.isdecimal():
        return None
    key, now, found = base64.b32decode(secret), step_of(at), None
    for step in range(now - WINDOW, now + WINDOW + 1):
        same = hmac.compare_digest(code(key, step), plain)
        if same and step > after:
            found = step
    return found


def uri(secret: str, account: str, issuer: str) -> str:
    """What the QR code says (Google's Key URI Format, which apps read)."""
    label = quote(f"{issuer}:{account}", safe="")
    asked = {"secret": secret, "issuer": issuer, "digits": str(DIGITS), "period": str(PERIOD)}
    return f"otpauth://totp/{label}?{urlencode(asked, quote_via=quote)}"
