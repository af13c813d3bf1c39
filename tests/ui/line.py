"""A way to the city that can be cut: every connection through it ends at once."""

from __future__ import annotations

import contextlib
import socket
import threading


class Line:
    """From a port of its own to the city at ``base``; a cookie belongs to the host, whatever the
    port."""

    origin = "http://127.0.0.1"

    def __init__(self, base: str) -> None:
        host, port = base.removeprefix("http://").split(":")
        self._to, self._open, self.whole = (host, int(port)), set[socket.socket](), True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"{self.origin}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.whole:
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()
            else:
                near.close()

    def _serve(self, near: socket.socket) -> None:
        try:
            near = self.greet(near)
            far = socket.create_connection(self._to)
        except OSError:
            near.close()
            return
        self._open |= {near, far}
        doomed = threading.Event()
        threading.Thread(target=self._pump, args=(near, far, doomed, True), daemon=True).start()
        self._pump(far, near, doomed, False)

    def _pump(
        self, one: socket.socket, other: socket.socket, doomed: threading.Event, asking: bool
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (data := one.recv(65_536)) and self.passes(data, doomed, asking):
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # closing alone waits for who still reads from it
            self._open.discard(end)

    def greet(self, near: socket.socket) -> socket.socket:
        """The near end as what it says can be read."""
        return near

    def passes(self, data: bytes, doomed: threading.Event, asking: bool) -> bool:
        """Whether what is asked, or answered, goes on to the other end; ``doomed`` is the
        connection's own."""
        return True

    def cut(self) -> None:
        self.whole = False
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.whole = True

    def close(self) -> None:
        self._listener.close()
        self.cut()
