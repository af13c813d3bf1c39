#!/usr/bin/env python3
"""Check an exported audit trail: needs Python 3.10 or later and nothing else.

    python verify_trail.py audit.ndjson [--key HEX] [--noted NUMBER:HASH]

Every line must be as it was written and follow from the one before it, and the last line must be
the head, signed (Ed25519, RFC 8032), of exactly this trail. So a change, a removal, an insertion,
a swap and a cut-off end each show. Give ``--key``, the public key noted when the city was set up:
without it whoever replaced the whole file may have signed it with a key of theirs. Give
``--noted``, the head of an earlier export: then a trail that was rewritten since shows, even by
someone who has the key. Ends with 0 when the trail holds, 1 when it does not, 2 when it was not
asked for rightly.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FIELDS = ("sequence", "at", "actor", "role", "address", "verb", "object", "outcome", "detail")
KEYS = (*FIELDS, "previous", "hash")
HEAD = ("sequence", "hash", "at", "key", "signature")
START = "0" * 64
Noted = tuple[int, str]
Point = tuple[int, int, int, int]


class Bad(Exception):
    """The trail does not hold; the message says where and in what."""


def canonical(value: Any) -> str:
    """The one way in which a value is written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse(number: int, line: bytes) -> dict[str, Any]:
    """The object of one line, which must be written as we write it, to the byte."""
    try:
        value = json.loads(line.decode("utf-8"))
        same = canonical(value).encode("utf-8") == line
    except ValueError as error:
        raise Bad(f"line {number}: cannot be read: {error}") from None
    if not isinstance(value, dict) or not same:
        raise Bad(f"line {number}: was changed after it was written")
    return value


def check_record(number: int, record: dict[str, Any], previous: str, expected: int) -> str:
    """One record against the hash of the one before it; its own hash."""
    kinds = [str if key not in ("sequence", "at") else int for key in KEYS]
    if tuple(record) != KEYS or [type(one) for one in record.values()] != kinds:
        raise Bad(f"line {number}: is no record: its fields are {', '.join(record)}")
    if record["sequence"] != expected:
        raise Bad(f"line {number}: record {expected} should stand here, not {record['sequence']}")
    if record["previous"] != previous:
        raise Bad(f"line {number}: record {record['sequence']} does not follow from that before it")
    body = record["previous"] + canonical([record[key] for key in FIELDS])
    if hashlib.sha256(body.encode("utf-8")).hexdigest() != record["hash"]:
        raise Bad(f"line {number}: record {record['sequence']} was changed after it was written")
    return str(record["hash"])


def check_head(number: int, head: Any, last: int, previous: str, key: str | None) -> str:
    """The signed head against the last record; the key that signed it."""
    if not isinstance(head, dict) or tuple(head) != HEAD:
        raise Bad(f"line {number}: is no head of a trail")
    if (head["sequence"], head["hash"]) != (last, previous):
        raise Bad(
            f"line {number}: the head is of record {head['sequence']}, the file ends at {last}"
        )
    if key is not None and head["key"] != key:
        raise Bad(f"line {number}: the head was signed with another key than the one given")
    text = f"tianmu trail head\n{head['sequence']}\n{head['hash']}\n{head['at']}\n"
    try:
        public, signature = bytes.fromhex(head["key"]), bytes.fromhex(head["signature"])
        good = signed(public, text.encode("utf-8"), signature)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise Bad(f"line {number}: the signature of the head does not fit")
    return str(head["key"])


def begins(record: dict[str, Any], noted: Noted | None) -> tuple[str, int]:
    """Hash and number that the first line has to follow."""
    if record.get("sequence") == 1:
        return START, 1
    if noted is not None and record.get("sequence") == noted[0] + 1:
        return noted[1], noted[0] + 1
    raise Bad(
        f"line 1: the trail begins at record {record.get('sequence')}: records before it were "
        "removed, or this is a later part of it: then give --noted, the head of the part before"
    )


def verify(
    lines: Iterable[bytes], key: str | None = None, noted: Noted | None = None
) -> tuple[int, str, str]:
    """Check the lines (with their ends) of an export; number and hash of its head, and the key
    that signed it. ``noted`` is number and hash of an earlier head. Raises ``Bad``."""
    number, found, previous, expected = 0, None, "", 0
    for number, raw in enumerate(lines, 1):
        if found is not None:
            raise Bad(f"line {number}: something stands after the head")
        if not raw.endswith(b"\n"):
            raise Bad(f"line {number}: is cut off")
        value = parse(number, raw[:-1])
        if tuple(value) == ("head",):
            if number == 1:  # nothing was written since the head that was noted
                previous, expected = (noted[1], noted[0] + 1) if noted else (START, 1)
            found = check_head(number, value["head"], expected - 1, previous, key)
            continue
        if number == 1:
            previous, expected = begins(value, noted)
        previous = check_record(number, value, previous, expected)
        if noted is not None and expected == noted[0] and previous != noted[1]:
            raise Bad(f"line {number}: record {expected} is not the one that was noted")
        expected += 1
    if found is None:
        raise Bad(f"line {number}: the file ends without a signed head: its end was cut off")
    if noted is not None and expected <= noted[0]:
        raise Bad(f"the trail ends before record {noted[0]}, which was noted")
    return expected - 1, previous, found


# Ed25519 as RFC 8032, section 6, writes it down: slow, and needs nothing.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(a: Point, b: Point) -> Point:
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def multiply(times: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while times:
        if times & 1:
            total = add(total, point)
        point, times = add(point, point), times >> 1
    return total


def same_point(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(raw: bytes) -> Point:
    """The point that 32 bytes stand for; ValueError for none."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise ValueError("no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed(public: bytes, text: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is one of ``text`` by the owner of ``public``."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % Q
    return same_point(multiply(s, BASE), add(r, multiply(h, key)))


def main(arguments: Sequence[str] | None = None) -> int:
    about = argparse.ArgumentParser(description="Check an exported audit trail.")
    about.add_argument("file")
    about.add_argument("--key", help="the public key noted when the city was set up")
    about.add_argument("--noted", help="NUMBER:HASH, the head of an earlier export")
    asked = about.parse_args(arguments)
    noted = None
    if asked.noted:
        number, _, value = asked.noted.partition(":")
        if not number.isdecimal() or len(value) != 64:
            about.error("--noted takes NUMBER:HASH as this program prints it")
        noted = (int(number), value.lower())
    try:
        with Path(asked.file).open("rb") as lines:
            last, head, key = verify(lines, asked.key and asked.key.lower(), noted)
    except OSError as error:
        about.error(str(error))
    except Bad as bad:
        print(f"DOES NOT HOLD: {asked.file}: {bad}")
        return 1
    print(f"holds up to record {last}; note its head: {last}:{head}")
    if not asked.key:
        print(f"signed with the key {key}: compare it with the one noted, or give --key")
    return 0


if __name__ == "__main__":
    sys.exit(main())
