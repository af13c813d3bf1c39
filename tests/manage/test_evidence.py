"""Files of a case: kept by their hash, of known types, not too big."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tianmu.manage.evidence.kept import Evidence, EvidenceStore, served_as
from tianmu.manage.evidence.scanning import NoAnswer, Verdict, scanner

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def told(name: str = "a.png", media_type: str = "image/png", role: str = "near") -> Evidence:
    return Evidence(name=name, media_type=media_type, role=role)


def test_what_is_attached_while_it_is_lent_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, store = tmp_path / "a", EvidenceStore(tmp_path / "evidence")
    source.write_bytes(PNG)
    link = os.link

    def attach(one: Path, other: Path) -> None:
        other.write_bytes(PNG)  # by another process, in between
        link(one, other)

    monkeypatch.setattr(os, "link", attach)
    digest = hashlib.sha256(PNG).hexdigest()
    assert store.lend(source, digest) and store.read(digest) == PNG


def test_a_file_is_kept_once_and_proven(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    kept = store.keep(PNG, told("../../etc/passwd"))
    assert kept["name"] == "passwd"
    assert store.keep(PNG, told())["digest"] == kept["digest"]
    files = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.name != ".guard"]
    assert files == [kept["digest"]]
    assert store.read(kept["digest"]) == PNG
    store.path(kept["digest"]).write_bytes(b"other")
    with pytest.raises(ValueError, match="damaged"):
        store.read(kept["digest"])
    assert store.keep(PNG, told())["digest"] == kept["digest"]
    assert store.read(kept["digest"]) == PNG


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        ("第一栋三楼漏水\n".encode("gb18030"), "text/plain"),
        (b"\xef\xbb\xbfhouse,floor\r\n1,3\r\n", "text/csv"),
        (b"PK\x03\x04..[Content_Types].xml", WORD),
        (b"\x00\x00\x00\x14ftypqt  ", "video/quicktime"),
        (b"\x00\x00\x10\x00moov", "video/quicktime"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"#!AMR\n", "audio/amr"),
    ],
)
def test_what_phones_and_offices_make_is_taken(
    tmp_path: Path, content: bytes, media_type: str
) -> None:
    kept = EvidenceStore(tmp_path).keep(content, told("a", media_type))
    assert kept["media_type"] == media_type


@pytest.mark.parametrize(
    ("content", "evidence", "words"),
    [
        (b"", told(), "is empty"),
        (PNG * 100, told(), "at most"),
        (PNG, told(media_type="text/html"), "not taken"),
        (b"<html>", told(), "first bytes"),
        (PNG, told(role="selfie"), "role"),
        (b"PK\x03\x04evil.jar", told("a.docx", WORD), "first bytes"),
        (b"MZ\x90\x00\x03", told("a.txt", "text/plain"), "read as text"),
        ("三楼漏水".encode("utf-16"), told("a.txt", "text/plain"), "save it again in UTF-8"),
    ],
)
def test_what_is_not_taken(tmp_path: Path, content: bytes, evidence: Evidence, words: str) -> None:
    store = EvidenceStore(tmp_path, largest=500)
    with pytest.raises(ValueError, match=words):
        store.keep(content, evidence)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("content", "media_type", "wanted"),
    [
        ("第一栋三楼漏水".encode("gb18030"), "text/plain", "text/plain; charset=gb18030"),
        ("漏水".encode(), "text/csv", "text/csv; charset=utf-8"),
        (b"\xff\xff", "text/csv", "text/csv; charset=utf-8"),  # damaged: as good as any
        (PNG, "image/png", "image/png"),
    ],
)
def test_a_text_is_given_out_with_how_it_is_written(
    content: bytes, media_type: str, wanted: str
) -> None:
    assert served_as(content, media_type) == wanted


VIRUS = PNG + b"EICAR"
LOOK = f"{sys.executable} -c 'import sys; sys.exit(b\"EICAR\" in sys.stdin.buffer.read())'"


def test_what_a_command_calls_infected_is_kept_apart(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path, scan=scanner(LOOK))
    assert store.keep(PNG, told())["scan"] == "clean"
    kept = store.keep(VIRUS, told())
    assert kept["scan"] == "infected"
    assert (tmp_path / "quarantine" / kept["digest"]).read_bytes() == VIRUS
    with pytest.raises(FileNotFoundError):
        store.read(kept["digest"])
    assert "scan" not in EvidenceStore(tmp_path).keep(PNG, told())


def test_a_scanner_that_says_nothing_takes_nothing(tmp_path: Path) -> None:
    for broken in ("/no/such/scanner", f"{sys.executable} -c 'import sys; sys.exit(2)'"):
        with pytest.raises(NoAnswer, match="no answer"):
            EvidenceStore(tmp_path, scan=scanner(broken)).keep(PNG, told())
    with pytest.raises(NoAnswer):
        EvidenceStore(tmp_path, scan=scanner(f"clamd:{tmp_path}/none")).keep(PNG, told())
    assert not list(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="say clamd"):
        scanner("clamd:here")


def test_clamd_is_asked_over_its_socket(tmp_path: Path) -> None:
    """A clamd of ours: it takes INSTREAM as clamd(8) says it and looks for the word."""
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "clamd"))
    door.listen()

    def serve() -> None:
        for _ in range(2):
            line, _ = door.accept()
            with line, line.makefile("rb") as heard:
                assert heard.read(10) == b"zINSTREAM\0"
                body = b""
                while size := struct.unpack("!L", heard.read(4))[0]:
                    body += heard.read(size)
                found = b"stream: Eicar FOUND\0" if b"EICAR" in body else b"stream: OK\0"
                line.sendall(found)

    thread = threading.Thread(target=serve)
    thread.start()
    ask = scanner(f"clamd:{tmp_path}/clamd")
    assert ask is not None
    assert ask(PNG) == Verdict(False)
    assert ask(b"x" * (3 << 20) + VIRUS) == Verdict(True, "Eicar")
    thread.join()
    door.close()


@pytest.mark.parametrize("digest", ["../../hub.sqlite", "A" * 64, "", "a" * 63])
def test_a_digest_is_no_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        EvidenceStore(tmp_path).read(digest)


def files(store: EvidenceStore) -> set[str]:
    return {one.name for one in store.folder.rglob("*") if one.is_file() and one.name != ".guard"}


def test_a_file_that_nobody_came_to_hold_goes_and_one_that_is_held_stays(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    holding: set[str] = set()
    with pytest.raises(LookupError), store.taking(PNG, told(), holding.intersection) as kept:
        raise LookupError("there is no such case")
    assert files(store) == set()
    with store.taking(PNG, told(), holding.intersection) as kept:
        holding.add(kept["digest"])
    assert files(store) == {kept["digest"]}
    with pytest.raises(LookupError), store.taking(PNG, told(), holding.intersection):
        raise LookupError("changed meanwhile")
    assert store.read(kept["digest"]) == PNG, "another case has it"
    other = store.taking(PNG, told(media_type="text/html"), set[str]().intersection)
    with pytest.raises(ValueError, match="not taken"), other:
        pass
    assert store.read(kept["digest"]) == PNG, "refused before anything was written"


def test_of_two_who_attach_the_same_at_once_neither_takes_it_from_the_other(
    tmp_path: Path,
) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    holding: set[str] = set()
    with store.taking(PNG, told(), holding.intersection) as kept:
        with pytest.raises(LookupError), store.taking(PNG, told(), holding.intersection):
            raise LookupError("no")
        assert store.read(kept["digest"]) == PNG
        holding.add(kept["digest"])
    assert files(store) == {kept["digest"]}


def test_what_is_lent_stays_lent_where_attaching_it_is_refused(tmp_path: Path) -> None:
    source, store = tmp_path / "a", EvidenceStore(tmp_path / "evidence")
    source.write_bytes(PNG)
    digest = hashlib.sha256(PNG).hexdigest()
    assert store.lend(source, digest)
    later = source.stat().st_mtime + 9e9
    with pytest.raises(LookupError), store.taking(PNG, told(), set[str]().intersection):
        assert store.give_back([digest], (), later) == 0, "somebody attaches it now"
        raise LookupError("no")
    assert store.lent(later) == (digest,)
    with store.taking(PNG, told(), {digest}.intersection):
        pass
    assert store.lent(later) == () and store.read(digest) == PNG


def test_what_is_lent_while_somebody_attaches_it_stays_where_that_is_refused(
    tmp_path: Path,
) -> None:
    source, store = tmp_path / "a", EvidenceStore(tmp_path / "evidence")
    source.write_bytes(PNG)
    digest = hashlib.sha256(PNG).hexdigest()
    later = source.stat().st_mtime + 9e9
    with pytest.raises(LookupError), store.taking(PNG, told(), set[str]().intersection):
        assert store.lend(source, digest)
        raise LookupError("no")
    assert store.read(digest) == PNG and store.lent(later) == (digest,)
    with store.taking(PNG, told(), {digest}.intersection):
        assert store.lend(source, digest)
    assert store.lent(later) == (), "it is held: nothing is left to give back"


TAKER = """
import os, signal, sys
from pathlib import Path
from tianmu.manage.evidence.kept import Evidence, EvidenceStore
store = EvidenceStore(Path(sys.argv[1]))
about = Evidence(name="a.png", media_type="image/png")
begun = []
for content in (b"\\x89PNG\\r\\n\\x1a\\nheld", b"\\x89PNG\\r\\n\\x1a\\nlost"):
    begun.append(store.taking(content, about, set().intersection))
    begun[-1].__enter__()
(store.folder / "ab").mkdir()
(store.folder / "ab" / ".part.1234").write_bytes(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_kill_leaves_is_swept_at_the_start(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    ended = subprocess.run([sys.executable, "-c", TAKER, str(tmp_path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    held = hashlib.sha256(b"\x89PNG\r\n\x1a\nheld").hexdigest()
    assert len(files(store)) == 5
    assert store.sweep({held}.intersection) == 1
    assert files(store) == {held}
    assert store.sweep(set[str]().intersection) == 0 and files(store) == {held}
