"""``tianmu devices``: registering a city's devices from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import httpx

    from tianmu.enrol.send import Enrolment
    from tianmu.enrol.sheet import Sheet

Connect = Callable[[str, Path, str], "httpx.Client"]
"""(address, data folder, token) → a client of the city"""


def add_to(
    main: click.Group, *, give: Callable[[Any], None], tell: Callable[[str], None], connect: Connect
) -> None:
    """Hang the commands of this room on the group of all commands."""

    @main.group()
    def devices() -> None:
        """A city's devices."""

    @devices.command()
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
    @click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
                  show_default=True, help="the folder of a city on this machine")  # fmt: skip
    @click.option("--url", default="", help="its address, if not the one it wrote down")
    @click.option(
        "--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=None,
        help="a file with an API token that may register devices",
    )  # fmt: skip
    @click.option("--chunk", type=click.IntRange(1, 1_000_000), default=200_000, show_default=True,
                  help="rows that are sent at once")  # fmt: skip
    @click.option("--check", is_flag=True, help="look at the whole file and register nothing")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def register(
        file: Path,
        data: Path,
        url: str,
        token_file: Path | None,
        chunk: int,
        check: bool,
        as_json: bool,
    ) -> None:
        """Register the devices of a CSV or Parquet FILE, however large; run it again to go on."""
        from tianmu.enrol.fault import Unusable
        from tianmu.enrol.send import Enrolment, Refused, Unreachable

        token = token_file.read_text().strip() if token_file else ""
        if token_file and not url:
            raise click.ClickException("--token-file goes with --url, the city's address")
        if not url and not (data / "run").is_dir():
            raise click.ClickException(
                f"no city has been started under {data}: start one with `tianmu up --data {data}`, "
                "or name its folder with --data"
            )
        work = Enrolment(
            connect=lambda: connect(url, data, token), tell=_teller(tell), chunk=chunk, check=check
        )
        sheet = None
        try:
            sheet = work.run(file)
        except Unusable as unusable:
            work.faults.add(*_parts(unusable))
        except (Refused, Unreachable, OSError) as error:
            raise click.ClickException(str(error)) from error
        _tell_faults(work, sheet, tell)
        result = _result(work, sheet, file)
        if as_json:
            give(result)
        else:
            _show(result)
        sys.exit(1 if work.faults else 0)


def _teller(tell: Callable[[str], None]) -> Callable[[str], None]:
    """On a terminal the line of progress takes the place of the one before."""
    if not sys.stderr.isatty():
        return tell
    return lambda line: click.echo(f"\r\x1b[K{line}", nl=False, err=True)


def _parts(unusable: Any) -> tuple[int, str, str, str]:
    one = unusable.fault
    return one.row, one.column, one.what, one.remedy


def _tell_faults(work: Enrolment, sheet: Sheet | None, tell: Callable[[str], None]) -> None:
    if sys.stderr.isatty():
        tell("")
    if sheet is not None and sheet.encoding == "gb18030":
        tell("the file was read as GB 18030")
    told = sorted(work.faults.told)
    lines: dict[int, int] = {}
    if sheet is not None and sheet.form == "csv":
        lines = sheet.lines_of({one.row for one in told})
    for one in told:
        line = f"line {lines[one.row]}, " if one.row in lines else ""
        tell(f"{line}{one}")
    if work.faults.count > len(work.faults.told):
        tell(f"and {work.faults.count - len(work.faults.told):,} more")
    if work.faults:
        tell("mend the file and run this again: what is registered is passed over")


def _result(work: Enrolment, sheet: Sheet | None, file: Path) -> dict[str, Any]:
    done = work.progress
    return {
        "file": str(file),
        "encoding": sheet.encoding if sheet is not None and sheet.form == "csv" else "",
        "checked_only": work.check,
        "rows": done.rows,
        "registered": 0 if work.check else done.registered,
        "known": done.known,
        "chunks": done.chunks,
        "chunks_sent_before": done.sent_before,
        "faults": work.faults.count,
        "devices": done.devices,
        "seconds": round(done.seconds, 2),
        "rows_per_second": round(done.rows / max(done.seconds, 1e-3)),
    }


def _show(result: dict[str, Any]) -> None:
    for key, value in result.items():
        click.echo(f"  {key:<20} {value}")
