"""The verifier that stands alone: whatever is done to an exported trail, it shows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.access import audit, verify_trail
from tianmu.access.keys import Keys
from tianmu.access.table import metadata
from tianmu.access.verify_trail import Bad, verify
from tianmu.store.records import Records, Transaction

PROGRAM = Path(verify_trail.__file__)


def _write(records: Records, count: int) -> None:
    def some(tx: Transaction) -> None:
        for n in range(count):
            audit.append(
                tx.connection, at=n, actor="王", verb="case.view", object=f"c{n % 3}",
                address="::1", detail={"why": "查 \"x\" \\ \n\x07\x7f €", "n": n},
            )  # fmt: skip

    records.transact(some)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], Keys]:
    folder = tmp_path_factory.mktemp("trail")
    records, keys = Records(folder / "hub.sqlite"), Keys(folder / "keys")
    records.create(metadata)
    _write(records, 9)
    lines = b"".join(audit.export(records, 99, keys)).splitlines(keepends=True)
    records.close()
    return lines, keys


def test_a_whole_trail_holds_by_the_program_alone(
    exported: tuple[list[bytes], Keys], tmp_path: Path
) -> None:
    lines, keys = exported
    assert len(lines) == 10
    file = tmp_path / "audit.ndjson"

    def ask(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # -I: neither our packages nor this folder are at hand
            [sys.executable, "-I", "-S", str(PROGRAM), str(file), *more],
            capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip

    file.write_bytes(b"".join(lines))
    good = ask()
    assert good.returncode == 0 and "record 9" in good.stdout, good
    assert f"signed with the key {keys.public.hex()}" in good.stdout
    noted = good.stdout.split("note its head: ")[1].split()[0]
    assert ask("--key", keys.public.hex(), "--noted", noted).returncode == 0
    assert ask("--key", "00" * 32).returncode == 1
    assert ask("--noted", "9:" + "0" * 64).returncode == 1
    assert ask("--noted", "nonsense").returncode == 2
    file.write_bytes(b"".join(lines[:-1]))
    cut = ask()
    assert cut.returncode == 1 and "its end was cut off" in cut.stdout


Deed = Callable[[list[bytes], int, int], list[bytes]]


def _byte(lines: list[bytes], a: int, b: int) -> list[bytes]:
    text = bytearray(b"".join(lines))
    text[(a * 9973 + b) % len(text)] ^= 1 + b % 255
    return bytes(text).splitlines(keepends=True)


def _swap(lines: list[bytes], a: int, b: int) -> list[bytes]:
    found = list(lines)
    found[a], found[b] = found[b], found[a]
    return found


def _rewritten(lines: list[bytes], a: int, b: int) -> list[bytes]:
    """A record changed, and every hash after it made to fit: all but the signature."""
    found = [json.loads(line) for line in lines]
    a %= len(found) - 1
    previous = found[a]["previous"]
    found[a]["actor"] += "x"
    for one in found[a:-1]:
        fields = [one[key] for key in verify_trail.FIELDS]
        one["previous"] = previous
        one["hash"] = previous = audit.link(previous, *fields)
    found[-1]["head"]["hash"] = previous
    return [verify_trail.canonical(one).encode() + b"\n" for one in found]


DEEDS: dict[str, Deed] = {
    "a byte changed": _byte,
    "a line removed": lambda lines, a, b: lines[:a] + lines[a + 1 :],
    "a line put in twice": lambda lines, a, b: [*lines[:b], lines[a], *lines[b:]],
    "two lines swapped": _swap,
    "the end cut off": lambda lines, a, b: lines[:a],
    "the beginning cut off": lambda lines, a, b: lines[a + 1 :],
    "the middle cut out": lambda lines, a, b: lines[: min(a, b)] + lines[max(a, b) + 1 :],
    "bytes cut off": lambda lines, a, b: b"".join(lines)[: -1 - a * 31 - b].splitlines(True),
    "rewritten to fit": _rewritten,
}


@pytest.mark.parametrize("deed", DEEDS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(a=st.integers(0, 9), b=st.integers(0, 9))
def test_any_single_tampering_shows(
    exported: tuple[list[bytes], Keys], deed: str, a: int, b: int
) -> None:
    lines, keys = exported
    done = DEEDS[deed](lines, a, b)
    if done == lines:
        return
    with pytest.raises(Bad):
        verify(done, keys.public.hex())
    with pytest.raises(Bad):
        verify(done)


def test_a_later_part_joins_the_head_that_was_noted(tmp_path: Path) -> None:
    records, keys = Records(tmp_path / "hub.sqlite"), Keys(tmp_path / "keys")
    records.create(metadata)
    _write(records, 5)
    noted = audit.head(records)

    def part(after: int) -> list[bytes]:
        return b"".join(audit.export(records, 9, keys, after)).splitlines(keepends=True)

    assert verify(part(5), noted=noted)[:2] == noted  # nothing since
    with pytest.raises(Bad):
        verify(part(5))  # all records removed, the head left
    _write(records, 5)
    assert verify(part(5), noted=noted)[0] == 10
    assert verify(part(0), noted=noted)[0] == 10
    for wrong in (None, (5, "0" * 64), (4, noted[1])):
        with pytest.raises(Bad):
            verify(part(5), noted=wrong)
    records.close()
    again = Records(tmp_path / "hub.sqlite")
    # the trail of a city that began anew holds in itself, not against what was noted
    other = Records(tmp_path / "other" / "hub.sqlite")
    other.create(metadata)
    _write(other, 3)
    short = b"".join(audit.export(other, 9, keys)).splitlines(keepends=True)
    assert verify(short)[0] == 3
    with pytest.raises(Bad, match="noted"):
        verify(short, noted=noted)
    again.close()
    other.close()


def test_signatures_as_rfc_8032_has_them() -> None:
    """Test 3 of section 7.1; and what the library signs, ours takes, but not when changed."""
    public = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
    signature = bytes.fromhex(
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
    )
    assert verify_trail.signed(public, b"\xaf\x82", signature)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    for text in (b"", b"head"):
        assert verify_trail.signed(public, text, key.sign(text))
        assert not verify_trail.signed(public, text + b"x", key.sign(text))
    assert not verify_trail.signed(public, b"", bytes(64))
