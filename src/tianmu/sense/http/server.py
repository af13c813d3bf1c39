"""Uvicorn inside a process that has a supervisor: our socket, our signals, a clear refusal."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn


def listener(host: str, port: int) -> socket.socket:
    """A listening socket; ``OSError`` says which port is taken and what to do about it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(
            error.errno,
            f"port {port} on {host} cannot be bound ({error.strerror}): stop what listens there, "
            "or give another --port",
        ) from error


class Server(uvicorn.Server):
    """``await start(host, port)`` → port; ``await stop()``."""

    def __init__(
        self, app: Any, *, certificate: tuple[str, str] | None = None, **more: Any
    ) -> None:
        file, key = certificate or (None, None)
        super().__init__(
            uvicorn.Config(
                app, log_level="warning", access_log=False, server_header=False,
                timeout_keep_alive=75, ssl_certfile=file, ssl_keyfile=key, **more,
            )
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The supervisor owns the signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens.set()

    async def start(self, host: str, port: int) -> int:
        bound = listener(host, port)
        self._task = asyncio.create_task(self.serve(sockets=[bound]))
        listens = asyncio.create_task(self._listens.wait())
        await asyncio.wait({self._task, listens}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            listens.cancel()
            self._task.result()
            raise OSError(f"nothing serves on {host}:{port}; see the log above")
        return int(bound.getsockname()[1])

    def renew(self) -> None:
        """Serve new connections with the certificate as its files are now."""
        if self.config.ssl is not None:
            certificate, key = self.config.ssl_certfile, self.config.ssl_keyfile
            assert certificate is not None
            self.config.ssl.load_cert_chain(certificate, key)

    async def stop(self) -> None:
        self.should_exit = True
        if self._task is not None:
            await self._task
