"""A phone in the field: Chromium of its size on a profile that outlives it, and a TLS line to a
city that can be cut, or lose the answer to a deed after the city did it."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Geolocation, Page, Playwright, ViewportSize

from chromium import find
from tianmu.access import tls
from ui.line import Line

SIZE = ViewportSize(width=390, height=844)
ARGUMENTS = [
    "--no-sandbox",
    "--ignore-certificate-errors",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]
GRID = Geolocation(longitude=119.4842, latitude=31.4315, accuracy=9)


class TlsLine(Line):
    """TLS to a city that speaks plainly."""

    origin = "https://localhost"

    def __init__(self, base: str, folder: Path) -> None:
        files = tls.local(folder, ["localhost", "127.0.0.1"])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.certificate, files.key)
        self.lose = b""
        """the answer to the next request that begins so is lost, after the city gave it"""
        self.lost = 0
        self.asked: list[bytes] = []
        """first lines of what was sent, not read"""
        super().__init__(base)

    def greet(self, near: socket.socket) -> socket.socket:
        return self._context.wrap_socket(near, server_side=True)

    def passes(self, data: bytes, doomed: threading.Event, asking: bool) -> bool:
        if asking and data.startswith(b"POST "):
            self.asked.append(data.partition(b" HTTP/")[0])
        if asking and self.lose and data.startswith(self.lose):
            self.lose = b""
            doomed.set()
        if asking or not doomed.is_set():
            return True
        self.lost += 1
        return False


class Phone:
    """It can die and come back: what it keeps is on its disk."""

    def __init__(self, playwright: Playwright, line: TlsLine, folder: Path) -> None:
        self._playwright, self.line, self._folder = playwright, line, folder
        self.broke: list[str] = []
        self.context: BrowserContext
        self.page: Page
        self.start()

    def start(self, path: str = "") -> None:
        self.context = self._playwright.chromium.launch_persistent_context(
            str(self._folder),
            executable_path=find(),
            args=ARGUMENTS,
            viewport=SIZE,
            device_scale_factor=2,
            has_touch=True,
            is_mobile=True,
            locale="zh-CN",
            ignore_https_errors=True,
            geolocation=GRID,
            permissions=["geolocation", "microphone"],
        )
        self.page = self.context.pages[0]
        self.page.on("pageerror", lambda error: self.broke.append(str(error)))
        if not self.line.whole:
            self.context.set_offline(True)
        if path:
            self.page.goto(f"{self.line.base}{path}")

    def die(self) -> None:
        self.context.close()

    def go(self, path: str) -> Page:
        self.page.goto(f"{self.line.base}{path}")
        return self.page

    def lose_signal(self) -> None:
        self.line.cut()
        self.context.set_offline(True)

    def find_signal(self) -> None:
        self.line.mend()
        self.context.set_offline(False)

    def kept(self, store: str) -> list[Any]:
        """What lies in one store of the phone, files left out."""
        found: list[Any] = self.page.evaluate(
            """store => new Promise((resolve, reject) => {
              const asked = indexedDB.open("tianmu-field");
              asked.onerror = () => reject(asked.error);
              asked.onsuccess = () => {
                const all = asked.result.transaction(store).objectStore(store).getAll();
                all.onsuccess = () => {
                  asked.result.close();
                  resolve(all.result.map(one => one instanceof Blob ? one.size : one));
                };
              };
            })""",
            store,
        )
        return found


def picture(wide: int = 2400, high: int = 1800) -> bytes:
    """A PNG larger than what is sent, with a text of the camera's in it."""

    def part(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes([row % 256, 90, 60]) * wide for row in range(high))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            part(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)),
            part(b"tEXt", b"Comment\0taken by the phone of 13912345678"),
            part(b"IDAT", zlib.compress(rows, 1)),
            part(b"IEND", b""),
        )
    )
