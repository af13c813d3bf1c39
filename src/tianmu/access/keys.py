"""The city's own keys: one that seals secrets it must read again, one that signs the trail's head.

They lie in ``<data>/keys``, readable by this user alone, and are in every backup. Without them
second factors have to be enrolled anew, and a head signed later does not match those noted before.
"""

from __future__ import annotations

import base64
import os
import secrets
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRETS, TRAIL = "secrets.key", "trail.key"


class NotOurs(ValueError):
    """What was sealed cannot be opened: it was changed, moved, or sealed with another key."""


class Keys:
    """Both keys, made when first needed. Sealing is AES-256-GCM (NIST SP 800-38D) with a nonce of
    its own each time; the head is signed by Ed25519 (RFC 8032)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def seal(self, plain: str, about: str) -> str:
        """``plain`` as it may be kept; ``about`` says whose it is, and must be said again."""
        nonce = secrets.token_bytes(12)
        kept = nonce + self._cipher.encrypt(nonce, plain.encode(), about.encode())
        return base64.b64encode(kept).decode("ascii")

    def open(self, kept: str, about: str) -> str:
        """What was sealed; ``NotOurs`` where that was not done with this key for this ``about``."""
        try:
            raw = base64.b64decode(kept, validate=True)
            return self._cipher.decrypt(raw[:12], raw[12:], about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise NotOurs(
                f"a secret of {about} cannot be opened: the key in {self._folder} is another one, "
                "or what was kept was changed"
            ) from error

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        return self._signer.sign(text)

    @cached_property
    def public(self) -> bytes:
        """The 32 bytes with which anybody checks ``sign``: note them elsewhere."""
        return self._signer.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._key(SECRETS))

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._key(TRAIL))

    def _key(self, name: str) -> bytes:
        """32 bytes from the file, which is made where there is none; whoever comes second at that
        takes what the first one made."""
        path = self._folder / name
        if not path.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self._folder / f".{name}.{secrets.token_hex(4)}"
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, secrets.token_hex(32).encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            try:
                os.link(partial, path)
            except FileExistsError:
                pass
            finally:
                partial.unlink()
        try:
            key = bytes.fromhex(path.read_text("ascii").strip())
        except ValueError as error:
            raise NotOurs(f"{path} is no key: bring it back from a backup") from error
        if len(key) != 32:
            raise NotOurs(f"{path} has {len(key)} bytes instead of 32: bring it back from a backup")
        return key
