"""A TCP connection of an instrument: found dead in minutes, and let go when it does not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, MutableMapping
from typing import Any


def admitted(
    writer: asyncio.StreamWriter,
    serving: set[asyncio.Task[Any]],
    counts: MutableMapping[str, int],
    *,
    full: bool,
) -> bool:
    """Whether the connection is served: by the task it runs in, which is one of ``serving`` until
    it ends. Where the door is ``full`` it is closed. Counted either way."""
    if full:
        counts["connections_refused"] += 1
        writer.close()
        return False
    task = asyncio.current_task()
    if task is not None:
        serving.add(task)
        task.add_done_callback(serving.discard)
    counts["connections_total"] += 1
    return True


def keep_alive(writer: asyncio.StreamWriter, *, idle: int, every: int, times: int = 3) -> None:
    """Find a peer that went away without a word, and send answers at once.

    ``idle``: seconds of silence before it is asked; ``every``: seconds between the ``times`` that
    it is asked.
    """
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = (("TCP_KEEPIDLE", idle), ("TCP_KEEPINTVL", every), ("TCP_KEEPCNT", times))
    for option, value in asked:
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def sender(
    writer: asyncio.StreamWriter, backlog: int, deaf: Callable[[], None]
) -> Callable[[bytes], None]:
    """What sends to the peer; one that leaves more than ``backlog`` bytes unread is let go, and
    ``deaf`` is told."""

    def send(data: bytes) -> None:
        if writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > backlog:
            deaf()
            writer.transport.abort()
            return
        writer.write(data)

    return send
