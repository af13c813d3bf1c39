"""Signatures by a certificate that an authority vouches for, for ``signature.py``: a sender may
have a new one each year, and nobody here has to change anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    PolicyBuilder,
    Store,
    VerificationError,
)
from signxml.exceptions import InvalidCertificate
from signxml.verifier import XMLVerifier


class Chain:
    """Ends at one of the authorities that are given, and at no other; all of it holds at ``at``."""

    def __init__(self, authorities: Sequence[x509.Certificate], at: datetime) -> None:
        ours = ExtensionPolicy.permit_all().require_present(
            x509.KeyUsage, Criticality.AGNOSTIC, _signs
        )
        policy = PolicyBuilder().store(Store(list(authorities))).time(at)
        policy = policy.extension_policies(
            ee_policy=ours, ca_policy=ExtensionPolicy.webpki_defaults_ca()
        )
        self._verifier = policy.build_client_verifier()

    def verify(self, found: Sequence[x509.Certificate]) -> x509.Certificate:
        """The sender's, first or last of what a signature brings along. Raises
        ``InvalidCertificate``."""
        why: VerificationError | None = None
        for chain in (list(found), list(reversed(found))):
            try:
                return self._verifier.verify(chain[0], chain[1:]).chain[0]
            except VerificationError as error:
                why = why or error
        raise InvalidCertificate(str(why))


def _signs(_: object, __: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not usage.digital_signature:
        raise ValueError("it is not for digital signatures")


class Verifier(XMLVerifier):
    """Takes the certificate that a signature brings along, where a ``Chain`` leads to it."""

    def __init__(self, authorities: Sequence[x509.Certificate], at: datetime) -> None:
        super().__init__()
        self._chain = Chain(authorities, at)

    def get_cert_chain_verifier(self, ca_pem_file: Any, ee_policy: Any, ca_policy: Any) -> Chain:
        return self._chain
