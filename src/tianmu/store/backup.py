"""A backup made while the city runs: all of it as of one moment, in one file.

The processes read each other's topics in a circle, so no order of copying file after file would
keep every read position within what the copies hold. Instead the moment is the same for all: for
some milliseconds the backup holds the write lock of every file, opens a snapshot of each, links
the files that may vanish (history, live snapshots), and lets the writers go on. Then it copies the
snapshots at leisure.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import zstandard
from pysqlite3 import dbapi2

from tianmu.store.digest import digest, files
from tianmu.store.journal.file import check_library

FORMAT = 1
_CONTENTS = "tianmu-backup.json"
_PAGES = 2048


class Unreadable(ValueError):
    """The file is no whole backup that this release can restore."""


@dataclass(frozen=True)
class Backup:
    """What a backup file holds."""

    at: int
    """µs: the moment"""
    bytes: int
    digest: dict[str, str]
    """see ``digest``: a restored city gives the same"""


def backup(data: Path, file: Path) -> Backup:
    """Write all of the city under ``data`` to ``file`` (tar, zstd), running or not. It holds
    secrets (keys, digests of tokens, personal data): keep it where the data folder may be kept.

    ``file`` appears only when it is whole. Raises ``FileNotFoundError`` where there is no city,
    ``FileExistsError`` where ``file`` is there, ``OSError`` where there is no room.
    """
    check_library()
    data, file = Path(data), Path(file)
    if file.exists():
        raise FileExistsError(f"{file} is there already: choose another name")
    if not files(data):
        raise FileNotFoundError(f"there is no city in {data}")
    (data / "run").mkdir(exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    # beside the data, since links do not reach across file systems
    with tempfile.TemporaryDirectory(dir=data / "run", prefix="backup-") as folder:
        stage = Path(folder)
        at = _freeze(data, stage)
        found = digest(stage)
        contents = {"format": FORMAT, "at": at, "digest": found}
        try:
            with partial.open("wb") as out:
                os.fchmod(out.fileno(), 0o600)
                _pack(stage, contents, out)
                out.flush()
                os.fsync(out.fileno())
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
        _sync(file.parent)
    return Backup(at, file.stat().st_size, found)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _freeze(data: Path, stage: Path) -> int:
    """Copy everything as of one moment into ``stage``; the moment."""
    paths = files(data)
    with contextlib.ExitStack() as snapshots:
        with _stopped(data, paths):
            at = time.time_ns() // 1000
            sources = [(path, snapshots.enter_context(_snapshot(path))) for path in paths]
            _link(data, stage)
        for path, source in sources:
            target = dbapi2.connect(str(stage / path.name))
            with contextlib.closing(target):
                source.backup(target, pages=_PAGES, sleep=0.0)
    return at


@contextlib.contextmanager
def _stopped(data: Path, paths: list[Path]) -> Iterator[None]:
    """Nobody writes any of the files meanwhile. Locks are taken in one order, by one backup at a
    time, so that nobody waits for another in a circle."""
    with (data / "run" / "backup.lock").open("w") as lock, contextlib.ExitStack() as held:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in paths:
            connection = dbapi2.connect(
                f"file:{path.resolve()}?mode=rw", uri=True, isolation_level=None, timeout=30.0
            )
            held.callback(connection.close)
            connection.execute("BEGIN IMMEDIATE")
            held.callback(connection.execute, "ROLLBACK")
        yield


@contextlib.contextmanager
def _snapshot(path: Path) -> Iterator[Any]:
    """A connection that sees the file as it is now, for as long as it is open."""
    connection = dbapi2.connect(
        f"file:{path.resolve()}?mode=ro", uri=True, isolation_level=None, timeout=30.0
    )
    with contextlib.closing(connection):
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection


def _wanted(path: PurePosixPath) -> bool:
    """Whether a file of the data folder goes into the archive as it is."""
    parts = path.parts
    if parts[0] == "run" or any(part.startswith(".") for part in parts):
        return False
    if ".sqlite" in path.name and len(parts) == 1:
        return False  # copied from the snapshots
    if parts[0] == "history":
        return path.suffix == ".parquet"
    return not (parts[0] == "registry" and len(parts) > 2 and parts[2].startswith("index-"))


def _link(data: Path, stage: Path) -> None:
    for path in sorted(data.rglob("*")):
        name = PurePosixPath(path.relative_to(data).as_posix())
        if _wanted(name) and path.is_file() and not path.is_symlink():
            target = stage / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                try:
                    os.link(path, target)
                except OSError as error:
                    if isinstance(error, FileNotFoundError):
                        raise
                    shutil.copy2(path, target)


def _pack(stage: Path, contents: dict[str, Any], out: BinaryIO) -> None:
    digests: dict[str, str] = {}
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True, threads=-1)
    with (
        compressor.stream_writer(out, closefd=False) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(p for p in stage.rglob("*") if p.is_file()):
            name = path.relative_to(stage).as_posix()
            with path.open("rb") as source:
                # as long as it is now: a log that is open elsewhere may grow meanwhile
                size = os.fstat(source.fileno()).st_size
                digests[name] = _digest(source, size)
                source.seek(0)
                info = archive.gettarinfo(name, name, source)
                info.uid = info.gid = 0
                info.uname = info.gname = ""
                info.type, info.linkname = tarfile.REGTYPE, ""
                info.size = size
                archive.addfile(info, source)
        last = json.dumps({**contents, "files": digests}).encode()
        info = tarfile.TarInfo(_CONTENTS)
        info.size = len(last)
        archive.addfile(info, io.BytesIO(last))


def _digest(source: BinaryIO, size: int) -> str:
    """SHA-256 of the first ``size`` bytes."""
    state = hashlib.sha256()
    while size and (piece := source.read(min(size, 1 << 20))):
        state.update(piece)
        size -= len(piece)
    return state.hexdigest()


def restore(file: Path, data: Path) -> Backup:
    """Make ``data`` (which must not be there, or be empty) the city that ``file`` holds.

    Everything is unpacked beside it, checked by digest, made durable, and only then given its
    name. Raises ``FileExistsError``, or ``Unreadable`` where the file is damaged or from a newer
    release.
    """
    file, data = Path(file), Path(data)
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise FileExistsError(f"{data} is not empty: restore into a new folder")
    data.parent.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=data.parent, prefix=f".{data.name}-restoring-"))
    try:
        contents = _unpack(file, stage)
        found = digest(stage)
        if found != contents["digest"]:
            wrong = sorted(
                name
                for name in {*found, *contents["digest"]}
                if found.get(name) != contents["digest"].get(name)
            )
            raise Unreadable(f"{file}: {', '.join(wrong)} came out different: use another backup")
        for path in stage.rglob("*"):
            _sync(path)
        _sync(stage)
        if data.exists():
            data.rmdir()
        stage.rename(data)
        _sync(data.parent)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return Backup(contents["at"], file.stat().st_size, contents["digest"])


def _unpack(file: Path, stage: Path) -> dict[str, Any]:
    contents: dict[str, Any] | None = None
    digests: dict[str, str] = {}
    try:
        with (
            file.open("rb") as source,
            zstandard.ZstdDecompressor().stream_reader(source) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                content = archive.extractfile(member)
                name = PurePosixPath(member.name)
                if content is None or name.is_absolute() or ".." in name.parts:
                    raise Unreadable(f"{file}: {member.name} has no place in a backup")
                if member.name == _CONTENTS:
                    contents = json.loads(content.read())
                    continue
                digests[member.name] = _write(content, stage / name, member.mode)
    except (zstandard.ZstdError, tarfile.TarError, EOFError, json.JSONDecodeError) as error:
        raise Unreadable(f"{file} is damaged ({error}): use another backup") from error
    if contents is None:
        raise Unreadable(f"{file} ends too early, or is no backup: use another one")
    if contents["format"] > FORMAT:
        raise Unreadable(f"{file} was made by a newer release: restore it with that one")
    if digests != contents["files"]:
        wrong = sorted(set(digests.items()) ^ set(contents["files"].items()))
        raise Unreadable(f"{file}: {wrong[0][0]} is damaged or missing: use another backup")
    return contents


def _write(content: Any, path: Path, mode: int) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = hashlib.sha256()
    with path.open("wb") as out:
        os.fchmod(out.fileno(), mode & 0o777)
        while piece := content.read(1 << 20):
            state.update(piece)
            out.write(piece)
    return state.hexdigest()
