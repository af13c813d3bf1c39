"""The files of the UI: one page for every path, hashed assets for ever, a strict policy.

Files are compressed once and kept in memory while they are in use. A path that is no file gives
the page, which knows its own paths; without a built UI a plain page says how to build it.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

PACKABLE = ("text/", "application/json", "application/javascript", "image/svg+xml")
KEEP = 64 << 20
"""bytes kept in memory"""


def policy(*origins: str) -> str:
    """Content-Security-Policy: nothing is loaded from elsewhere, but pictures of the map from
    ``origins``. Map libraries start workers from blobs and write styles into elements; scripts
    come from files only."""
    more = "".join(f" {one}" for one in origins)
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{more}",
            "font-src 'self'",
            "media-src 'self' blob:",
            f"connect-src 'self'{more}",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


MISSING = (
    "<!doctype html><meta charset=utf-8><title>天目 Tianmu</title>"
    "<h1>天目 Tianmu</h1><p>界面尚未构建：运行 <code>make up</code>，或在 ui/ 中运行 "
    "<code>npm run build</code>。<p>The UI is not built: run <code>make up</code>, or "
    "<code>npm run build</code> in ui/. The API is at <a href=/api/docs>/api/docs</a>."
)


@dataclass(frozen=True)
class _File:
    body: bytes
    packed: bytes | None
    media: str
    etag: str
    stamp: tuple[int, int]


class Files:
    """Serves the folder of the built UI."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._kept: dict[Path, _File] = {}
        self._lock = threading.Lock()

    def version(self) -> str:
        """Changes when another UI was built."""
        held = self._read(self._folder / "index.html")
        return held.etag if held else "none"

    def answer(self, request: Request, path: str) -> Response:
        """The file of ``path``, or the page."""
        if "\0" in path:
            return Response("not found", 404, media_type="text/plain")
        wanted = (self._folder / path).resolve()
        inside = wanted == self._folder or self._folder in wanted.parents
        held = self._read(wanted) if inside and path else None
        is_page = held is None
        if held is None:
            if "." in path.rpartition("/")[2]:
                return Response("not found", 404, media_type="text/plain")
            held = self._read(self._folder / "index.html")
        if held is None:
            return Response(MISSING, 503, media_type="text/html; charset=utf-8")
        forever = path.startswith("assets/") and not is_page
        headers = {
            "ETag": f'"{held.etag}"',
            "Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if f'"{held.etag}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        body = held.body
        if held.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            body = held.packed
        return Response(body, media_type=held.media, headers=headers)

    def _read(self, path: Path) -> _File | None:
        try:
            stat = path.stat()
        except (OSError, ValueError):
            return None
        if not path.is_file():
            return None
        stamp = (stat.st_mtime_ns, stat.st_size)
        held = self._kept.get(path)
        if held is not None and held.stamp == stamp:
            return held
        body = path.read_bytes()
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if path.suffix in {".js", ".mjs"}:
            media = "text/javascript"
        if media.startswith("text/"):
            media += "; charset=utf-8"
        packed = None
        if media.startswith(PACKABLE) and len(body) > 1000:
            packed = gzip.compress(body, 6, mtime=0)
        held = _File(body, packed, media, hashlib.sha256(body).hexdigest()[:24], stamp)
        with self._lock:
            if sum(len(one.body) for one in self._kept.values()) + len(body) > KEEP:
                self._kept.clear()
            self._kept[path] = held
        return held
