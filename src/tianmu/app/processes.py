"""``tianmu run NAME DATA``: one process of a city, from its settings."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from tianmu.app.process import on_signal
from tianmu.app.settings import load
from tianmu.facts import clock, shapes


def run_process(name: str, data: Path) -> None:
    """Run gate, watch, hub or works until it is told to stop; or compact, for one job. One of the
    four does not return: what it closed is on disk, and Python taking a city's million objects
    apart one by one would keep whoever pressed Ctrl-C waiting for seconds."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    if name == "compact":
        from tianmu.app import compact

        compact.serve(data)
        return
    settings = load(data)
    clock.use(settings.clock)
    from tianmu.app import drilling
    from tianmu.city.pack import load as load_pack

    city = drilling.load_drilled(settings.pack) if settings.clock else load_pack(settings.pack)
    if name == "gate":
        from tianmu.app import gate

        shapes.learn()
        _run_loop(lambda stop: gate.serve(settings, city, stop))
    elif name == "watch":
        from tianmu.app import watch

        shapes.learn()
        watch.serve(settings, city, _stop_event())
    elif name == "works":
        from tianmu.app import works

        shapes.learn()
        works.serve(settings, city, _stop_event())
    elif name == "hub":
        from tianmu.app import hub

        shapes.learn()
        _run_loop(lambda stop: hub.serve(settings, city, stop))
    else:
        raise SystemExit(f"there is no process {name!r}")
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _stop_event() -> threading.Event:
    stop = threading.Event()
    on_signal(stop.set)
    return stop


def _run_loop(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run an async process on uvloop; a signal sets its stop event."""
    import uvloop

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.call_soon_threadsafe(stop.set)

        on_signal(end)
        await serve(stop)

    uvloop.run(main())
