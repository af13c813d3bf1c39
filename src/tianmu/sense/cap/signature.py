"""Signatures of messages (XML-DSig, enveloped, as CAP 1.2 §3.3.4 has them), held against the
certificate that a source names. What is read afterwards is what was signed, and nothing beside."""

from __future__ import annotations

from datetime import UTC, datetime

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


def verified(document: bytes, text: str, now: int) -> bytes:
    """What ``document`` says under the signature of the certificate in ``text``. Raises ``NotCap``
    for one that is not signed by it, or was changed since; ``now``: µs."""
    try:
        parse(document)  # bounded, and without a document type, before another reader sees it
    except BadXml as error:
        raise NotCap(str(error), "send the XML of one alert") from error
    known = certificate(text)
    at = datetime.fromtimestamp(now // 1_000_000, UTC)
    if not known.not_valid_before_utc <= at <= known.not_valid_after_utc:
        raise NotCap(
            f"the certificate of this source holds from {known.not_valid_before_utc:%Y-%m-%d} "
            f"to {known.not_valid_after_utc:%Y-%m-%d}",
            "give the sender's present one as `certificate` of the source",
        )
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    # the signature is a child of the alert, by the standard
    wanted = SignatureConfiguration(location="./", verification_time=at)
    try:
        result = XMLVerifier().verify(document, x509_cert=text, expect_config=wanted)
    except Exception as error:  # of what strangers write it raises more than it says
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise NotCap(
            f"its signature is not that of this source's certificate: {why}",
            "send it as it was signed; a feed has to link to signed messages, not hold them",
        ) from error
    found = result if not isinstance(result, list) else result[0]
    data: bytes = found.signed_data
    return data
