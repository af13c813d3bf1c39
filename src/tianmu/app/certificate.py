"""The certificate of the doors that speak TLS: looked at before the start, renewed while running.

Hub's pages and API, gate's HTTP and the city's own MQTT broker serve it. GB/T 26875.3 and HJ 212
know no TLS: their doors are plain TCP, as the standards have it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tianmu.access import tls
from tianmu.app.settings import Settings, listens_everywhere

log = logging.getLogger("tianmu.tls")

LOOK_EVERY = 6 * 3600.0
"""seconds after which it is seen whether the certificate nears its end"""
SEE_EVERY = 30.0
"""seconds after which a process sees that the files are others"""


def prepare(settings: Settings) -> tuple[Settings, list[str]]:
    """The settings with the name that links carry, and what is doubtful about the certificate.

    Makes or renews the city's own where it has an authority. Raises ``tls.Unusable``.
    """
    names: list[str] = []
    notes: list[str] = []
    if settings.tls_certificate:
        held = tls.examine(Path(settings.tls_certificate), Path(settings.tls_key))
        names, notes = tls.names_of(held), tls.doubts(held)
    elif settings.tls == "local":
        tls.local(settings.folder, [*settings.tls_names, *_own_host(settings)])
    return msgspec.structs.replace(settings, visited=_visited(settings, names)), notes


def keep(settings: Settings, tell: Callable[[str], None]) -> None:
    """For ever: renew the city's own certificate in time, and say what is wrong with another."""
    while True:
        time.sleep(LOOK_EVERY)
        try:
            _, notes = prepare(settings)
        except tls.Unusable as error:
            notes = [str(error)]
        for note in notes:
            tell(note)


async def serve_renewed(
    settings: Settings, stop: asyncio.Event, *renew: Callable[[], object]
) -> None:
    """Until ``stop``: call ``renew`` whenever certificate and key are other files than before."""
    if settings.certificate is None:
        return
    seen = _stamp(settings.certificate)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SEE_EVERY)
        now = _stamp(settings.certificate)
        if now == seen:
            continue
        try:
            tls.examine(*(Path(name) for name in settings.certificate))
            for one in renew:
                one()
        except (tls.Unusable, OSError) as error:
            # one file may be written and the other not yet: the old certificate stays in use
            log.warning("the new certificate is not taken yet: %s", error)
            continue
        seen = now
        log.info("serving the renewed certificate")


def _stamp(files: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Changes when one of the files does; what is missing for a moment counts as unchanged 0."""
    found = []
    for name in files:
        try:
            stat = Path(name).stat()
            found.append((stat.st_mtime_ns, stat.st_ino))
        except OSError:
            found.append((0, 0))
    return tuple(found)


def _own_host(settings: Settings) -> list[str]:
    """The address listened on, where it is one that somebody can visit."""
    return [] if listens_everywhere(settings.host) else [settings.host]


def _visited(settings: Settings, certified: Sequence[str]) -> str:
    """The host of the links that are printed: a name the certificate speaks for."""
    if settings.tls_names:
        return settings.tls_names[0]
    host = _main_address(settings.host) if listens_everywhere(settings.host) else settings.host
    if certified and host not in certified:
        return next((name for name in certified if not name.startswith("*")), host)
    return host


def _main_address(host: str) -> str:
    """The address others reach this machine at; its own loopback where it has no network."""
    six = ":" in host
    probe = ("2001:db8::1", 9) if six else ("192.0.2.1", 9)  # for documentation; nothing is sent
    with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(probe)
            return str(one.getsockname()[0])
        except OSError:
            return "::1" if six else "127.0.0.1"
