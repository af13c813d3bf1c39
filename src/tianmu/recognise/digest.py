"""How a password is proved to a camera: Digest (RFC 7616: SHA-256 and SHA-512/256; MD5 as in RFC
2617), else Basic. The strongest that it offers is taken."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.request import parse_http_list, parse_keqv_list

HASHES = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""algorithm → hash, the strongest first; each also as session (``-sess``)"""
BASIC = "Basic"
_BEGINS = re.compile(r"(\w+)\s+(\w+\s*=.*)", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """One way in which a camera asks for the password."""

    algorithm: str
    """of ``HASHES``, perhaps with ``-sess``; or ``Basic``"""
    parts: dict[str, str]

    @property
    def hashed(self) -> str:
        return self.algorithm.removesuffix("-sess")


def strongest(heads: Sequence[str]) -> Asked | None:
    """Of what stands in ``WWW-Authenticate``, of which there may be several with several in each;
    None where it is all unknown."""
    found = [one for head in heads for one in _challenges(head)]
    order = [*HASHES, BASIC]
    return min(found, key=lambda one: order.index(one.hashed), default=None)


def _challenges(head: str) -> list[Asked]:
    told: list[tuple[str, list[str]]] = []
    for item in parse_http_list(head):
        if begins := _BEGINS.fullmatch(item):
            told.append((begins[1].lower(), [begins[2]]))
        elif "=" not in item:
            told.append((item.lower(), []))
        elif told:
            told[-1][1].append(item)
    found = []
    for scheme, items in told:
        parts = {key.lower(): value for key, value in parse_keqv_list(items).items()}
        algorithm = parts.get("algorithm", "MD5").upper().replace("-SESS", "-sess")
        qop = [one.strip() for one in parts.get("qop", "").split(",") if one.strip()]
        known = algorithm.removesuffix("-sess") in HASHES and (not qop or "auth" in qop)
        if scheme == "basic":
            found.append(Asked(BASIC, parts))
        elif scheme == "digest" and known:
            found.append(Asked(algorithm, parts))
    return found


def proof(asked: Asked, user: str, password: str, verb: str, url: str, count: int = 1) -> str:
    """What goes into ``Authorization``; ``count``: the how manyeth with this nonce."""
    if asked.algorithm == BASIC:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    parts, mine = asked.parts, secrets.token_hex(8)
    realm, nonce = parts.get("realm", ""), parts.get("nonce", "")

    def hashed(text: str) -> str:
        return hashlib.new(HASHES[asked.hashed], text.encode(), usedforsecurity=False).hexdigest()

    one, two = hashed(f"{user}:{realm}:{password}"), hashed(f"{verb}:{url}")
    if asked.algorithm.endswith("-sess"):
        one = hashed(f"{one}:{nonce}:{mine}")
    said = f'Digest username="{_quoted(user)}", realm="{_quoted(realm)}", nonce="{_quoted(nonce)}"'
    said += f', uri="{url}"'
    if "algorithm" in parts:
        said += f", algorithm={parts['algorithm']}"
    middle = nonce
    if parts.get("qop"):
        middle = f"{nonce}:{count:08x}:{mine}:auth"
        said += f', qop=auth, nc={count:08x}, cnonce="{mine}"'
    elif asked.algorithm.endswith("-sess"):
        said += f', cnonce="{mine}"'
    if "opaque" in parts:
        said += f', opaque="{_quoted(parts["opaque"])}"'
    return f'{said}, response="{hashed(f"{one}:{middle}:{two}")}"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
