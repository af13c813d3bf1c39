"""An answer of any length: made a piece at a time, as fast as its reader takes it and no faster.

The next piece is made only when the one before has gone to the socket. A reader who hangs up, or
takes nothing for too long, ends the work; a fault on the way breaks the connection off, so that
nobody takes a part for the whole.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tianmu.store.history.asked import Asked, Cancelled
from tianmu.web.past.past import hung_up


class Poured(Response):
    """``pieces`` as the body; ``done`` is called at the end, whatever the end is."""

    def __init__(
        self,
        pieces: Iterator[bytes],
        asked: Asked,
        *,
        media_type: str,
        headers: Mapping[str, str],
        stall_seconds: float,
        done: Callable[[], None],
    ) -> None:
        super().__init__(media_type=media_type, headers={"Cache-Control": "no-store", **headers})
        del self.headers["content-length"]
        self._pieces, self._asked = pieces, asked
        self._stall, self._done = stall_seconds, done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(hung_up(Request(scope, receive)))
        gone.add_done_callback(lambda _: self._asked.cancel())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while True:
                piece = await anyio.to_thread.run_sync(next, self._pieces, None)
                if gone.done():
                    return
                body = piece or b""
                with anyio.move_on_after(self._stall) as waiting:
                    await send(
                        {
                            "type": "http.response.body",
                            "body": body,
                            "more_body": piece is not None,
                        }
                    )
                if waiting.cancelled_caught or piece is None:
                    return
        except Cancelled:
            return
        finally:
            gone.cancel()
            self._asked.cancel()
            with contextlib.suppress(ValueError):
                await anyio.to_thread.run_sync(getattr(self._pieces, "close", lambda: None))
            self._done()
