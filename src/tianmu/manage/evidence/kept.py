"""Evidence of a case: photos, video, voice, documents, kept by their content's hash outside the
database. The same file is kept once however often it is attached.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tianmu.facts.place import Place
from tianmu.manage.evidence.scanning import Scan, Verdict

LARGEST = 50 << 20
"""bytes of one file: a bound for what one request may bring, and no rule of a city"""

ROLES = ("near", "far", "reference", "handle_before", "handle_after", "other")
"""what a photo shows of a case (DOMAIN.md §2.2 [S3])"""

ANYWHERE = -1
Signs = tuple[tuple[int, bytes], ...]
_FTYP: Signs = ((4, b"ftyp"),)
_OFFICE: Signs = ((0, b"PK\x03\x04"), (ANYWHERE, b"[Content_Types].xml"))
_STARTS: dict[str, tuple[Signs, ...]] = {
    "image/jpeg": (((0, b"\xff\xd8\xff"),),),
    "image/png": (((0, b"\x89PNG\r\n\x1a\n"),),),
    "image/webp": (((0, b"RIFF"), (8, b"WEBP")),),
    "image/heic": (_FTYP,),
    "video/mp4": (_FTYP,),
    "video/quicktime": (_FTYP, ((4, b"moov"),), ((4, b"mdat"),), ((4, b"wide"),)),
    "video/webm": (((0, b"\x1aE\xdf\xa3"),),),
    "audio/mpeg": tuple(((0, sign),) for sign in (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")),
    "audio/wav": (((0, b"RIFF"), (8, b"WAVE")),),
    "audio/ogg": (((0, b"OggS"),),),
    "audio/mp4": (_FTYP,),
    "audio/webm": (((0, b"\x1aE\xdf\xa3"),),),
    "audio/amr": (((0, b"#!AMR"),),),
    "application/pdf": (((0, b"%PDF-"),),),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (_OFFICE,),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (_OFFICE,),
    "text/plain": (),
    "text/csv": (),
}
"""Types that are taken, and the bytes (at an offset) by which a file shows that it is of one: one
row of several, where there are several; none where it is plain text, whatever it begins with."""

TYPES = tuple(_STARTS)
_NO_TEXT = re.compile("[\\0-\\x08\\x0b\\x0e-\\x1f]")


Held = Callable[[Collection[str]], Collection[str]]
"""those of these digests that a case or another thing holds"""


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What whoever attaches a file says of it."""

    name: str
    media_type: str
    role: str = "other"
    at: int = 0
    """µs: when it was taken, 0 unknown"""
    place: Place = msgspec.field(default_factory=Place)
    order: str = ""


class BadFile(ValueError):
    """A file is not taken; says why, and what would be. ``where``: what of it is at fault, the
    ``file`` or its ``role``."""

    def __init__(self, told: str, where: str = "file") -> None:
        super().__init__(told)
        self.where = where


class EvidenceStore:
    """Files under one folder, ``<first two>/<digest>`` in hexadecimal SHA-256.

    ``scan`` looks for malware before a file is kept (``scanning``); what it calls infected lies
    under ``quarantine`` and is never read again by the program. A file that was *lent* has a mark
    under ``lent``: nobody has attached it yet, and if nobody does it is let go. One that is being
    attached has a mark under ``taking`` until it is known whether a case holds it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        largest: int = LARGEST,
        scan: Scan | None = None,
    ) -> None:
        self.folder, self.largest, self.scan = folder, largest, scan

    @contextlib.contextmanager
    def taking(self, content: bytes, evidence: Evidence, held: Held) -> Iterator[dict[str, Any]]:
        """``keep`` for as long as it takes to say who holds the file; at the end it goes again if
        by ``held`` nobody does. What a kill -9 leaves, ``sweep`` looks at."""
        digest = hashlib.sha256(content).hexdigest()
        token = f"{digest}.{secrets.token_hex(4)}"
        try:
            yield self.keep(content, evidence, token)
        finally:
            self._taken(token, held)

    def sweep(self, held: Held) -> int:
        """At a start, before anybody attaches: what was being attached as the process ended, and
        parts of files that were being written. How many files were removed."""
        for partial in (*self.folder.glob("??/.*"), *self.folder.glob("quarantine/.*")):
            partial.unlink(missing_ok=True)
        marks = sorted(one.name for one in self._token("").glob("*"))
        return sum([self._taken(token, held) for token in marks])

    def _token(self, token: str) -> Path:
        return self.folder / "taking" / token

    def _taken(self, token: str, held: Held) -> bool:
        """The attaching of ``token`` is over; whether its file was removed."""
        digest = token.partition(".")[0]
        with self._guard():
            if not self._token(token).exists():
                return False  # it was refused before anything was written
            others = set(self._token("").glob(f"{digest}.*")) - {self._token(token)}
            gone = False
            if not others and not held({digest}):
                files = [self.folder / "quarantine" / digest]
                if not self._mark(digest).exists():
                    files.append(self.path(digest))
                for file in files:
                    if file.exists():
                        gone = True
                        file.unlink()
                        _settle(file.parent)
            elif not others:
                self._mark(digest).unlink(missing_ok=True)  # whoever has it needs it
            self._token(token).unlink()
            return gone

    def keep(self, content: bytes, evidence: Evidence, token: str = "") -> dict[str, Any]:
        """Write the file to disk if it is not there; what the case's event says of it. ``token``:
        it is not known yet whether it stays (``taking``).

        Raises ``BadFile`` where it is too big, empty, of a type that is not taken or is not
        what it says it is; ``NoAnswer`` where a scanner is set and says nothing.
        """
        self._check(content, evidence)
        verdict = self.scan(content) if self.scan is not None else None
        digest = hashlib.sha256(content).hexdigest()
        if verdict is not None and verdict.infected:
            self._write(self.folder / "quarantine" / digest, content, token)
        else:
            self._write(self.path(digest), content, token)
        return _told(digest, len(content), evidence, verdict)

    def _check(self, content: bytes, evidence: Evidence) -> None:
        """Raises ``BadFile``."""
        if not content:
            raise BadFile(f"{evidence.name} is empty: attach the file itself")
        if len(content) > self.largest:
            raise BadFile(
                f"{evidence.name} has {len(content)} bytes, at most {self.largest} are taken: "
                "attach a smaller picture or a shorter recording"
            )
        starts = _STARTS.get(evidence.media_type)
        if starts is None:
            raise BadFile(
                f"{evidence.name} is of type {evidence.media_type!r}, which is not taken: "
                f"use one of {', '.join(TYPES)}"
            )
        if not starts and written_in(content) is None:
            raise BadFile(
                f"{evidence.name} says it is {evidence.media_type}, but cannot be read as text: "
                "save it again in UTF-8"
            )
        if starts and not _shows(content, starts):
            raise BadFile(
                f"{evidence.name} says it is {evidence.media_type}, but its first bytes are not: "
                "save it again in that format"
            )
        if evidence.role not in ROLES:
            raise BadFile(
                f"role {evidence.role!r} is unknown: use one of {', '.join(ROLES)}", "role"
            )

    def path(self, digest: str) -> Path:
        """Where the file of this digest lies. ``ValueError`` for what is no digest."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError(f"{digest[:80]!r} is no SHA-256 in hexadecimal")
        return self.folder / digest[:2] / digest

    def quarantined(self, digest: str) -> bool:
        """Whether a scanner has called this content infected, on whichever case."""
        return (self.folder / "quarantine" / self.path(digest).name).exists()

    def read(self, digest: str) -> bytes:
        """The content, proven by its hash. ``FileNotFoundError``, or ``ValueError`` where the disk
        gives something else back."""
        content = self.path(digest).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError(f"evidence {digest} is damaged on disk: restore it from a backup")
        return content

    # -- what is lent ----------------------------------------------------------------------------

    def lend(self, source: Path, digest: str) -> bool:
        """Put a file with the evidence until somebody needs it; False where it is gone. From any
        process; after a kill -9 there is at worst a mark without a file."""
        there, mark = self.path(digest), self._mark(digest)
        with self._guard():
            if there.exists():
                if mark.exists():
                    os.utime(mark)
                elif self._attaching(digest):  # it may be refused, and would go with that
                    self._put_mark(mark)
                return True
            there.parent.mkdir(parents=True, exist_ok=True)
            self._put_mark(mark)
            try:
                os.link(source, there)
            except FileNotFoundError:
                mark.unlink()
                return False
            except FileExistsError:
                pass  # somebody has attached the same at this moment
            _settle(there.parent)
            return True

    def lent(self, before: float) -> tuple[str, ...]:
        """Digests lent before then (seconds since 1970)."""
        found = []
        for mark in self._mark("").glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if mark.stat().st_mtime < before:
                    found.append(mark.name)
        return tuple(sorted(found))

    def mark_lost(self, held: Held, before: float) -> int:
        """Lend what lies here since before then (seconds since 1970) though nobody holds, lends or
        attaches it: as older releases left it where they ended before they had told whose it is.
        If nobody comes to hold it, it goes as all that is lent does. How many were found."""
        count = 0
        for folder in (*sorted(self.folder.glob("??")), self.folder / "quarantine"):
            old = set[str]()
            for file in folder.glob("[!.]*"):
                with contextlib.suppress(FileNotFoundError):  # refused or let go meanwhile
                    if file.stat().st_mtime < before:
                        old.add(file.name)
            for digest in sorted(old.difference(held(old)) if old else ()):
                with self._guard():
                    mark = self._mark(digest)
                    if mark.exists() or self._attaching(digest) or held({digest}):
                        continue
                    self._put_mark(mark)
                    count += 1
        return count

    def give_back(self, digests: Collection[str], held: Collection[str], before: float) -> int:
        """End the lending of ``digests`` where it is still as old as ``before``: what is ``held``
        stays for good, the other files are removed; how many of these."""
        count = 0
        for digest in digests:
            mark = self._mark(digest)
            with self._guard(), contextlib.suppress(FileNotFoundError):
                if mark.stat().st_mtime >= before:
                    continue
                if self._attaching(digest):
                    continue
                if digest not in held:
                    for file in (self.path(digest), self.folder / "quarantine" / digest):
                        with contextlib.suppress(FileNotFoundError):
                            file.unlink()
                            _settle(file.parent)
                            count += 1
                mark.unlink()
        return count

    def _mark(self, digest: str) -> Path:
        return self.folder / "lent" / digest

    def _put_mark(self, mark: Path) -> None:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        _settle(mark.parent)

    def _attaching(self, digest: str) -> bool:
        """Whether somebody attaches it at this moment."""
        return any(self._token("").glob(f"{digest}.*"))

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        """One at a time, over all processes of the city."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".guard").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, content: bytes, token: str) -> None:
        with self._guard():
            if token:
                self._token("").mkdir(exist_ok=True)
                self._token(token).touch()
                _settle(self._token(""))
            elif path == self.path(path.name):  # whoever keeps it needs it: it is lent no more
                self._mark(path.name).unlink(missing_ok=True)
            if path.exists() and path.stat().st_size == len(content):
                return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _settle(path.parent)


def _settle(folder: Path) -> None:
    """What was made or removed in it is so after a power cut too."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _shows(content: bytes, starts: tuple[Signs, ...]) -> bool:
    """Whether the file begins as what it says it is."""
    return any(
        all(sign in content if at == ANYWHERE else content.startswith(sign, at) for at, sign in one)
        for one in starts
    )


def written_in(content: bytes) -> str | None:
    """The encoding of a plain text; None where it is none, or has signs that no text has."""
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(UnicodeDecodeError):
            return None if _NO_TEXT.search(content.decode(encoding)) else encoding
    return None


def served_as(content: bytes, media_type: str) -> str:
    """The type of a file for whoever reads it: of a text with its encoding."""
    if not media_type.startswith("text/"):
        return media_type
    return f"{media_type}; charset={written_in(content) or 'utf-8'}"


def _told(digest: str, size: int, evidence: Evidence, verdict: Verdict | None) -> dict[str, Any]:
    """What a case's event says of a file."""
    kept: dict[str, Any] = {
        "digest": digest,
        "name": Path(evidence.name).name[:200],
        "media_type": evidence.media_type,
        "size": size,
        "role": evidence.role,
    }
    if verdict is not None:
        kept["scan"] = "infected" if verdict.infected else "clean"
        if verdict.infected and verdict.what:
            kept["found"] = verdict.what
    if evidence.at:
        kept["taken_at"] = evidence.at
    if place := msgspec.to_builtins(evidence.place):
        kept["place"] = place
    if evidence.order:
        kept["order"] = evidence.order
    return kept
