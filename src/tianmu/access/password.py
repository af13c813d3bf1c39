"""Passwords: Argon2id (RFC 9106), and what one must look like (GB/T 22239-2019 §8.1.4.1 a, b)."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tianmu.access.policy import POLICY, Policy


class WeakPassword(ValueError):
    """The password does not meet the policy; the message says in what."""


_hasher = PasswordHasher()
_turns = threading.BoundedSemaphore(os.cpu_count() or 1)
"""each takes 64 MiB: sixty that came at once would take the machine's memory"""
_nobody = ""


def check(password: str, account: str, past: Iterable[str] = (), policy: Policy = POLICY) -> None:
    """``WeakPassword`` unless it meets the policy; ``past`` are hashes of earlier ones."""
    if len(password) < policy.length:
        raise WeakPassword(f"the password has {len(password)} characters, {policy.length} needed")
    if len(password) > 256:
        raise WeakPassword("the password has more than 256 characters")
    classes = (
        any(c.islower() for c in password),
        any(c.isupper() for c in password),
        any(c.isdigit() for c in password),
        any(not c.isalnum() or not c.isascii() for c in password),
    )
    if sum(classes) < policy.classes:
        raise WeakPassword(
            f"the password uses {sum(classes)} of four sorts of characters (small letters, "
            f"capitals, digits, others), {policy.classes} needed"
        )
    if account and account.lower() in password.lower():
        raise WeakPassword("the password contains the account's name")
    if any(matches(one, password) for one in past):
        raise WeakPassword(f"the password is one of the last {policy.past}")


def digest(password: str) -> str:
    """The Argon2id hash to keep: takes some 50 ms and 64 MiB on purpose."""
    with _turns:
        return _hasher.hash(password)


def stronger(kept: str, plain: str) -> str:
    """The hash of ``plain`` by today's parameters, where ``kept`` is one of it by others; else "".
    Takes some 100 ms where it hashes, else nothing."""
    try:
        weak = bool(kept) and _hasher.check_needs_rehash(kept)
    except InvalidHashError:
        return ""
    return digest(plain) if weak and matches(kept, plain) else ""


def matches(kept: str, password: str) -> bool:
    """Whether ``password`` is the one kept. With nothing kept it takes as long and says no."""
    global _nobody  # noqa: PLW0603 - made once, when first needed
    if not kept:
        if not _nobody:
            _nobody = digest(secrets.token_urlsafe())
        kept, password = _nobody, password + "\0"
    try:
        with _turns:
            return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
