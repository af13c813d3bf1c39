"""What goes wrong outside of us, said in one line with its remedy instead of a traceback.

Commands speak to a city over sockets and keep its files: that it is away, that an address is taken,
that a folder may not be written in are no faults of the program.
"""

from __future__ import annotations

import errno
from typing import Any

import click

_AWAY = {"ConnectError", "ConnectTimeout", "ProxyError"}
_SLOW = {"ReadTimeout", "WriteTimeout", "PoolTimeout"}
_NO_ADDRESS = {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}


class Plainly(click.Group):
    """A group whose commands end with one line where something outside of them is wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OSError, RuntimeError, ExceptionGroup) as error:
            if line := plain(error):
                raise click.ClickException(line) from error
            raise
        except Exception as error:  # the HTTP library's have no ancestor that we know unloaded
            if line := plain(error):
                raise click.ClickException(line) from error
            raise


def plain(error: BaseException) -> str:
    """The line for an error from outside; empty for one that is ours."""
    if isinstance(error, ExceptionGroup):
        return next((line for one in error.exceptions if (line := plain(one))), "")
    if _of(error, "httpx"):
        return _of_http(error)
    if type(error).__name__ == "Answered" and _of(error, "tianmu.rehearse"):
        return str(error)
    if isinstance(error, OSError):
        return _of_system(error)
    return ""


def _of(error: BaseException, package: str) -> bool:
    return any(one.__module__.startswith(package) for one in type(error).__mro__)


def _of_http(error: BaseException) -> str:
    name = type(error).__name__
    request = getattr(error, "_request", None)
    where = f"{request.url.scheme}://{request.url.netloc.decode()}" if request else "the city"
    if name in _NO_ADDRESS:
        return f"{error}: give --url as http://host:port or https://host:port"
    if name in _AWAY:
        return (
            f"no city answers at {where} ({error}): start it with `tianmu up`, "
            "or give its address with --url and its folder with --data"
        )
    if name in _SLOW:
        return f"the city at {where} did not answer in time: see `tianmu status`, then try again"
    return (
        f"the city at {where} went away while it was asked ({error or name}): "
        "see `tianmu status` and its logs, then try again"
    )


def _of_system(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    why = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        return f"{where}{why}: stop what listens there, or choose another with --port (0: any)"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{where}{why}: give this user the right to it, or name another folder with --data"
    if error.errno == errno.ENOSPC:
        return f"{where}{why}: make room on the disk, then run it again"
    if error.errno in {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH}:
        return f"{where}{why}: the city is away; see `tianmu status`, start it with `tianmu up`"
    return ""
