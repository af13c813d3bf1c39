"""Passwords of MQTT sources as brokers keep them: PBKDF2 in mosquitto's ``$7$`` form.

``$7$<iterations>$<salt, base64>$<PBKDF2-HMAC-SHA512, base64>`` (mosquitto_passwd(1), 2.0).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 101
PASSWORD_HASH = "password_hash"  # noqa: S105 - the name of a source's setting


def hashed(password: str) -> str:
    """A salted hash of a token (256 random bits, so few iterations are enough). ``ValueError`` for
    one with a NUL: HMAC fills short keys with them, and another token would fit (RFC 2104 §2)."""
    salt = secrets.token_bytes(12)
    return _form(password, salt, ITERATIONS)


def matches(password: str, kept: str) -> bool:
    """Whether a kept hash is that of ``password``; False for what is no such hash, and for what is
    no token."""
    try:
        _, kind, iterations, salt, _ = kept.split("$")
        if kind != "7":
            return False
        again = _form(password, base64.b64decode(salt), int(iterations))
    except (ValueError, OverflowError):
        return False
    return hmac.compare_digest(again.encode(), kept.encode())


def _form(password: str, salt: bytes, iterations: int) -> str:
    if "\0" in password:
        raise ValueError("a token has no NUL")
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations)
    parts = ("7", str(iterations), base64.b64encode(salt).decode(), base64.b64encode(key).decode())
    return "$" + "$".join(parts)
