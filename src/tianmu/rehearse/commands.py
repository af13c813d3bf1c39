"""The commands of rehearsal (feed, probe, drill; of bench: ``measuring``) speak to a city over its
sockets only."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from tianmu.facts.plain import lines
from tianmu.rehearse import measuring
from tianmu.rehearse.option import DATA, JSON, URL, Give, Show, Tell


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
    measuring.add_to(main, show, tell)
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

        from tianmu.rehearse.feed.asked import Asked
        from tianmu.rehearse.feed.complaints import Unusable
        from tianmu.rehearse.feed.feed import play

        if score:
            import msgspec

            from tianmu.rehearse.feed.score import count_missed

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


def _add_probe(main: click.Group, show: Show) -> None:
    @main.command()
    @DATA
    @click.option("--url", default="", help="its address, if not the one it wrote down")
    @JSON
    def probe(data: Path, url: str, as_json: bool) -> None:
        """Send a marked fire and a marked complaint through the whole city, to the closed case."""
        from tianmu.rehearse.probe.probe import run

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
        from tianmu.rehearse.drill.became import lines as lines_of
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
            click.echo("\n".join(lines_of(result)))
            unseen = sum(len(one["keys"]) for one in result["unseen"])
            rest = f", {unseen} not to be seen in this city" if unseen else ""
            click.echo(f"{script.name}: {result['passed']} passed, {result['failed']} failed{rest}")
        sys.stdout.flush()
        sys.stderr.flush()
        # everything is stopped; an interpreter that ends under the threads of libraries was seen
        # to crash, and the exit code is what a script goes by
        os._exit(1 if result["failed"] else 0)
