"""The commands of rehearsal (feed, probe, drill, bench) speak to a city over its sockets only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tianmu.facts.plain import lines

if TYPE_CHECKING:
    from tianmu.rehearse.bench_city import Bench
    from tianmu.rehearse.city import City, Started
    from tianmu.rehearse.peers.given import Storm

Give = Callable[[Any], None]
Tell = Callable[[str], None]

DATA = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
    show_default=True, help="the folder of the city",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
URL = click.option("--url", default="", help="a running city (else a fresh one is started)")
DEVICES = click.option(
    "--devices", type=click.IntRange(1_000), default=50_000, show_default=True,
    help="devices to register for the measurement",
)  # fmt: skip
PEERS = click.option(
    "--peers", is_flag=True,
    help="then run peers on the same input (they are installed into a cache of their own)",
)  # fmt: skip


def add_to(main: click.Group, *, give: Give, tell: Tell) -> None:
    """Hang the commands of this room on the group of all commands."""

    def show(result: dict[str, Any], as_json: bool) -> None:
        if as_json:
            give(result)
            return
        peers = result.pop("peers", None)
        click.echo("\n".join(lines(result)))
        if peers is not None:
            from tianmu.rehearse.peers import beside

            click.echo("peers, on the same input (×2: ours is twice as good):")
            click.echo("\n".join(beside.lines(peers)))

    _add_feed(main, tell)
    _add_probe(main, show)
    _add_bench(main, show, tell)
    _add_drill(main, give, tell)


def _add_feed(main: click.Group, tell: Tell) -> None:
    @main.command()
    @DATA
    @click.option("--devices", type=click.IntRange(0), default=20_000, show_default=True)
    @click.option("--seed", type=int, default=1, show_default=True)
    @click.option("--speed", type=float, default=1.0, show_default=True,
                  help="how much faster than life devices speak")  # fmt: skip
    @click.option("--incidents-per-hour", type=float, default=40.0, show_default=True)
    @click.option("--reports-per-hour", type=float, default=40.0, show_default=True)
    @click.option("--panels", type=click.IntRange(0), default=12, show_default=True)
    @click.option("--cameras", type=click.IntRange(0), default=6, show_default=True,
                  help="of a street, with recognition; their pictures are drawn")  # fmt: skip
    @click.option("--water", type=click.Path(path_type=Path, exists=True), default=None,
                  help="a CNEMC file of water stations, as published")  # fmt: skip
    @click.option("--complaints", type=click.Path(path_type=Path, exists=True), default=None,
                  help="a CSV file with citizens' complaints (columns title, text)")  # fmt: skip
    @click.option("--seconds", type=float, default=None, help="stop after so long")
    @click.option("--score", is_flag=True, help="count what the city missed so far, and end")
    def feed(data: Path, score: bool, **options: Any) -> None:
        """Play recorded and seeded data into a running city through its real doors."""
        import logging

        from tianmu.rehearse.asked import Asked
        from tianmu.rehearse.complaints import Unusable
        from tianmu.rehearse.feed import play

        if score:
            import msgspec

            from tianmu.rehearse.score import count_missed

            click.echo(msgspec.json.encode(count_missed(data)).decode())
            return
        logging.basicConfig(
            level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        logging.getLogger("httpx").setLevel(logging.WARNING)

        async def run() -> None:
            task = asyncio.create_task(play(Asked(data=data, **options)))
            loop = asyncio.get_running_loop()
            for one in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(one, task.cancel)
            orphaned = asyncio.create_task(_orphaned(task))
            try:
                await task
            except asyncio.CancelledError:
                tell("the feed has stopped")
                # threads may still wait for answers of a city that stops; nothing needs them
                os._exit(0)
            finally:
                orphaned.cancel()

        try:
            asyncio.run(run())
        except (Unusable, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error
        tell("the feed has stopped")


async def _orphaned(task: asyncio.Task[None]) -> None:
    """Where ``tianmu up`` started us (it says so in the environment), end when it has died."""
    supervisor = int(os.environ.get("TIANMU_SUPERVISOR") or 0)
    while supervisor in {0, os.getppid()}:  # noqa: ASYNC110 - nobody tells an orphan
        await asyncio.sleep(1)
    task.cancel()


def _add_probe(main: click.Group, show: Callable[[dict[str, Any], bool], None]) -> None:
    @main.command()
    @DATA
    @click.option("--url", default="", help="its address, if not the one it wrote down")
    @JSON
    def probe(data: Path, url: str, as_json: bool) -> None:
        """Send a marked fire and a marked complaint through the whole city, to the closed case."""
        from tianmu.rehearse.probe import run

        try:
            result = run(data, url)
        except (FileNotFoundError, RuntimeError) as error:
            raise click.ClickException(str(error)) from error
        show(result, as_json)
        sys.exit(0 if result["ok"] else 1)


def _add_drill(main: click.Group, give: Give, tell: Tell) -> None:
    @main.command()
    @click.argument("file")
    @URL
    @DATA
    @click.option("--speed", type=click.FloatRange(0), default=0.0,
                  help="times faster than life  [default: as the city follows]")  # fmt: skip
    @JSON
    def drill(file: str, url: str, data: Path, speed: float, as_json: bool) -> None:
        """Play a drill, and say what became of each case against what was expected.

        FILE is a TOML file, or the name of a drill that comes with the program.
        """
        from tianmu.rehearse.drill.play import Unplayable, run
        from tianmu.rehearse.drill.read import DrillFaulty, read

        try:
            script = read(file)
        except DrillFaulty as faulty:
            for fault in faulty.faults:
                tell(str(fault))
            raise click.ClickException(f"{file}: {len(faulty.faults)} fault(s)") from faulty
        except FileNotFoundError as error:
            raise click.ClickException(str(error)) from error
        try:
            result = run(script, url=url, data=data, speed=speed, tell=tell)
        except (Unplayable, TimeoutError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error
        if as_json:
            give(result)
        else:
            click.echo(f"{script.name}: {result['passed']} passed, {result['failed']} failed")
        sys.stdout.flush()
        sys.stderr.flush()
        # everything is stopped; an interpreter that ends under the threads of libraries was seen
        # to crash, and the exit code is what a script goes by
        os._exit(1 if result["failed"] else 0)


def _add_bench(main: click.Group, show: Callable[[dict[str, Any], bool], None], tell: Tell) -> None:
    @main.group()
    def bench() -> None:
        """Measure a city: with everything on, from outside, over its sockets."""

    @contextlib.contextmanager
    def city_of(url: str, data: Path) -> Iterator[tuple[City, Started | None]]:
        from tianmu.rehearse.city import connect, fresh_city

        if url:
            try:
                found = connect(data, url=url)
            except FileNotFoundError as error:
                raise click.ClickException(str(error)) from error
            yield found, None
            return
        tell("starting a fresh city")
        with fresh_city() as started:
            yield connect(started.data), started

    def beside(peers: list[Any], given: Any, result: dict[str, Any]) -> list[dict[str, Any]]:
        from tianmu.rehearse.peers.beside import compare

        return compare(peers, given, result, tell=tell)

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
        from tianmu.rehearse import bench_ingest

        seen: list[Bench] = []
        with city_of(url, data) as (city, started):
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
            from tianmu.rehearse.peers.given import Ingest
            from tianmu.rehearse.peers.known import of_ingest

            given = Ingest(seen[0], form, batch, seconds)
            result["peers"] = beside(of_ingest(batch), given, result)
        show(result, as_json)

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
        from tianmu.rehearse import bench_latency

        seen: list[Bench] = []
        with city_of(url, data) as (city, started):
            result = bench_latency.run(
                city, started.data if started else data, bench_latency.Asked(**asked), seen.append
            )
        if peers:
            from tianmu.rehearse.peers.given import Latency
            from tianmu.rehearse.peers.known import of_latency

            given = Latency(seen[0], asked["rate"], asked["seconds"])
            result["peers"] = beside(of_latency(), given, result)
        show(result, as_json)

    @bench.command()
    @click.option("--signals", type=click.IntRange(10), default=5_000, show_default=True)
    @click.option("--rate", type=float, default=3_000.0, show_default=True)
    @URL
    @DATA
    @PEERS
    @JSON
    def storm(signals: int, rate: float, url: str, data: Path, peers: bool, as_json: bool) -> None:
        """Many alarms about few things: how fast, and merged how well."""
        from tianmu.rehearse import bench_storm

        seen: list[Storm] = []
        before: dict[str, float] = {}

        def told(given: Storm) -> None:
            seen.append(given)
            before.update(started.cpu_by_process() if started else {})

        with city_of(url, data) as (city, started):
            result = bench_storm.run(city, signals=signals, rate=rate, told=told)
            if started:
                now = started.cpu_by_process()
                took = {name: round(now[name] - before.get(name, 0.0), 2) for name in now}
                result["cpu_seconds"] = took
        if peers:
            from tianmu.rehearse.peers.known import of_storm

            result["peers"] = beside(of_storm(), seen[0], result)
        show(result, as_json)

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

        from tianmu.rehearse import bench_history

        asked = bench_history.Asked(
            records=records, series=series, rate=rate, seconds=seconds, repeats=repeats
        )
        with contextlib.ExitStack() as held:
            folder = data or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="tianmu-")))
            try:
                result = bench_history.run(asked, folder, tell)
            except ValueError as error:
                raise click.ClickException(str(error)) from error
        show(result, as_json)
