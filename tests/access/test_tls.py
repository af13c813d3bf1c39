"""The city's own authority: a TLS client that trusts it gets through, by each name."""

from __future__ import annotations

import datetime
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tianmu.access import tls


def serve_once(files: tls.TlsFiles) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def serve() -> None:
        raw, _ = listener.accept()
        try:
            with context.wrap_socket(raw, server_side=True) as peer:
                peer.sendall(b"hello")
        except ssl.SSLError:
            raw.close()
        listener.close()

    threading.Thread(target=serve, daemon=True).start()
    return port


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "city.example"])
def test_a_client_that_trusts_the_authority(tmp_path: Path, name: str) -> None:
    files = tls.local(tmp_path, ["city.example"])
    context = ssl.create_default_context(cafile=files.authority)
    port = serve_once(files)
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        context.wrap_socket(raw, server_hostname=name) as peer,
    ):
        assert peer.recv(5) == b"hello"


def test_another_name_is_refused(tmp_path: Path) -> None:
    files = tls.local(tmp_path)
    context = ssl.create_default_context(cafile=files.authority)
    port = serve_once(files)
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(raw, server_hostname="other.example")


def test_kept_then_renewed(tmp_path: Path) -> None:
    files = tls.local(tmp_path)
    first, authority = files.certificate.read_bytes(), files.authority.read_bytes()
    assert tls.local(tmp_path).certificate.read_bytes() == first
    for key in (files.key, tmp_path / "tls" / "ca.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=tls.SERVER_DAYS - 20)
    again = tls.local(tmp_path, now=later)
    assert again.certificate.read_bytes() != first
    assert again.authority.read_bytes() == authority
    more = tls.local(tmp_path, ["new.example"], now=later)
    known = x509.load_pem_x509_certificate(more.certificate.read_bytes())
    names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "new.example" in names.get_values_for_type(x509.DNSName)
    assert len(tls.about(files.authority).fingerprint) == 95


def test_a_pair_that_belongs_together_is_taken(tmp_path: Path) -> None:
    files = tls.local(tmp_path, ["city.example"])
    held = tls.examine(files.certificate, files.key)
    assert {"city.example", "localhost", "127.0.0.1"} <= set(tls.names_of(held))
    assert tls.doubts(held) == []
    near = held.not_valid_after_utc - datetime.timedelta(days=3)
    assert "renew it" in tls.doubts(held, near)[0]
    over = held.not_valid_after_utc + datetime.timedelta(days=3)
    assert "ended on" in tls.doubts(held, over)[0]
    early = held.not_valid_before_utc - datetime.timedelta(days=3)
    assert "clock" in tls.doubts(held, early)[0]


def test_each_fault_of_the_files_says_what_and_how_to_mend_it(tmp_path: Path) -> None:
    files, other = tls.local(tmp_path / "one"), tls.local(tmp_path / "other")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
    )
    binary = tmp_path / "binary.der"
    held = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    binary.write_bytes(held.public_bytes(serialization.Encoding.DER))
    upside_down = tmp_path / "chain.pem"
    upside_down.write_bytes(files.authority.read_bytes() + files.certificate.read_bytes())
    missing = tmp_path / "missing.pem"
    for certificate, private, told in (
        (files.certificate, other.key, "is not the key of"),
        (files.certificate, locked, "passphrase"),
        (files.certificate, files.certificate, "no private key in PEM"),
        (files.key, files.key, "no certificate in PEM"),
        (binary, files.key, "no certificate in PEM"),
        (upside_down, files.key, "own first"),
        (missing, files.key, "cannot be read"),
        (files.certificate, tmp_path, "cannot be read"),
    ):
        with pytest.raises(tls.Unusable, match=told):
            tls.examine(certificate, private)


def test_a_half_written_pair_is_made_anew(tmp_path: Path) -> None:
    files = tls.local(tmp_path / "one")
    tls.local(tmp_path / "other").key.replace(files.key)
    again = tls.local(tmp_path / "one")
    tls.examine(again.certificate, again.key)


def test_one_certificate_alone_is_trusted(tmp_path: Path) -> None:
    """As by programs on the machine of a city whose certificate was brought."""
    files, other = tls.local(tmp_path / "one"), tls.local(tmp_path / "other")
    for shown, trusted in ((files, True), (other, False)):
        context = tls.trusting(None, files.certificate)
        with socket.create_connection(("127.0.0.1", serve_once(shown))) as raw:
            if trusted:
                with context.wrap_socket(raw, server_hostname="any.example") as peer:
                    assert peer.recv(5) == b"hello"
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.parametrize(
    ("name", "good"),
    [("city.lan", True), ("10.0.0.7", True), ("fe80::1", True), ("城市.中国", True),
     ("", False), ("a..b", False), ("https://city.lan", False), ("a b", False)],
)  # fmt: skip
def test_what_a_certificate_can_name(name: str, good: bool) -> None:
    assert tls.can_be_named(name) is good
