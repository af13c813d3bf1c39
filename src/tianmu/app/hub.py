"""Process hub: reports, cases, the API, push and the pages."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time

import uvicorn

from tianmu import __version__
from tianmu.access import first
from tianmu.access.session import Sessions
from tianmu.app import founding
from tianmu.app.process import Said, port_of, say
from tianmu.app.settings import Settings
from tianmu.app.status import lag
from tianmu.city.pack import City, load
from tianmu.manage.manage import Manage
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live, NotRunning
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from tianmu.web.app import create_app
from tianmu.web.hub import Hub, parents

log = logging.getLogger("tianmu.hub")

READ_FOR = 0.5
"""seconds that the case loop waits for news before it looks at deadlines"""


async def serve(settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Run hub until ``stop`` is set."""
    data = settings.folder
    said = Said(name="hub", pid=os.getpid(), state="starting")
    port = port_of(settings, "hub", "web")
    say(settings.run, said)
    records = Records(data / "hub.sqlite")
    registry = Registry(data)
    divisions, departments = parents(city)
    sessions = Sessions(records, founding.now, divisions=divisions, departments=departments)
    journal = SqliteJournal(data)
    manage = Manage(records, SqliteJournal(data), city, founding.now, data)
    hub = Hub(
        data=data,
        city=city,
        records=records,
        journal=lambda: SqliteJournal(data),
        registry=registry,
        sessions=sessions,
        manage=manage,
        live=lambda: _live(data),
        history=History(data),
        version=__version__,
        secure=settings.certificate is not None,
        authority=settings.authority,
        lags=lambda: lag(data),
        load_pack=load,
    )
    registry.refresh(journal, hub.registrar.heard)
    founding.found(city, hub.registrar)
    _open_accounts(settings, records, city, said)
    worker = threading.Thread(target=_work, args=(manage, stop), name="cases", daemon=True)
    manage.start()
    worker.start()
    server = _server(hub, settings, port)
    serving = asyncio.create_task(server.serve())
    await _listening(server, serving)
    if serving.done():
        serving.result()
        raise OSError(f"port {port} on {settings.host} cannot be bound; give another --port")
    said.ports = {"web": int(server.servers[0].sockets[0].getsockname()[1])}
    hub.ports = said.ports
    said.state = "ready"
    say(settings.run, said)
    await stop.wait()
    server.should_exit = True
    await serving
    worker.join(3)
    records.close()


def _live(data: object) -> Live | None:
    try:
        return Live.open_readonly(data)  # type: ignore[arg-type]
    except NotRunning:
        return None


def _open_accounts(settings: Settings, records: Records, city: City, said: Said) -> None:
    passwords = None
    if settings.admin_password_file:
        from pathlib import Path

        passwords = first.read_passwords(Path(settings.admin_password_file))
    links = first.first_start(records, founding.now(), passwords)
    said.links = {link.role: link.secret for link in links if link.role != "duty_officer"}
    said.link = first.wall_link(records, founding.now())
    said.tokens = founding.rehearsal_accounts(records, city, feed=settings.feed == "replay")


def _work(manage: Manage, stop: asyncio.Event) -> None:
    """The case loop; what it could not do it does again, and says so."""
    while not stop.is_set():
        try:
            manage.step(READ_FOR)
        except Exception:
            log.exception("cases: trying again in a second")
            time.sleep(1)


def _server(hub: Hub, settings: Settings, port: int) -> uvicorn.Server:
    certificate, key = settings.certificate or (None, None)
    config = uvicorn.Config(
        create_app(hub), host=settings.host, port=port, log_level="warning", access_log=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=2, ssl_certfile=certificate,
        ssl_keyfile=key, server_header=False,
    )  # fmt: skip
    return _Server(config)


async def _listening(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """Uvicorn tells nobody when it listens; look until it does, or has ended."""
    while not server.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


class _Server(uvicorn.Server):
    """The supervisor owns the signals."""

    def install_signal_handlers(self) -> None:
        return None

    def capture_signals(self) -> object:  # type: ignore[override]
        import contextlib

        return contextlib.nullcontext()
