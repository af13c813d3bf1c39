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
