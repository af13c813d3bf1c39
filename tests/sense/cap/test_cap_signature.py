"""Messages that are signed: by the certificate that their source names, or refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner, methods

from tianmu.sense.cap import settings, signature
from tianmu.sense.cap.codec import NAMESPACE, NotCap, read

from ..door import NOW, run
from .bureau import Bureau, alert

AT = datetime.fromtimestamp(NOW / 1e6, UTC)
DAY = 86_400_000_000


@cache
def signer(name: str) -> tuple[rsa.RSAPrivateKey, str]:
    """A key and its certificate, for ten days from yesterday on."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=10))
        .sign(key, hashes.SHA256())
    )
    return key, made.public_bytes(Encoding.PEM).decode()


def signed(document: bytes, name: str = "bureau") -> bytes:
    key, pem = signer(name)
    made = XMLSigner(method=methods.enveloped).sign(etree.fromstring(document), key=key, cert=pem)
    told: bytes = etree.tostring(made)
    return told


@cache
def vouching(
    name: str, by: str = "", *, ca: bool = False, days: int = 10
) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """A key and the certificate that the authority ``by`` gave it, or its own."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = vouching(by, "", ca=True) if by else None
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    signing = issuer[0] if issuer else key
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[1].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AT - timedelta(days=1))
        .not_valid_after(AT + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=ca, crl_sign=ca, **usage),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
        .sign(signing, hashes.SHA256())
    )
    return key, made


def pem(*names: tuple[str, str]) -> str:
    """Certificates of authorities: (name, by whom)."""
    return "".join(
        vouching(name, by, ca=True)[1].public_bytes(Encoding.PEM).decode() for name, by in names
    )


def vouched_for(document: bytes, name: str, by: str, days: int = 10) -> bytes:
    key, mine = vouching(name, by, days=days)
    made = XMLSigner(method=methods.enveloped).sign(
        etree.fromstring(document), key=key, cert=[mine]
    )
    told: bytes = etree.tostring(made)
    return told


def test_whom_an_authority_vouches_for_may_sign() -> None:
    root, other = pem(("root", "")), pem(("other", ""))
    document = vouched_for(alert("a1"), "bureau", "root")
    for known in (root, other + root):
        assert read(signature.vouched(document, known, "bureau", NOW)) == read(alert("a1"))
    for bad, known, who in (
        (document, other, "bureau"),  # another authority
        (document, root, "harbour"),  # vouched for, and somebody else
        (document.replace(b"a1", b"a2"), root, "bureau"),  # changed
        (vouched_for(alert("a1"), "bureau", ""), root, "bureau"),  # by itself
        (signed(alert("a1")), root, "bureau"),  # says nothing of what it is for
        (alert("a1"), root, "bureau"),
    ):
        with pytest.raises(NotCap, match="its signature is not that of"):
            signature.vouched(bad, known, who, NOW)


def test_a_certificate_or_an_authority_that_is_over_vouches_for_nothing() -> None:
    root = pem(("root", ""))
    short = vouched_for(alert("a1"), "bureau", "root", 2)
    assert signature.vouched(short, root, "bureau", NOW)
    with pytest.raises(NotCap, match="its signature is not that of bureau"):
        signature.vouched(short, root, "bureau", NOW + 3 * DAY)
    with pytest.raises(NotCap, match="the authority of this source holds from") as refused:
        signature.vouched(short, root, "bureau", NOW + 11 * DAY)
    assert "`authority`" in refused.value.remedy


def test_settings_of_an_authority_are_looked_at() -> None:
    root = pem(("root", ""))
    assert settings.check({"authority": root, "signer": "bureau"}).signer == "bureau"
    own = vouching("bureau", "root")[1].public_bytes(Encoding.PEM).decode()
    for wrong, why in (
        ({"authority": root}, "go together"),
        ({"signer": "bureau"}, "go together"),
        ({"authority": own, "signer": "bureau"}, "may vouch for nobody"),
        ({"authority": "no", "signer": "bureau"}, "authority is no X"),
        ({"authority": root, "signer": "bureau", "certificate": own}, "leave one"),
    ):
        with pytest.raises(ValueError, match=why):
            settings.check(wrong)


@run
async def test_a_source_with_an_authority_takes_nothing_else(tmp_path: Path) -> None:
    told = {"authority": pem(("root", "")), "signer": "bureau"}
    bureau = Bureau(tmp_path, settings=told)
    assert await bureau.state(vouched_for(alert("a1"), "bureau", "root")) == "taken"
    for document in (alert("a2"), vouched_for(alert("a3"), "mallory", "root")):
        assert (await bureau.tell(document))[0] == 422
    bureau.close()
    broken = Bureau(tmp_path, settings={**told, "every_s": 1})  # the defaults ask for no signature
    assert (await broken.tell(alert("a4")))[0] == 422
    broken.close()


def test_what_is_signed_is_read() -> None:
    _, pem = signer("bureau")
    document = signed(alert("a1"))
    assert read(signature.verified(document, pem, NOW)) == read(alert("a1"))


@pytest.mark.parametrize(
    "document",
    [
        alert("a1"),
        signed(alert("a1")).replace(b"a1", b"a2"),
        signed(alert("a1"), "mallory"),
        signed(alert("a1")).replace(b"<identifier>", b"<identifier> ", 1),
    ],
)
def test_what_is_not_or_was_changed_is_refused(document: bytes) -> None:
    with pytest.raises(NotCap, match="its signature is not that of this source's") as refused:
        signature.verified(document, signer("bureau")[1], NOW)
    assert refused.value.remedy


PARTS = ("SignedInfo", "SignatureMethod", "Reference", "DigestMethod", "DigestValue",
         "SignatureValue")  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_a_signature_with_something_missing_is_refused(part: str) -> None:
    """With whatever the library makes of it: one such link would keep the rest of a feed."""
    whole = signed(alert("a1")).decode()
    element = rf"(<ds:{part}\b[^>]*?)(?:/>|>.*?</ds:{part}>)"
    for instead in ("", r"\1/>"):
        broken = re.sub(element, instead, whole, count=1, flags=re.DOTALL)
        if broken != whole:
            with pytest.raises(NotCap, match="its signature is not that"):
                signature.verified(broken.encode(), signer("bureau")[1], NOW)


def test_what_stands_around_what_is_signed_is_not_read() -> None:
    """A signed alert within one that somebody else wrote: what is read is signed, or nothing is."""
    inner = signed(alert("good"))
    outer = alert("evil").replace(b"</alert>", inner + b"</alert>")
    try:
        found = signature.verified(outer, signer("bureau")[1], NOW)
    except NotCap:
        return
    assert read(found).identifier == "good"


def test_no_entity_comes_to_the_other_reader() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + signed(alert("a1"))
    with pytest.raises(NotCap, match="document type"):
        signature.verified(bomb, signer("bureau")[1], NOW)


@run
async def test_a_source_with_a_certificate_takes_nothing_else(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path, settings={"certificate": signer("bureau")[1]})
    assert await bureau.state(signed(alert("a1"))) == "taken"
    for document in (alert("a2"), signed(alert("a3"), "mallory")):
        status, answer = await bureau.tell(document)
        assert status == 422 and "signature" in answer["detail"]
    bureau.now += 11 * DAY
    status, answer = await bureau.tell(signed(alert("a4", hours=24 * 11)))
    assert status == 422 and "holds from" in answer["detail"]
    assert list(bureau.stages()) == ["a1"]
    bureau.close()


@run
async def test_settings_that_are_wrong_open_no_door(tmp_path: Path) -> None:
    """The defaults, which hold until they are mended, would ask for no signature."""
    bureau = Bureau(tmp_path, settings={"certificate": signer("bureau")[1], "every_s": 1})
    for document in (alert("a1"), signed(alert("a1"))):
        assert (await bureau.tell(document))[0] == 422
    with pytest.raises(ValueError, match="certificate is no X"):
        settings.check({"certificate": f"no {NAMESPACE}"})
    bureau.close()
