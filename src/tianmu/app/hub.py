"""Process hub: reports, cases, the API, push and the pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tianmu import __version__
from tianmu.access import first
from tianmu.access.policy import policy_of
from tianmu.access.session import Sessions
from tianmu.app import drilling, founding, pictures, walks
from tianmu.app.certificate import serve_renewed
from tianmu.app.process import Said, port_of, say, settle, starting
from tianmu.app.settings import Settings
from tianmu.app.status import Lags
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.command import provider
from tianmu.facts import clock
from tianmu.manage.contact import reach
from tianmu.manage.evidence.scanning import scanner
from tianmu.manage.manage import Manage
from tianmu.recognise.blur import Blurrer
from tianmu.sense.http.server import Server
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live, NotRunning
from tianmu.store.records import Records
from tianmu.store.registry import Registry
from tianmu.web.api.duty import shifts
from tianmu.web.app import create_app
from tianmu.web.bounds.allowance import Allowance
from tianmu.web.hub import Hub, parents
from tianmu.web.present.tending import tend
from tianmu.web.sign_on import SignOn

log = logging.getLogger("tianmu.hub")

READ_FOR = 0.5
"""seconds that the case loop waits for news before it looks at deadlines"""
READ_FOR_DRILL = 0.03
"""the same where a drill moves the clock: nobody is told that it was moved"""


async def serve(settings: Settings, city: City, stop: asyncio.Event) -> None:
    """Run hub until ``stop`` is set."""
    data = settings.folder
    said = starting(settings.run, "hub")
    port = port_of(settings, said, "web")
    say(settings.run, said)
    records = Records(data / "hub.sqlite")
    lags = Lags(data)
    hub = _together(settings, city, records, lags)
    manage = hub.manage
    hub.registry.refresh(SqliteJournal(data), hub.registrar.heard)
    founding.found(city, hub.registrar)
    if not said.tokens:
        # a hub that died and came back leaves the links and tokens that were given out in force
        _open_accounts(settings, records, city, said)
    hub.deliverer.bring()  # the ladders look at its gateways from their first move on
    worker = threading.Thread(target=_work, args=(manage, stop), name="cases", daemon=True)
    manage.start()
    shifts.bring(hub)  # the first move of a ladder and the first order name who is on duty
    worker.start()
    app = create_app(hub)
    server = Server(app, certificate=settings.certificate, timeout_graceful_shutdown=2)
    said.ports = {"web": await server.start(settings.host, port)}
    beside: list[asyncio.Task[None]] = []
    if not settings.clock:
        beside = [asyncio.create_task(job(hub, stop)) for job in (tend, pictures.tidy, walks.tidy)]
    renewing = asyncio.create_task(serve_renewed(settings, stop, server.renew))
    hub.ports = said.ports
    settle()
    said.state = "ready"
    await _until(stop, settings, hub, said)
    app.state.push.close()
    await server.stop()
    await renewing
    await asyncio.gather(*beside)
    worker.join(3)
    lags.close()
    records.close()


def _together(settings: Settings, city: City, records: Records, lags: Lags) -> Hub:
    """The parts of hub, as the settings and the pack have them."""
    data = settings.folder
    registry = Registry(data)
    divisions, departments = parents(city)
    sessions = Sessions(
        records,
        founding.now,
        divisions=divisions,
        departments=departments,
        policy=policy_of(city.admission),
    )

    def labels(device: str) -> Mapping[str, str]:
        index = registry.find(device)
        return {} if index is None else registry.labels(index)

    manage = Manage(
        records,
        SqliteJournal(data),
        city,
        founding.now,
        data,
        labels=labels,
        scan=scanner(settings.scan),
        leaps=clock.drill() is not None,
        providers=provider.ready,
        present=reach.present,
    )
    return Hub(
        data=data,
        city=city,
        records=records,
        journal=lambda: SqliteJournal(data),
        registry=registry,
        sessions=sessions,
        manage=manage,
        live=lambda: _live(data),
        history=History(data),
        allowance=Allowance.of(city.asking),
        version=__version__,
        secure=settings.certificate is not None,
        authority=settings.authority,
        lags=lags.now,
        load_pack=drilling.load_drilled if settings.clock else load,
        sign_on=SignOn(Path(settings.sign_on)) if settings.sign_on else None,
        blurrer=Blurrer(Path(settings.blur)) if settings.blur else None,
    )


async def _until(stop: asyncio.Event, settings: Settings, hub: Hub, said: Said) -> None:
    """Until told to stop; meanwhile the supervisor is told which pack is in force."""
    while not stop.is_set():
        pack = hub.registrar.pack
        if pack is not None and pack.digest != said.pack:
            said.pack = pack.digest
            say(settings.run, said)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)


def _live(data: Path) -> Live | None:
    try:
        return Live.open_readonly(data)
    except NotRunning:
        return None


def _open_accounts(settings: Settings, records: Records, city: City, said: Said) -> None:
    passwords = None
    if settings.admin_password_file:
        passwords = first.read_passwords(Path(settings.admin_password_file))
    links = first.first_start(records, founding.now(), passwords)
    said.links = {link.account: link.secret for link in links if link.role != "duty_officer"}
    said.link = first.wall_link(records, founding.now())
    said.tokens = founding.rehearsal_accounts(
        records, city, feed=settings.feed == "replay", drill=bool(settings.clock)
    )


def _work(manage: Manage, stop: asyncio.Event) -> None:
    """The case loop; what it could not do it does again, and says so."""
    drill = clock.drill()
    while not stop.is_set():
        try:
            at = clock.now()
            done = manage.step(READ_FOR_DRILL if drill else READ_FOR)
            if drill and not done:
                drill.attend(at)
        except Exception:
            log.exception("cases: trying again in a second")
            time.sleep(1)
