"""The map of a whole city in software-rendered Chromium at 1920 × 1080.

python -m benchmarks.map --devices 1560000

Figures, as one JSON line: the first picture (until the map has drawn all it has, from the start of
the navigation, browser cache empty), the frames of a scripted pan and zoom (time between animation
frames while the mouse drags), our own script in them (samples of the CPU profiler every 0.2 ms
whose innermost function is of a file of ours and not of MapLibre's or Vue's), the time of a tile,
the bytes that keep the map fresh under load, and from a click on a point to its card.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from benchmarks.map_load import Load
from benchmarks.map_pick import picked, placed
from chromium import find
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, connect, start_city

ARGUMENTS = [
    "--no-sandbox", "--enable-unsafe-swiftshader",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""Chromium as it is on a machine without a graphics card: it puts the page together by itself and
draws WebGL by SwiftShader, which it wants to be allowed to by name."""
WALL = {"width": 1920, "height": 1080}
MIDDLE = (960, 640)
FRAMES = """() => { window.frames_ = []; let last = 0; const turn = (now) => {
  if (last) window.frames_.push([last, now]); last = now;
  window.turn_ = requestAnimationFrame(turn) };
  requestAnimationFrame(turn) }"""


def tiles_of(longitude: float, latitude: float, z: int) -> tuple[int, int]:
    x, y = longitude / 360 + 0.5, np.sin(np.radians(latitude))
    return int(x * 2**z), int((0.5 - np.log((1 + y) / (1 - y)) / (4 * np.pi)) * 2**z)


def idle(patience: float) -> float:
    """How busy the machine is with other work, in percent, once it rests or patience ends: figures
    of a software-rendered picture are of no use beside another's load."""
    end = time.monotonic() + patience
    while True:
        busy = float(psutil.cpu_percent(interval=2))
        if busy < 15 or time.monotonic() > end:
            return busy


def p(values: list[float], share: float) -> float:
    return round(float(np.percentile(values, share)), 2) if values else 0.0


@contextmanager
def a_city(asked: argparse.Namespace) -> Iterator[tuple[City, Path]]:
    """The city that is named, or one of our own."""
    if asked.data:
        yield connect(Path(asked.data)), Path(asked.data)
        return
    with tempfile.TemporaryDirectory(prefix="tianmu-map-") as data:
        started = start_city(Path(data))
        try:
            city = connect(Path(data))
            equipment.prepare(city, asked.devices)
            yield city, Path(data)
        finally:
            started.stop()


def signed_in(browser: Browser, city: City, data: Path) -> Any:
    """A session by the city's one-time link; kept, since the link works once."""
    kept = data / "run" / "map-session.json"
    if not kept.exists():
        link = json.loads((data / "run" / "hub.json").read_text())["link"]
        context = browser.new_context(viewport=WALL)
        page = context.new_page()
        page.goto(f"{city.url}/open#{link}")
        page.wait_for_url("**/hall")
        kept.write_text(json.dumps(context.storage_state()))
        context.close()
    return json.loads(kept.read_text())


def first_picture(browser: Browser, city: City, state: Any, times: int) -> list[float]:
    found = []
    for _ in range(times):
        context = browser.new_context(viewport=WALL, storage_state=state)
        page = context.new_page()
        page.goto(f"{city.url}/hall")
        drawn(page)
        found.append(page.evaluate("performance.getEntriesByName('map')[0].startTime"))
        context.close()
    return found


def drawn(page: Page, within: float = 60) -> None:
    """Wait for the map's first whole picture."""
    end = time.monotonic() + within
    while not page.evaluate("performance.getEntriesByName('map').length"):
        if time.monotonic() > end:
            raise TimeoutError(f"the map has drawn nothing within {within:g} s")
        time.sleep(0.05)


def drag(page: Page, dx: float, dy: float, seconds: float) -> None:
    """Pull the map evenly for so long, about sixty moves a second."""
    x, y = MIDDLE[0] - dx / 2, MIDDLE[1] - dy / 2
    page.mouse.move(x, y)
    page.mouse.down()
    begin = time.perf_counter()
    while (done := (time.perf_counter() - begin) / seconds) < 1:
        page.mouse.move(x + dx * done, y + dy * done)
        time.sleep(0.008)
    page.mouse.up()


def zoom(page: Page, steps: int) -> None:
    page.mouse.move(*MIDDLE)
    for _ in range(abs(steps)):
        page.mouse.wheel(0, -240 if steps > 0 else 240)
        time.sleep(0.15)


def measured_pan(page: Page) -> tuple[list[float], dict[str, Any]]:
    """Frames of pans at four heights with a zoom between, and whose script ran in them."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("Profiler.enable")
    session.send("Profiler.setSamplingInterval", {"interval": 200})
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    origin = metrics["NavigationStart"] * 1e6
    frames: list[list[float]] = []
    session.send("Profiler.start")
    for height in range(4):
        page.evaluate(FRAMES)
        for dx, dy in ((500, 120), (-500, -120)):
            drag(page, dx, dy, 1.5)
        frames += page.evaluate(
            "() => { cancelAnimationFrame(window.turn_); return window.frames_ }"
        )
        if height < 3:
            zoom(page, 5)
            time.sleep(2)
    profile = session.send("Profiler.stop")["profile"]
    deltas = [round(end - begin, 2) for begin, end in frames]
    return deltas, shares(profile, origin, frames)


def shares(profile: dict[str, Any], origin: float, frames: list[list[float]]) -> dict[str, Any]:
    """Milliseconds of script in each frame, by whose file it is."""
    whose: dict[int, str] = {}
    names: dict[int, str] = {}
    for node in profile["nodes"]:
        call = node["callFrame"]
        file = call["url"].rpartition("/")[2]
        if not file:
            whose[node["id"]] = (
                call["functionName"] if call["functionName"][:1] == "(" else "browser"
            )
        elif file.startswith("maplibre"):
            whose[node["id"]] = "maplibre"
        elif file.startswith("vue"):
            whose[node["id"]] = "vue"
        else:
            whose[node["id"]] = "own"
        names[node["id"]] = (
            f"{call['functionName'] or '?'} {file}:{call['lineNumber']}:{call['columnNumber']}"
        )
    starts = np.array([origin + begin * 1000 for begin, _ in frames])
    ends = np.array([origin + end * 1000 for _, end in frames])
    spent: dict[str, Any] = {}
    top: dict[str, float] = {}
    at = profile["startTime"]
    for node, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        at += delta
        row = int(np.searchsorted(starts, at, side="right")) - 1
        if row < 0 or at > ends[row]:
            continue
        kind = whose[node]
        spent.setdefault(kind, np.zeros(len(frames)))[row] += delta / 1000
        if kind in ("own", "vue"):
            top[names[node]] = top.get(names[node], 0.0) + delta / 1000
    own = spent.get("own", np.zeros(len(frames)))
    ours = own + spent.get("vue", 0)
    return {
        "own_script_mean_ms": round(float(own.mean()), 3),
        "own_script_p95_ms": p(own.tolist(), 95),
        "own_script_max_ms": round(float(own.max()), 2),
        "own_and_vue_p95_ms": p(ours.tolist(), 95),
        "script_ms_a_frame": {k: round(float(v.mean()), 2) for k, v in sorted(spent.items())},
        "own_top": sorted(((round(v, 1), k) for k, v in top.items()), reverse=True)[:6],
    }


def tile_times(city: City, state: Any, box: list[float]) -> dict[str, Any]:
    """Milliseconds over HTTP from this machine: tiles nobody asked for yet, and again unchanged."""
    cookies = {c["name"]: c["value"] for c in state["cookies"]}
    made: list[float] = []
    again: list[float] = []
    sizes: list[float] = []
    with httpx.Client(base_url=city.url, cookies=cookies, timeout=30) as client:
        city.get("/api/tiles/devices/count")
        for z in range(9, 18):
            for share in (0.31, 0.47, 0.63):
                x, y = tiles_of(
                    box[0] + (box[2] - box[0]) * share, box[1] + (box[3] - box[1]) * share, z
                )
                # a filter of its own, so that no browser had it made before
                where = f"/api/tiles/devices/{z}/{x}/{y}.mvt?state=never,online,silent&alarm="
                begin = time.perf_counter()
                first = client.get(where + "1,2,3,4" if z % 2 else where)
                made.append((time.perf_counter() - begin) * 1000)
                sizes.append(len(first.content))
                begin = time.perf_counter()
                client.get(where, headers={"If-None-Match": first.headers.get("etag", "")})
                again.append((time.perf_counter() - begin) * 1000)
                time.sleep(0.02)
    return {
        "tile_p50_ms": p(made, 50), "tile_p95_ms": p(made, 95),
        "tile_again_p50_ms": p(again, 50), "tile_again_p95_ms": p(again, 95),
        "tile_bytes_max": int(max(sizes)),
    }  # fmt: skip


def card_times(city: City, state: Any) -> dict[str, Any]:
    """Milliseconds until the API has given what a card shows: present, alarms and a day."""
    cookies = {c["name"]: c["value"] for c in state["cookies"]}
    total = city.get("/api/tiles/devices/count")["total"]
    spent: dict[str, list[float]] = {"named": [], "device": [], "series": []}
    with httpx.Client(base_url=city.url, cookies=cookies, timeout=30) as client:
        for n in np.random.default_rng().integers(0, total, 30).tolist():
            begin = time.perf_counter()
            named = client.get("/api/tiles/devices/numbered", params={"n": n}).json()[0]
            spent["named"].append((time.perf_counter() - begin) * 1000)
            where = f"/api/devices/{named['device']}"
            begin = time.perf_counter()
            client.get(where).raise_for_status()
            spent["device"].append((time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            asked = {"datastream": f"{named['device']}/{named['properties'][0]}", "points": 900}
            client.get("/api/history/series", params=asked).raise_for_status()
            spent["series"].append((time.perf_counter() - begin) * 1000)
    return {f"card_{name}_p95_ms": p(times, 95) for name, times in spent.items()}


def refreshed(page: Page, seconds: float) -> dict[str, Any]:
    """What the browser takes over the network while nobody touches the map."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    asked: dict[str, str] = {}
    size = {"tiles": 0.0, "other": 0.0}
    count = {"tiles": 0, "unchanged": 0}
    told: dict[str, int] = {}

    def begun(event: Any) -> None:
        asked[event["requestId"]] = event["request"]["url"]

    def ended(event: Any) -> None:
        tile = "/api/tiles/devices/" in asked.get(event["requestId"], "")
        size["tiles" if tile else "other"] += event["encodedDataLength"]
        count["tiles"] += tile

    def heard(event: Any) -> None:
        told[event["eventName"]] = told.get(event["eventName"], 0) + len(event["data"])

    session.on("Network.requestWillBeSent", begun)
    session.on("Network.loadingFinished", ended)
    session.on("Network.eventSourceMessageReceived", heard)
    page.wait_for_timeout(seconds * 1000)
    session.detach()
    return {
        "refresh_bytes_per_s": round((size["tiles"] + told.get("tiles", 0)) / seconds),
        "refresh_tiles_per_s": round(count["tiles"] / seconds, 2),
        "push_tiles_bytes_per_s": round(told.get("tiles", 0) / seconds),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--devices", type=int, default=1_560_000)
    options.add_argument("--data", help="data folder of a running city to measure instead")
    options.add_argument("--seconds", type=float, default=20, help="of load for the refresh")
    options.add_argument(
        "--patience", type=float, default=30, help="seconds to wait for a machine at rest"
    )
    options.add_argument("--pictures", help="folder for what was seen")
    asked = options.parse_args()
    found: dict[str, Any] = {"devices": asked.devices, "machine_busy_percent": idle(asked.patience)}
    with a_city(asked) as (city, data), sync_playwright() as playwright:
        found["devices"] = city.get("/api/tiles/devices/count")["total"]
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        state = signed_in(browser, city, data)
        firsts = first_picture(browser, city, state, 3)
        found["first_picture_ms"] = [round(one) for one in firsts]
        found.update(card_times(city, state))
        found.update(tile_times(city, state, city.get("/api/city")["bbox"]))
        context = browser.new_context(viewport=WALL, storage_state=state)
        page = context.new_page()
        page.goto(f"{city.url}/hall")
        drawn(page)
        time.sleep(1)
        keep(page, asked.pictures, "far")
        deltas, script = measured_pan(page)
        found.update(
            frames=len(deltas), frame_p50_ms=p(deltas, 50), frame_p95_ms=p(deltas, 95),
            frame_max_ms=max(deltas), **script,
        )  # fmt: skip
        time.sleep(1)
        keep(page, asked.pictures, "near")
        print(json.dumps(found), file=sys.stderr, flush=True)
        line = placed(city)
        near = context.new_page()
        near.goto(f"{city.url}/hall")
        drawn(near)
        time.sleep(1)
        try:
            found.update(picked(near, line))
        finally:
            keep(near, asked.pictures, "picked")
            near.close()
        if asked.seconds:
            load = Load(city, data)
            load.start()
            page.wait_for_timeout(3000)
            for name in ("near", "far"):
                if name == "far":
                    zoom(page, -15)
                    time.sleep(3)
                found[f"refresh_{name}"] = refreshed(page, asked.seconds / 2)
            load.stop()
            found["load_sent"] = load.sent
            keep(page, asked.pictures, "load")
        browser.close()
    print(json.dumps(found))


def keep(page: Page, folder: str | None, name: str) -> None:
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


if __name__ == "__main__":
    main()
