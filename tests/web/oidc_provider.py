"""A small OpenID Connect provider, a process of its own; nothing of ours is imported.

``python oidc_provider.py`` prints its address. ``POST /play`` says who signs in next and what is
wrong with it; ``POST /rotate`` takes another signing key.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "tianmu", "the-clients-secret"
state: dict = {"play": {}, "codes": {}, "keys": [], "asked": []}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def rotate() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    state["keys"] = [(f"k{secrets.token_hex(4)}", key)]


def big(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwks() -> dict:
    found = []
    for kid, key in state["keys"]:
        n = key.public_key().public_numbers()
        found.append({"kty": "RSA", "kid": kid, "use": "sig", "n": big(n.n), "e": big(n.e)})
    return {"keys": found}


def token(claims: dict, fault: str) -> str:
    kid, key = state["keys"][0]
    header = {"alg": "RS256", "kid": kid}
    if fault == "alg none":
        return f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps(claims).encode())}."
    if fault == "other key":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if fault == "unknown key":
        header["kid"] = "nobody's"
    body = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{body}.{b64(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Provider(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return

    def say(self, body: dict, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    @property
    def me(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {key: value[0] for key, value in parse_qs(parts.query).items()}
        if parts.path == "/.well-known/openid-configuration":
            self.say(
                {
                    "issuer": self.me,
                    "authorization_endpoint": f"{self.me}/authorize",
                    "token_endpoint": f"{self.me}/token",
                    "jwks_uri": f"{self.me}/jwks",
                }
            )
        elif parts.path == "/jwks":
            self.say(jwks())
        elif parts.path == "/authorize":
            assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
            assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
            code = secrets.token_urlsafe()
            state["codes"][code] = asked
            back = {"state": asked["state"], "code": code, "iss": self.me}
            if state["play"].get("fault") == "denied":
                back = {"state": asked["state"], "error": "access_denied"}
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
            self.end_headers()
        else:
            self.say({}, 404)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/play":
            state["play"] = json.loads(raw)
            return self.say({})
        if self.path == "/rotate":
            rotate()
            return self.say({})
        form = {key: value[0] for key, value in parse_qs(raw).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked = state["codes"].pop(form.get("code", ""), None)
        verifier = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = (
            asked is not None
            and self.headers.get("Authorization") == f"Basic {basic}"
            and form["redirect_uri"] == asked["redirect_uri"]
            and verifier == asked["code_challenge"]
        )
        if not good:
            return self.say({"error": "invalid_grant"}, 400)
        play = state["play"]
        fault, now = play.get("fault", ""), int(time.time())
        claims = {
            "iss": self.me, "aud": CLIENT, "sub": "s1", "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **play.get("claims", {}),
        }  # fmt: skip
        if asked.get("prompt") == "login" and asked.get("max_age") == "0":
            claims["auth_time"] = now - (3600 if fault == "not asked" else 0)
        claims |= {
            "nonce": {"nonce": "another"},
            "audience": {"aud": "another"},
            "issuer": {"iss": "https://another.example"},
            "over": {"exp": now - 3600},
            "future": {"iat": now + 3600},
        }.get(fault, {})
        return self.say(
            {"access_token": "x", "token_type": "Bearer", "id_token": token(claims, fault)}
        )


if __name__ == "__main__":
    rotate()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdout.close()
    server.serve_forever()
