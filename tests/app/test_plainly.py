"""Errors from outside become one line with a remedy; our own stay what they are."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import httpx
import pytest

from tianmu.app.plainly import plain
from tianmu.rehearse.city.city import Answered

ASKED = httpx.Request("GET", "http://127.0.0.1:9/api")


@pytest.mark.parametrize(
    ("error", "why", "remedy"),
    [
        (httpx.ConnectError("refused", request=ASKED), "http://127.0.0.1:9", "tianmu up"),
        (httpx.ReadTimeout("", request=ASKED), "in time", "tianmu status"),
        (httpx.RemoteProtocolError("gone", request=ASKED), "gone", "tianmu status"),
        (httpx.UnsupportedProtocol("no protocol"), "no protocol", "--url"),
        (OSError(errno.EADDRINUSE, "Address in use"), "Address in use", "--port"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x", "right to it"),
        (OSError(errno.ENOSPC, "No space left"), "No space", "make room"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused", "tianmu up"),
    ],
)
def test_what_is_wrong_outside(error: Exception, why: str, remedy: str) -> None:
    for one in (error, ExceptionGroup("parts", [error])):
        line = plain(one)
        assert why in line and remedy in line and "\n" not in line


def test_a_refusal_of_the_city_says_its_own_remedy() -> None:
    said = {"title": "Forbidden", "detail": "needs x", "remedy": "ask y"}
    answered = Answered("GET", "/api", httpx.Response(403, json=said))
    assert plain(answered) == "GET /api → 403 Forbidden: needs x ask y"


def test_our_own_faults_are_not_hidden() -> None:
    assert plain(ValueError("x")) == plain(KeyError("x")) == plain(RuntimeError("x")) == ""
    assert plain(OSError(errno.EINVAL, "Invalid argument")) == ""


def test_who_reads_no_further_is_no_fault() -> None:
    """As ``tianmu model --list | head -1``: the pipe's other end is gone, not the city."""
    read, write = os.pipe()
    os.close(read)
    asked = [sys.executable, "-m", "tianmu", "model", "--list"]
    done = subprocess.run(asked, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.stderr == b""
