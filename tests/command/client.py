"""A department's own software, as its maker would write it: another process, HTTP, nothing of ours.

``client.py URL TOKEN SECRET`` prints ``{"port": …}`` and then a line for each thing it does. It
takes messages that are signed and not old, each id once; an order it hears of it accepts under a
number of its own, handles, and gives its result back with a photograph.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

URL, TOKEN, SECRET = sys.argv[1:4]
PHOTO = b"\x89PNG\r\n\x1a\n" + b"repaired"
seen: set[str] = set()
begun: set[str] = set()
alone = threading.Lock()
"""each message comes in a thread of its own, the work is done in another"""
work: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()


def say(**what: Any) -> None:
    with alone:  # else lines of two threads run into each other
        print(json.dumps(what), flush=True)


def genuine(headers: Any, body: bytes) -> bool:
    """Signed with our secret (Standard Webhooks 1.0) within the last five minutes."""
    name, at = headers["webhook-id"] or "", headers["webhook-timestamp"] or ""
    if not at.isdecimal() or abs(time.time() - int(at)) > 300:
        return False
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mac = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(mac).decode()
    given = (headers["webhook-signature"] or "").split()
    return any(hmac.compare_digest(wanted, one) for one in given)


class Door(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        name = self.headers["webhook-id"] or ""
        if not genuine(self.headers, body):
            self.answer(401)
            say(refused=name)
            return
        with alone:
            again = name in seen
            seen.add(name)
        if again:
            say(again=name)
        else:
            message = json.loads(body)
            say(took=name, type=message["type"])
            work.put(message)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def call(method: str, path: str, body: bytes = b"", media: str = "application/json") -> Any:
    """Ask the city; the same key again where no answer came."""
    key = str(uuid.uuid4())
    for wait in (0.1, 0.5, 1.0, 2.0, 0.0):
        request = urllib.request.Request(
            URL + path,
            data=body or None,
            method=method,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": media,
                "Idempotency-Key": key,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            say(path=path, status=error.code, told=json.load(error))
            raise
        except OSError:
            time.sleep(wait)
    raise SystemExit(f"{path}: the city does not answer")


def step(order: str, name: str, **told: Any) -> Any:
    return call("POST", f"/api/orders/{order}/steps/{name}", json.dumps(told).encode())


def photograph(case: str, order: str) -> str:
    """Attach the photograph; its digest."""
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in (("role", "handle_after"), ("order", order))
    ]
    parts.append(
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="after.png"\r\n'
        "Content-Type: image/png\r\n\r\n".encode()
        + PHOTO
        + f"\r\n--{edge}--\r\n".encode()
    )
    media = f"multipart/form-data; boundary={edge}"
    kept = call("POST", f"/api/cases/{case}/evidence", b"".join(parts), media)
    return str(kept["evidence"])


def do(message: dict[str, Any]) -> None:
    if message["type"] == "case.close":
        say(closed=message["data"]["case"]["case"])
    for order in message["data"].get("orders", []):
        name, case = order["order"], order["case"]
        if message["type"] != "case.order" or order["state"] != "sent" or name in begun:
            continue  # the order of another department may come with ours, as it is by then
        begun.add(name)
        held = step(name, "accept", number=f"WO-{name}")
        assert held["order"]["number"] == f"WO-{name}", held
        step(name, "handle")
        digest = photograph(case, name)
        step(name, "feed_back", result="repaired", evidence=[digest])
        say(fed_back=name)


def main() -> None:
    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    say(port=door.server_address[1])
    while True:
        do(work.get())


if __name__ == "__main__":
    main()
