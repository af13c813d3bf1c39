"""TLS: a certificate that somebody brings, or an authority of the city's own and one by it.

``examine`` looks at what was brought before anything starts. ``local`` keeps authority and
certificate under ``<data>/tls``: the authority for ten years, the server's certificate for 397
days (what browsers take), made anew a month before its end or when the machine's names change.
Keys are P-256, files 0600. People install the authority once from ``/trust``.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
RENEW_DAYS = 30
DNS_NAME = re.compile(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""what a certificate may name (RFC 5280 §4.2.1.6), and the underscore that hosts do have"""


class Unusable(ValueError):
    """Certificate or key cannot be served with: says which, why, and how to mend it."""


@dataclass(frozen=True)
class TlsFiles:
    certificate: Path
    """the server's certificate, PEM"""
    key: Path
    authority: Path
    """the authority's certificate, PEM: what people install"""


def machine_names() -> list[str]:
    """What this machine is called: localhost, its host name, its addresses."""
    names = ["localhost", "127.0.0.1", "::1"]
    if can_be_named(socket.gethostname()):
        names.append(socket.gethostname())
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family in (socket.AF_INET, socket.AF_INET6):
                address = one.address.partition("%")[0]
                if not ipaddress.ip_address(address).is_link_local:
                    names.append(address)
    return list(dict.fromkeys(names))


def can_be_named(name: str) -> bool:
    """Whether a certificate can speak for ``name``: an address, or a DNS name by its letters."""
    try:
        _general_names([name])
    except ValueError:
        return False
    return bool(name)


def local(
    data: Path, names: Iterable[str] = (), *, now: datetime.datetime | None = None
) -> TlsFiles:
    """The files to serve with, made or renewed as needed. ``names`` adds to the machine's own.

    Raises ``Unusable`` where the folder cannot be written or holds something else.
    """
    folder = data / "tls"
    try:
        return _local(folder, names, now or datetime.datetime.now(datetime.UTC))
    except OSError as error:
        raise Unusable(
            f"{error.filename or folder} cannot be read or written ({error.strerror}): the city "
            "keeps its own authority there; give this user the right to it"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unusable(
            f"{folder} does not hold what this city put there ({error}): bring the folder back "
            "from a backup, or remove it for a new authority, which people must install anew"
        ) from error


def _local(folder: Path, names: Iterable[str], now: datetime.datetime) -> TlsFiles:
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
    issuer = x509.load_pem_x509_certificate(files.authority.read_bytes())
    if not _serves(files.certificate, files.key, now, wanted, issuer):
        issuer_key = serialization.load_pem_private_key(authority_key.read_bytes(), None)
        if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{authority_key.name} holds no EC key")
        key, certificate = _server(issuer, issuer_key, wanted, now)
        _write_key(files.key, key)
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return files


@dataclass(frozen=True)
class Authority:
    """What people see of an authority when they install it."""

    name: str
    """common name, which devices list it by"""
    until: int
    """end of its validity, µs since the epoch"""
    fingerprint: str
    """SHA-256 as people compare it: ``AB:CD:…``"""


def about(certificate: Path) -> Authority:
    """What there is to see of the authority in ``certificate``."""
    held = _certificates(certificate)[0]
    names = held.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Authority(
        name=str(names[0].value) if names else held.subject.rfc4514_string(),
        until=int(held.not_valid_after_utc.timestamp()) * 1_000_000,
        fingerprint=":".join(f"{byte:02X}" for byte in held.fingerprint(hashes.SHA256())),
    )


def examine(certificate: Path, key: Path) -> x509.Certificate:
    """The server's certificate of PEM files that somebody brought; ``Unusable`` where they cannot
    be served with. What is over or not yet valid can be served, and is told by ``doubts``."""
    chain = _certificates(certificate)
    private = _private_key(key)
    ours = _public(private.public_key())
    if ours != _public(chain[0].public_key()):
        if any(ours == _public(one.public_key()) for one in chain[1:]):
            raise Unusable(
                f"{certificate} begins with another certificate than the one {key} belongs to: "
                "put the server's own first, then those that issued it"
            )
        raise Unusable(
            f"{key} is not the key of {certificate}: give the two that were made together"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise Unusable(
            f"{certificate} with {key} cannot be served with ({error}): have the certificate "
            "made anew, with an EC key or an RSA key of 2048 bits or more"
        ) from error
    return chain[0]


def doubts(certificate: x509.Certificate, now: datetime.datetime | None = None) -> list[str]:
    """What is wrong with a certificate that can be served all the same, or soon will be."""
    now = now or datetime.datetime.now(datetime.UTC)
    end = certificate.not_valid_after_utc
    if end < now:
        return [f"the TLS certificate ended on {end:%Y-%m-%d}: nobody will trust it; renew it"]
    if certificate.not_valid_before_utc > now:
        start = certificate.not_valid_before_utc
        return [f"the TLS certificate begins on {start:%Y-%m-%d} only: is the clock right?"]
    if end - now < datetime.timedelta(days=RENEW_DAYS):
        return [f"the TLS certificate ends on {end:%Y-%m-%d}: renew it"]
    return []


def names_of(certificate: x509.Certificate) -> list[str]:
    """Host names and addresses that a certificate speaks for; wildcards as they stand."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = held.get_values_for_type(x509.IPAddress)
    return [*held.get_values_for_type(x509.DNSName), *(str(one) for one in addresses)]


def trusting(authority: Path | None, certificate: Path) -> ssl.SSLContext:
    """How a program on this machine meets the city's doors: it trusts the city's ``authority``,
    or, without one, exactly the ``certificate`` that is served, under whatever name."""
    if authority is not None:
        return ssl.create_default_context(cafile=authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    trust_also(context, certificate)
    return context


def trust_also(context: ssl.SSLContext, certificate: Path) -> None:
    """Take the first certificate of a file among those that ``context`` trusts."""
    leaf = _certificates(certificate)[0]
    context.load_verify_locations(
        cadata=leaf.public_bytes(serialization.Encoding.PEM).decode("ascii")
    )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path))
    except ValueError as error:
        raise Unusable(
            f"{path} holds no certificate in PEM ({error}): it should begin with "
            "-----BEGIN CERTIFICATE-----; `openssl x509 -inform DER` converts a binary one"
        ) from error


def _private_key(path: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(_read(path), None)
    except TypeError as error:
        raise Unusable(
            f"{path} is protected by a passphrase, which nobody can type when the city starts: "
            f"`openssl pkey -in {path.name} -out plain.key` writes one without; keep it readable "
            "by this user alone"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unusable(
            f"{path} holds no private key in PEM ({error}): it should begin with "
            "-----BEGIN PRIVATE KEY-----"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(
            f"{path} cannot be read ({error.strerror}): give this user the right to read it, or "
            "name another file"
        ) from error


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _serves(
    certificate: Path,
    key: Path,
    now: datetime.datetime,
    names: Iterable[str] = (),
    issuer: x509.Certificate | None = None,
) -> bool:
    """Whether both are there, belong together, last, name what is wanted and are of ``issuer``."""
    if not certificate.exists() or not key.exists():
        return False
    held = x509.load_pem_x509_certificate(certificate.read_bytes())
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    if _public(private.public_key()) != _public(held.public_key()):
        return False  # the machine stopped between writing the one and the other
    if held.not_valid_after_utc - now < datetime.timedelta(days=RENEW_DAYS):
        return False
    if issuer is None:
        return True
    try:
        held.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    known = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(_general_names(names)) <= set(known)


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    made: list[x509.GeneralName] = []
    for name in names:
        try:
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            letters = name.encode("idna").decode()
            if not DNS_NAME.fullmatch(letters):
                raise ValueError(f"{name!r} is neither an address nor a DNS name") from None
            made.append(x509.DNSName(letters))
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
