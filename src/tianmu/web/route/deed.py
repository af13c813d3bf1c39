"""Deeds that are sent again where no answer came: their key, when they were done, what they did."""

from __future__ import annotations

import re
from collections.abc import Callable

from tianmu.manage.kept.deed_key import Deed, Done, OtherDeed
from tianmu.store.records import Transaction
from tianmu.web.answer import moment
from tianmu.web.answer.problem import Fault, Problem
from tianmu.web.route.route import Ask

HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,100}")


Note = Callable[[Transaction], None]
"""writes the note of a deed in the audit trail, in the deed's own transaction"""


def deed_of(ask: Ask, done_at: str | None = None, note: Note | None = None, part: str = "") -> Deed:
    """The key of a request and when its deed was done; 400 for a key that is none, 422 for a time
    that is none. A time that lies ahead of our clock is no error here: it is not believed. ``part``
    names one deed of those that the request asks for together."""
    key = ask.request.headers.get(HEADER, "").strip()
    if key and not _KEY.fullmatch(key):
        raise Problem(
            400,
            "bad-key",
            "the Idempotency-Key has more than 100 characters, or other than visible ASCII",
            "make one with crypto.randomUUID()",
        )
    try:
        told = moment.read(done_at) if done_at else 0
        return Deed(key=f"{key} {part}".strip() if key else "", done_at=told, beside=note)
    except ValueError as error:
        fault = Fault(where="body.done_at", what=str(error))
        raise Problem(
            422, "invalid", f"body.done_at: {error}", "give RFC 3339", faults=[fault]
        ) from error


def between(done: Done) -> dict[str, str]:
    """Which versions of the case the deed stood between, and whether it was done before: a phone
    that sends several in a row sees by it whether somebody else came between them."""
    said = {"Deed-Before": str(done.before), "Deed-Version": str(done.version)}
    return {**said, "Deed-Again": "1"} if done.again else said


def reused(error: OtherDeed) -> Problem:
    """409: the key names another deed."""
    return Problem(409, "key-reused", str(error), "make a new key for each deed")
