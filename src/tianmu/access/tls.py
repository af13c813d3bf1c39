"""TLS without anyone's help: an authority of the city's own, and a certificate by it.

``local`` keeps both under ``<data>/tls``: the authority for ten years, the server's certificate
for 397 days (what browsers take), made anew a month before its end or when the machine's names
change. Keys are P-256, files 0600. People install the authority once from ``/api/tls/ca.pem``.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped,unused-ignore]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
RENEW_DAYS = 30


@dataclass(frozen=True)
class TlsFiles:
    certificate: Path
    """the server's certificate, PEM"""
    key: Path
    authority: Path
    """the authority's certificate, PEM: what people install"""


def machine_names() -> list[str]:
    """What this machine is called: localhost, its host name, its addresses."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                address = one.address.partition("%")[0]
                if not ipaddress.ip_address(address).is_link_local:
                    names.append(address)
    return list(dict.fromkeys(names))


def local(
    data: Path, names: Iterable[str] = (), *, now: datetime.datetime | None = None
) -> TlsFiles:
    """The files to serve with, made or renewed as needed. ``names`` adds to the machine's own."""
    now = now or datetime.datetime.now(datetime.UTC)
    folder = data / "tls"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    files = TlsFiles(folder / "server.pem", folder / "server.key", folder / "ca.pem")
    authority_key = folder / "ca.key"
    wanted = list(dict.fromkeys([*machine_names(), *names]))
    if not _serves(files.authority, authority_key, now):
        key, certificate = _authority(now)
        _write_key(authority_key, key)
        _write(files.authority, certificate.public_bytes(serialization.Encoding.PEM))
        files.certificate.unlink(missing_ok=True)
    if not _serves(files.certificate, files.key, now, wanted):
        issuer = x509.load_pem_x509_certificate(files.authority.read_bytes())
        issuer_key = serialization.load_pem_private_key(authority_key.read_bytes(), None)
        if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{authority_key} holds no EC key; remove {folder} to start anew")
        key, certificate = _server(issuer, issuer_key, wanted, now)
        _write_key(files.key, key)
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return files


def fingerprint(certificate: Path) -> str:
    """SHA-256 of a certificate as people compare it: ``AB:CD:…``."""
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return ":".join(f"{byte:02X}" for byte in digest)


def _serves(
    certificate: Path, key: Path, now: datetime.datetime, names: Iterable[str] = ()
) -> bool:
    if not certificate.exists() or not key.exists():
        return False
    held = x509.load_pem_x509_certificate(certificate.read_bytes())
    if held.not_valid_after_utc - now < datetime.timedelta(days=RENEW_DAYS):
        return False
    wanted = list(names)
    if not wanted:
        return True
    known = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(_general_names(wanted)) <= set(known)


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    made: list[x509.GeneralName] = []
    for name in names:
        try:
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            made.append(x509.DNSName(name.encode("idna").decode()))
    return made


def _authority(now: datetime.datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tianmu"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Tianmu {socket.gethostname()[:40]}"),
        ]
    )
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _server(
    issuer: x509.Certificate,
    issuer_key: ec.EllipticCurvePrivateKey,
    names: list[str],
    now: datetime.datetime,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tianmu")]))
        .issuer_name(issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(
            min(now + datetime.timedelta(days=SERVER_DAYS), issuer.not_valid_after_utc)
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    return key, certificate


def _usage(*, sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign,
        crl_sign=sign,
        encipher_only=False,
        decipher_only=False,
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
