"""``tianmu bench``: measures a city with everything on, from outside, over its sockets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tianmu.rehearse.option import DATA, DEVICES, JSON, PEERS, URL, Show, Tell

if TYPE_CHECKING:
    from tianmu.rehearse.bench.given import Storm
    from tianmu.rehearse.city.city import City, Started
    from tianmu.rehearse.city.equipment import Bench


@dataclass(frozen=True)
class Given:
    """What all measurements are given."""

    show: Show
    tell: Tell

    @contextlib.contextmanager
    def city_of(self, url: str, data: Path) -> Iterator[tuple[City, Started | None]]:
        """The running city at ``url``; else a fresh one, which ends with it."""
        from tianmu.rehearse.city.city import connect, fresh_city

        if url:
            try:
                found = connect(data, url=url)
            except FileNotFoundError as error:
                raise click.ClickException(str(error)) from error
            yield found, None
            return
        self.tell("starting a fresh city")
        with fresh_city() as started:
            yield connect(started.data), started

    def beside(self, peers: list[Any], same: Any, result: dict[str, Any]) -> list[dict[str, Any]]:
        """What peers do on the ``same`` input."""
        from tianmu.rehearse.peers.beside import compare

        return compare(peers, same, result, tell=self.tell)


def add_to(main: click.Group, show: Show, tell: Tell) -> None:
    @main.group()
    def bench() -> None:
        """Measure a city: with everything on, from outside, over its sockets."""

    given = Given(show, tell)
    for add in (_add_ingest, _add_latency, _add_storm, _add_history):
        add(bench, given)


def _add_ingest(bench: click.Group, given: Given) -> None:
    @bench.command()
    @click.option("--format", "form", type=click.Choice(["json", "columns", "arrow", "mqtt"]),
                  default="json", show_default=True)  # fmt: skip
    @click.option("--batch", type=click.IntRange(1), default=1000, show_default=True)
    @click.option("--rate", type=click.FloatRange(0), default=0.0,
                  help="observations a second over MQTT  [default: all it takes]")  # fmt: skip
    @click.option("--seconds", type=float, default=10.0, show_default=True)
    @DEVICES
    @URL
    @DATA
    @PEERS
    @JSON
    def ingest(
        form: str,
        batch: int,
        rate: float,
        seconds: float,
        devices: int,
        url: str,
        data: Path,
        peers: bool,
        as_json: bool,
    ) -> None:
        """Observations a second, acknowledged on disk and arrived."""
        from tianmu.rehearse.bench import ingest as bench_ingest

        seen: list[Bench] = []
        with given.city_of(url, data) as (city, started):
            result = bench_ingest.run(
                city,
                started,
                form=form,
                batch=batch,
                seconds=seconds,
                devices=devices,
                rate=rate,
                told=seen.append,
            )
            if peers and started:
                from tianmu.rehearse.peers import stored

                result |= stored.figures(city, started.data, seen[0])
        if peers:
            from tianmu.rehearse.bench.given import Ingest
            from tianmu.rehearse.peers.known import of_ingest

            same = Ingest(seen[0], form, batch, seconds)
            result["peers"] = given.beside(of_ingest(batch), same, result)
        given.show(result, as_json)


def _add_latency(bench: click.Group, given: Given) -> None:
    @bench.command()
    @click.option("--rate", type=float, default=26_000.0, show_default=True,
                  help="observations a second of the mixed load meanwhile")  # fmt: skip
    @click.option("--seconds", type=float, default=20.0, show_default=True,
                  help="of the load alone, then as long with frames")  # fmt: skip
    @click.option("--burst-rate", type=float, default=0.0,
                  help="observations a second of a burst  [default: tenfold]")  # fmt: skip
    @click.option("--burst-seconds", type=float, default=0.0,
                  help="a burst of so long, and as long as before it after it")  # fmt: skip
    @click.option("--flood", is_flag=True,
                  help="beside it a source that floods by HTTP and one by MQTT")  # fmt: skip
    @click.option("--singles", type=click.Choice(["mqtt", "http"]), default="mqtt",
                  show_default=True, help="how single devices speak")  # fmt: skip
    @DEVICES
    @URL
    @DATA
    @PEERS
    @JSON
    def latency(url: str, data: Path, peers: bool, as_json: bool, **asked: Any) -> None:
        """From a fire panel's frame to the event pushed to a subscriber."""
        from tianmu.rehearse.bench import latency as bench_latency

        seen: list[Bench] = []
        with given.city_of(url, data) as (city, started):
            result = bench_latency.run(
                city, started.data if started else data, bench_latency.Asked(**asked), seen.append
            )
        if peers:
            from tianmu.rehearse.bench.given import Latency
            from tianmu.rehearse.peers.known import of_latency

            same = Latency(seen[0], asked["rate"], asked["seconds"])
            result["peers"] = given.beside(of_latency(), same, result)
        given.show(result, as_json)


def _add_storm(bench: click.Group, given: Given) -> None:
    @bench.command()
    @click.option("--signals", type=click.IntRange(10), default=5_000, show_default=True)
    @click.option("--rate", type=float, default=3_000.0, show_default=True)
    @URL
    @DATA
    @PEERS
    @JSON
    def storm(signals: int, rate: float, url: str, data: Path, peers: bool, as_json: bool) -> None:
        """Many alarms about few things: how fast, and merged how well."""
        from tianmu.rehearse.bench import storm as bench_storm

        seen: list[Storm] = []
        before: dict[str, float] = {}

        def told(played: Storm) -> None:
            seen.append(played)
            before.update(started.cpu_by_process() if started else {})

        with given.city_of(url, data) as (city, started):
            result = bench_storm.run(city, signals=signals, rate=rate, told=told)
            if started:
                now = started.cpu_by_process()
                took = {name: round(now[name] - before.get(name, 0.0), 2) for name in now}
                result["cpu_seconds"] = took
        if peers:
            from tianmu.rehearse.peers.known import of_storm

            result["peers"] = given.beside(of_storm(), seen[0], result)
        given.show(result, as_json)


def _add_history(bench: click.Group, given: Given) -> None:
    @bench.command()
    @click.option("--records", type=click.IntRange(100_000), default=20_000_000, show_default=True,
                  help="observations of the past")  # fmt: skip
    @click.option("--series", type=click.IntRange(0), default=0,
                  help="datastreams (0: in the proportion of 1.56 M to 220 M records)")  # fmt: skip
    @click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=None,
                  help="where to build, or to measure what was built (else temporary)")  # fmt: skip
    @click.option("--rate", type=float, default=26_000.0, show_default=True,
                  help="observations a second that are written meanwhile")  # fmt: skip
    @click.option("--seconds", type=float, default=120.0, show_default=True)
    @click.option("--repeats", type=click.IntRange(1), default=60, show_default=True,
                  help="times that each question is asked, warm")  # fmt: skip
    @JSON
    def history(
        records: int, series: int, data: Path | None, rate: float, seconds: float, repeats: int,
        as_json: bool,
    ) -> None:  # fmt: skip
        """A week of the past, asked about while the city goes on writing."""
        import tempfile

        from tianmu.rehearse.bench import history as bench_history

        asked = bench_history.Asked(
            records=records, series=series, rate=rate, seconds=seconds, repeats=repeats
        )
        with contextlib.ExitStack() as held:
            folder = data or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tianmu-")))
            try:
                result = bench_history.run(asked, folder, given.tell)
            except ValueError as error:
                raise click.ClickException(str(error)) from error
        given.show(result, as_json)
