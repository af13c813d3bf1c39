"""Passkeys (W3C WebAuthn level 3): a key in the person's device, unlocked by finger, face or PIN.

A passkey proves two things at once, that the device is there and that it was unlocked by its owner
(user verification is always asked for), so it opens a session by itself. It works for the name of
the site that it was made for, over TLS or on localhost, and not for a bare address.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RP_NAME = "Tianmu"
TIMEOUT_MS = 120_000


class Refused(ValueError):
    """What the browser sent proves nothing; the message says why."""


@dataclass(frozen=True)
class Site:
    """Where the browser thinks it is."""

    host: str
    """as in ``Host``, with its port"""

    @property
    def name(self) -> str:
        """The name passkeys are made for; "" where the browser would make none."""
        name = self.host.rsplit(":", 1)[0] if self.host.rfind("]") < self.host.rfind(":") else ""
        name = (name or self.host).strip("[]").lower()
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name
        return ""

    @property
    def origins(self) -> list[str]:
        """TLS may end before us; without any a browser makes passkeys for localhost only."""
        plain = [f"http://{self.host}"] if self.name == "localhost" else []
        return [f"https://{self.host}", *plain]


@dataclass(frozen=True)
class Made:
    """A verified registration."""

    credential: bytes
    public: bytes
    count: int


def creation(site: Site, account: str, name: str, held: Sequence[str], challenge: bytes) -> Any:
    """What ``navigator.credentials.create`` is to be asked; ``held`` are credentials the account
    has already."""
    from webauthn import generate_registration_options, options_to_json
    from webauthn.helpers import structs

    options = generate_registration_options(
        rp_id=site.name,
        rp_name=RP_NAME,
        user_id=account.encode(),
        user_name=account,
        user_display_name=name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=_bytes(one)) for one in held],
    )
    return json.loads(options_to_json(options))


def made(site: Site, credential: dict[str, Any], challenge: bytes) -> Made:
    """What ``create`` gave, verified; ``Refused`` where it proves nothing."""
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origins,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Refused(f"the passkey cannot be taken: {error}") from error
    return Made(found.credential_id, found.credential_public_key, found.sign_count)


def request(site: Site, challenge: bytes) -> Any:
    """What ``navigator.credentials.get`` is to be asked: any passkey of this site."""
    from webauthn import generate_authentication_options, options_to_json
    from webauthn.helpers import structs

    options = generate_authentication_options(
        rp_id=site.name,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return json.loads(options_to_json(options))


def credential_id(credential: dict[str, Any]) -> str:
    """Whose turn it is: the id of the credential that was used, as it is kept."""
    given = credential.get("id")
    return given.rstrip("=") if isinstance(given, str) else ""


def proven(
    site: Site, credential: dict[str, Any], challenge: bytes, public: bytes, count: int
) -> int:
    """The authenticator's new count, if the credential signed this challenge for this site with
    its owner present and verified; else ``Refused``. A count that fell tells of a copied key."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.name,
            expected_origin=site.origins,
            credential_public_key=public,
            credential_current_sign_count=count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise Refused(f"the passkey proves nothing: {error}") from error
    return found.new_sign_count


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise Refused("a credential id is no base64url") from error
