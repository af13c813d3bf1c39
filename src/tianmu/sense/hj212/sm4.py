"""Encryption of the data area by HJ 212-2025 (6.4.2 and A.2): SM4 (GB/T 32907), ECB, no padding.

Only whole blocks of 16 bytes are encrypted; a shorter tail stays plain, so the length of the data
area does not change. The check sum of a frame is that of the plain segment.
"""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK = 16

_HEX_KEY = re.compile(r"[0-9A-Fa-f]{32}")


def key_bytes(text: str | bytes) -> bytes:
    """A key of 16 bytes from 32 hex digits, 16 ASCII characters or 16 bytes.

    Raises ``ValueError`` where it is none of them.
    """
    if isinstance(text, bytes):
        raw = text
    elif _HEX_KEY.fullmatch(text):
        raw = bytes.fromhex(text)
    else:
        raw = text.encode()
    if len(raw) != BLOCK:
        raise ValueError(
            f"an SM4 key has 16 bytes, this one has {len(raw)}: "
            "give 32 hex digits or 16 ASCII characters"
        )
    return raw


def encrypt(data: bytes, key: bytes) -> bytes:
    """``data`` with its whole blocks encrypted; same length."""
    whole = len(data) - len(data) % BLOCK
    if not whole:
        return data
    # ECB without padding is what the standard prescribes (6.4.2)
    worker = Cipher(SM4(key), ECB()).encryptor()  # noqa: S305
    return worker.update(data[:whole]) + worker.finalize() + data[whole:]


def decrypt(data: bytes, key: bytes) -> bytes:
    """``data`` with its whole blocks decrypted; same length."""
    whole = len(data) - len(data) % BLOCK
    if not whole:
        return data
    worker = Cipher(SM4(key), ECB()).decryptor()  # noqa: S305
    return worker.update(data[:whole]) + worker.finalize() + data[whole:]
