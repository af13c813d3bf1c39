"""The city's own sign-on: OpenID Connect Core 1.0 by authorization code with PKCE (RFC 7636).

Off unless ``tianmu up --sign-on FILE`` names a file of settings (docs/rooms/access.md). Keys of the
provider are read when needed and again when it signs with one that is not known yet.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from tianmu.access import token
from tianmu.facts.text import Text

RETURN = "/api/session/sign-on/return"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
"""signatures with a public key only: never ``none``, and no shared secret"""
LEEWAY = 60
"""seconds that the provider's clock may be wrong"""
KNOWN_FOR = 3600.0
"""seconds for which what the provider said of itself is kept"""
ASK_AGAIN = 10.0
"""seconds between two readings of its keys, whatever it signs with"""


class BadSettings(ValueError):
    """The file of settings cannot be used; the message says what to mend."""


class Away(RuntimeError):
    """The provider cannot be reached, or answers what is not OpenID Connect."""


class Untrue(PermissionError):
    """What came back from the provider does not hold; the message says in what."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file."""

    issuer: str
    client_id: str
    address: str
    """of our pages as people open them: the provider sends them back there"""
    name: Text
    """what stands on the button"""
    client_secret_file: str = ""
    """empty: a public client, by PKCE alone"""
    scopes: tuple[str, ...] = ("openid", "profile")
    account_claim: str = "preferred_username"
    """names the account, the first time; after that who it is at the provider (``sub``) counts"""
    strong_amr: tuple[str, ...] = ("mfa",)
    """authentication methods (RFC 8176) that show more than one factor"""
    strong_acr: tuple[str, ...] = ()
    """classes of authentication that do"""
    authority_file: str = ""
    """PEM of the authority that certified the provider, where the system does not know it"""


@dataclass(frozen=True)
class Person:
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    account: str
    strong: bool


@dataclass(frozen=True)
class Begun:
    """What is kept until the person comes back."""

    nonce: str
    verifier: str
    browser: str
    """digest of a cookie: whoever comes back is who went"""
    to: str
    at: float
    """seconds since the epoch"""
    fresh: bool = False
    """the provider is to ask who it is, though it knows"""


def read(path: Path) -> Settings:
    """The settings in a file. Raises ``BadSettings``."""
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadSettings(f"{path}: {error}; docs/rooms/access.md has an example") from error
    for key in ("issuer", "address"):
        parts = urlsplit(getattr(found, key))
        near = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or (
            parts.scheme != "https" and not (near and parts.scheme == "http")
        ):
            raise BadSettings(
                f"{path}: {key} must be an https:// address (http for localhost only)"
            )
    if "openid" not in found.scopes:
        raise BadSettings(f'{path}: scopes must have "openid"')
    for key in ("client_secret_file", "authority_file"):
        named = getattr(found, key)
        if named and not (path.parent / named).is_file():
            raise BadSettings(f"{path}: there is no {key} {path.parent / named}")
    return found


class SignOn:
    """One provider."""

    def __init__(self, path: Path) -> None:
        self.settings = read(path)
        given = self.settings
        self._secret = (
            (path.parent / given.client_secret_file).read_text("utf-8").strip()
            if given.client_secret_file
            else ""
        )
        trust = ssl.create_default_context()
        if given.authority_file:
            trust.load_verify_locations(path.parent / given.authority_file)
        self._http = httpx.Client(timeout=5.0, verify=trust, follow_redirects=False)
        self._lock = threading.Lock()
        self._about: dict[str, Any] = {}
        self._about_at = self._keys_at = float("-inf")
        self._keys: Any = None

    @property
    def redirect(self) -> str:
        return self.settings.address.rstrip("/") + RETURN

    def begin(self, state: str, begun: Begun) -> str:
        """Where the browser goes. Raises ``Away``."""
        challenge = hashlib.sha256(begun.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect,
            "scope": " ".join(self.settings.scopes),
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if begun.fresh else {}),
        }
        where = self._said("authorization_endpoint")
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    def finish(self, code: str, begun: Begun) -> Person:
        """Who came back with ``code``. Raises ``Away`` and ``Untrue``."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "client_id": self.settings.client_id,
            "code_verifier": begun.verifier,
        }
        signed = (self.settings.client_id, self._secret) if self._secret else None
        answer = self._json("POST", self._said("token_endpoint"), data=form, auth=signed)
        raw = answer.get("id_token")
        if not isinstance(raw, str):
            raise Untrue("the provider gave no id_token")
        return self._person(self._claims(raw), begun)

    def _person(self, claims: dict[str, Any], begun: Begun) -> Person:
        given, now = self.settings, time.time()
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != given.issuer:
            raise Untrue("the id_token is of another issuer")
        if given.client_id not in audiences:
            raise Untrue("the id_token is for another client")
        if claims.get("azp", given.client_id) != given.client_id:
            raise Untrue("the id_token was made for another client")
        if claims.get("nonce") != begun.nonce:
            raise Untrue("the id_token is not the answer to this sign-in")
        if not _number(claims.get("exp")) or claims["exp"] < now - LEEWAY:
            raise Untrue("the id_token is over")
        if not _number(claims.get("iat")) or claims["iat"] > now + LEEWAY:
            raise Untrue("the id_token is of the future")
        asked: Any = claims.get("auth_time")
        if begun.fresh and not (_number(asked) and asked >= begun.at - LEEWAY):
            raise Untrue("the provider did not ask anew who it is (auth_time)")
        subject, account = claims.get("sub"), claims.get(given.account_claim)
        if not isinstance(subject, str) or not subject:
            raise Untrue("the id_token has no subject")
        methods = claims.get("amr")
        strong = claims.get("acr") in given.strong_acr or (
            isinstance(methods, list) and any(one in given.strong_amr for one in methods)
        )
        name = account if isinstance(account, str) else ""
        return Person(given.issuer, subject, name, strong)

    def _claims(self, raw: str) -> dict[str, Any]:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        for again in (False, True):
            try:
                token_ = jwt.decode(raw, self._key_set(again), algorithms=list(ALGORITHMS))
                return dict(token_.claims)
            except InvalidKeyIdError as error:
                if again:
                    raise Untrue("the id_token is signed with a key nobody knows") from error
            except (JoseError, ValueError, TypeError) as error:
                raise Untrue(f"the id_token does not hold: {error}") from error
        raise AssertionError

    def _key_set(self, again: bool) -> Any:
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        with self._lock:
            since = time.monotonic() - self._keys_at
            if self._keys is None or since > KNOWN_FOR or (again and since > ASK_AGAIN):
                told = self._json("GET", self._said("jwks_uri"))
                try:
                    keys = [one for one in told.get("keys", []) if one.get("use", "sig") == "sig"]
                    self._keys = KeySet.import_key_set({"keys": keys})
                except (JoseError, ValueError, KeyError, AttributeError, TypeError) as error:
                    raise Away(f"the provider's keys cannot be read: {error}") from error
                self._keys_at = time.monotonic()
            return self._keys

    def _said(self, key: str) -> str:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        if time.monotonic() - self._about_at > KNOWN_FOR:
            issuer = self.settings.issuer
            found = self._json("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != issuer:
                raise Away(f"the provider calls itself {found.get('issuer')!r}, not {issuer!r}")
            self._about, self._about_at = found, time.monotonic()
        value = self._about.get(key)
        if not isinstance(value, str):
            raise Away(f"the provider does not say its {key}")
        return value

    def _json(self, method: str, where: str, **more: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, where, **more)
            found = answer.json() if answer.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Away(f"{where}: {error}") from error
        if not isinstance(found, dict):
            raise Away(f"{where} answered {answer.status_code}: {answer.text[:200]}")
        return found

    def close(self) -> None:
        self._http.close()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def begun(browser: str, to: str, fresh: bool = False) -> Begun:
    """A sign-in that goes to the provider; ``to``: the page that was wanted."""
    inside = to if to.startswith("/") and not to.startswith("//") else ""
    return Begun(token.secret(), token.secret(), token.digest(browser), inside, time.time(), fresh)
