"""What a city was started with; kept in ``<data>/run/settings.json`` for its processes."""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path

import msgspec

PORTS = {"web": 0, "http": 1, "gbt26875": 2, "hj212": 3, "mqtt": 4}
"""protocol → offset from ``--port``"""

DEFAULT_PORT = 8620


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``tianmu up`` as it was asked for."""

    pack: str
    """name of a pack of ours, or the path of a folder"""
    data: str
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    feed: str = "none"
    """``replay`` or ``none``"""
    feed_devices: int = 20_000
    admin_password_file: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls: str = ""
    """``local``: a certificate authority of the city's own"""
    tls_names: tuple[str, ...] = ()
    """names and addresses of this machine besides those it knows itself (``--tls local``)"""
    visited: str = ""
    """host of the links that are given to people; empty: ``host``"""
    sign_on: str = ""
    """file of settings of the city's own sign-on (OpenID Connect); empty: none"""
    scan: str = ""
    """malware scanner of evidence, as ``scanning.scanner`` takes it; empty: none"""
    blur: str = ""
    """model (ONNX) by which faces and plates are blurred on what leaves the city; empty: none"""
    clock: str = ""
    """file of a drill's clock that the city goes by; empty: the machine's"""
    broker: str = ""
    """``host:port`` of the city's own MQTT broker; empty: one of ours is started"""

    @property
    def folder(self) -> Path:
        return Path(self.data)

    @property
    def run(self) -> Path:
        """Where processes say how they are; nothing here outlives them."""
        return self.folder / "run"

    @property
    def scheme(self) -> str:
        return "https" if self.tls or self.tls_certificate else "http"

    @property
    def local_host(self) -> str:
        """Where programs on this machine reach the doors."""
        if not listens_everywhere(self.host):
            return self.host
        return "::1" if ":" in self.host else "127.0.0.1"

    def url(self, port: int) -> str:
        """What people open."""
        return f"{self.scheme}://{in_url(self.visited or self.host)}:{port}"

    def local_url(self, port: int) -> str:
        """What programs on this machine open."""
        return f"{self.scheme}://{in_url(self.local_host)}:{port}"

    @property
    def certificate(self) -> tuple[str, str] | None:
        """Paths of certificate and key that all doors serve with, or None without TLS."""
        if self.tls_certificate:
            return self.tls_certificate, self.tls_key
        if self.tls == "local":
            return str(self.folder / "tls" / "server.pem"), str(self.folder / "tls" / "server.key")
        return None

    @property
    def authority(self) -> Path | None:
        """Certificate of the city's own authority, where it has one."""
        return self.folder / "tls" / "ca.pem" if self.tls == "local" else None

    def port_of(self, protocol: str) -> int:
        """The port asked for; 0 lets the system choose when ``--port 0`` was given."""
        return self.port + PORTS[protocol] if self.port else 0

    def save(self) -> None:
        self.run.mkdir(parents=True, exist_ok=True)
        path = self.run / "settings.json"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self)))


def listens_everywhere(host: str) -> bool:
    """Whether ``host`` means all addresses of the machine (0.0.0.0, ::) and so is none to visit."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return not host


def in_url(host: str) -> str:
    """A host as a URL has it: IPv6 in brackets (RFC 3986 §3.2.2)."""
    return f"[{host}]" if ":" in host else host


def load(data: Path) -> Settings:
    """The settings of the city under ``data``; ``FileNotFoundError`` where none was started."""
    return msgspec.json.decode((data / "run" / "settings.json").read_bytes(), type=Settings)
