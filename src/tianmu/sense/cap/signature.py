"""Signatures of messages (XML-DSig, enveloped, as CAP 1.2 §3.3.4 has them), held against the
certificate that a source names, or an authority that vouches for the sender's. What is read
afterwards is what was signed, and nothing beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography import x509

from tianmu.sense.cap.codec import NotCap
from tianmu.sense.cap.xml import BadXml, parse


def certificate(text: str) -> x509.Certificate:
    """Of a setting. Raises ``ValueError``."""
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise ValueError(
            f"certificate is no X.509 certificate as PEM: {error or 'it cannot be read'}"
        ) from error


def authorities(text: str) -> list[x509.Certificate]:
    """Of a setting: one certificate or more. Raises ``ValueError``."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        raise ValueError(
            f"authority is no X.509 certificate as PEM: {error or 'it cannot be read'}"
        ) from error
    for one in found:
        try:
            told = one.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            told = None
        if told is None or not told.ca:
            raise ValueError(
                f"authority {one.subject.rfc4514_string()} may vouch for nobody: give the "
                "authority's certificate here, and the sender's own as `certificate`"
            )
    return found


def verified(document: bytes, text: str, now: int) -> bytes:
    """What ``document`` says under the signature of the certificate in ``text``. Raises ``NotCap``
    for one that is not signed by it, or was changed since; ``now``: µs."""
    _bounded(document)
    known = certificate(text)
    at = _at(now)
    _holds([known], at, "the certificate of this source", "certificate")
    from signxml.verifier import XMLVerifier

    whose = "of this source's certificate"
    return _signed(partial(XMLVerifier().verify, document, x509_cert=text), at, whose)


def vouched(document: bytes, text: str, signer: str, now: int) -> bytes:
    """The same under that of a certificate with the common name ``signer``, for which one of the
    authorities in ``text`` vouches. Nobody is asked whether it was revoked."""
    _bounded(document)
    known = authorities(text)
    at = _at(now)
    _holds(known, at, "the authority of this source", "authority")
    from tianmu.sense.cap.chain import Verifier

    ask = partial(Verifier(known, at).verify, document, cert_subject_name=signer)
    return _signed(ask, at, f"of {signer[:80]} by an authority of this source")


def _bounded(document: bytes) -> None:
    try:
        parse(document)  # bounded, and without a document type, before another reader sees it
    except BadXml as error:
        raise NotCap(str(error), "send the XML of one alert") from error


def _at(now: int) -> datetime:
    return datetime.fromtimestamp(now // 1_000_000, UTC)


def _holds(known: Sequence[x509.Certificate], at: datetime, what: str, setting: str) -> None:
    """``NotCap`` where none of them holds at that time."""
    if any(one.not_valid_before_utc <= at <= one.not_valid_after_utc for one in known):
        return
    spans = ", ".join(
        f"from {one.not_valid_before_utc:%Y-%m-%d} to {one.not_valid_after_utc:%Y-%m-%d}"
        for one in known
    )
    raise NotCap(f"{what} holds {spans}", f"give the present one as `{setting}` of the source")


def _signed(ask: Callable[..., Any], at: datetime, whose: str) -> bytes:
    from signxml.verifier import SignatureConfiguration

    # the signature is a child of the alert, by the standard
    wanted = SignatureConfiguration(location="./", verification_time=at)
    try:
        result = ask(expect_config=wanted)
    except Exception as error:  # of what strangers write it raises more than it says
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise NotCap(
            f"its signature is not that {whose}: {why}",
            "send it as it was signed; a feed has to link to signed messages, not hold them",
        ) from error
    found = result if not isinstance(result, list) else result[0]
    data: bytes = found.signed_data
    return data
