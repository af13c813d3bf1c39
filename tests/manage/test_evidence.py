"""Files of a case: kept by their hash, of known types, not too big."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.manage.evidence import Evidence, EvidenceStore

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


def told(name: str = "a.png", media_type: str = "image/png", role: str = "near") -> Evidence:
    return Evidence(name=name, media_type=media_type, role=role)


def test_a_file_is_kept_once_and_proven(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    kept = store.keep(PNG, told("../../etc/passwd"))
    assert kept["name"] == "passwd"
    assert store.keep(PNG, told())["digest"] == kept["digest"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [kept["digest"]]
    assert store.read(kept["digest"]) == PNG
    store.path(kept["digest"]).write_bytes(b"other")
    with pytest.raises(ValueError, match="damaged"):
        store.read(kept["digest"])
    assert store.keep(PNG, told())["digest"] == kept["digest"]
    assert store.read(kept["digest"]) == PNG


@pytest.mark.parametrize(
    ("content", "evidence", "words"),
    [
        (b"", told(), "is empty"),
        (PNG * 100, told(), "at most"),
        (PNG, told(media_type="text/html"), "not taken"),
        (b"<html>", told(), "first bytes"),
        (PNG, told(role="selfie"), "role"),
    ],
)
def test_what_is_not_taken(tmp_path: Path, content: bytes, evidence: Evidence, words: str) -> None:
    store = EvidenceStore(tmp_path, largest=500)
    with pytest.raises(ValueError, match=words):
        store.keep(content, evidence)
    assert not list(tmp_path.rglob("*"))


def test_a_scanner_may_refuse(tmp_path: Path) -> None:
    def scanner(content: bytes) -> None:
        raise ValueError("a virus")

    with pytest.raises(ValueError, match="virus"):
        EvidenceStore(tmp_path, inspect=scanner).keep(PNG, told())


@pytest.mark.parametrize("digest", ["../../hub.sqlite", "A" * 64, "", "a" * 63])
def test_a_digest_is_no_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        EvidenceStore(tmp_path).read(digest)
