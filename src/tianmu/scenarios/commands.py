"""``tianmu model``: a scenario's model run alone on a file; ``tianmu backtest``: on the past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tianmu.city.pack import City
    from tianmu.scenarios.contract import Column, Model
    from tianmu.scenarios.load import Found
    from tianmu.store.records import Records

Give = Callable[[Any], None]
Tell = Callable[[str], None]
Archive = Callable[[Path], "tuple[City, Records]"]
"""data folder → pack and hub's file of the city in it; ``FileNotFoundError``"""
FILE = click.Path(path_type=Path, dir_okay=False)
DAY = click.DateTime(formats=["%Y-%m-%d"])


def add_to(main: click.Group, *, give: Give, tell: Tell, archive: Archive) -> None:
    """Hang the commands of this room on the group of all commands."""
    _add_model(main, give, tell)
    _add_backtest(main, give, tell, archive)


def _add_model(main: click.Group, give: Give, tell: Tell) -> None:
    @main.command()
    @click.argument("words", nargs=-1, metavar="SCENARIO MODEL")
    @click.option("--in", "source", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                  default=None, help="the rows: .csv or .parquet")  # fmt: skip
    @click.option("--out", "target", type=FILE, default=None,
                  help="the same rows with the model's columns: .csv or .parquet")  # fmt: skip
    @click.option("--param", "given", multiple=True, metavar="K=V …",
                  help="what the model may be told (several after one, or again)")  # fmt: skip
    @click.option("--list", "listed", is_flag=True, help="what models there are and need")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def model(
        words: tuple[str, ...],
        source: Path | None,
        target: Path | None,
        given: tuple[str, ...],
        listed: bool,
        as_json: bool,
    ) -> None:
        """Run one MODEL of a SCENARIO on a file.

        Ends with 1 where the file, a parameter or the model has a fault, with 2 where the
        command was not understood.
        """
        from tianmu.scenarios.load import find

        found = find()
        for broken in found.broken:
            tell(f"scenario {broken.id} cannot be loaded: {broken.why}")
        if listed:
            narrow = [word for word in words if "=" not in word]
            give(_as_data(found, narrow)) if as_json else _show(found, narrow)
            return
        # an option of click takes one value: what else looks like k=v belongs to --param
        names = [word for word in words if "=" not in word]
        more = [word for word in words if "=" in word]
        if more and not given:
            raise click.UsageError(f"{more[0]}: say --param before it")
        if len(names) != 2 or source is None or target is None:
            raise click.UsageError("give SCENARIO MODEL --in FILE --out FILE, or --list")
        chosen = _chosen(found, *names)
        _check_suffixes(source, target)
        rows = _run(chosen, source, target, [*given, *more], tell)
        if as_json:
            give({"scenario": names[0], "model": names[1], "in": str(source), "out": str(target),
                  "rows": rows})  # fmt: skip
        else:
            tell(f"{target}: {rows:,} rows")


def _add_backtest(main: click.Group, give: Give, tell: Tell, archive: Archive) -> None:
    @main.command()
    @click.argument("scenario")
    @click.option("--from", "since", type=DAY, default=None, metavar="YYYY-MM-DD",
                  help="first day that is judged  [default: the first there is; of a city, 12 "
                  "weeks ago]")  # fmt: skip
    @click.option("--to", "until", type=DAY, default=None, metavar="YYYY-MM-DD",
                  help="last day that is judged  [default: the last]")  # fmt: skip
    @click.option("--in", "source", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                  default=None, help="a past: the model's columns, date or timestamp, and event "
                  "(1 where it happened)")  # fmt: skip
    @click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=Path("data"),
                  show_default=True, help="without --in: the folder of the city")  # fmt: skip
    @click.option("--model", "name", default="", help="another model than the scenario's own")
    @click.option("--column", default="", help="its column that alarms")
    @click.option("--at-least", type=float, default=None, help="from this value on")
    @click.option("--param", "given", multiple=True, metavar="K=V", help="for the model")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def backtest(
        scenario: str,
        since: datetime | None,
        until: datetime | None,
        source: Path | None,
        data: Path,
        name: str,
        column: str,
        at_least: float | None,
        given: tuple[str, ...],
        as_json: bool,
    ) -> None:
        """Replay the past: hits, misses, false alarms a week, how long before.

        With --in a model is run over a file of the past. Without, the city's own alarms are judged
        by how the cases of the scenario ended.
        """
        from tianmu.scenarios.load import find

        found = find()
        first, last = (since.date() if since else None), (until.date() if until else None)
        if first and last and first > last:
            raise click.UsageError("--from is after --to: swap them")
        if source is None:
            if name or column or given or at_least is not None:
                raise click.UsageError("--model, --column, --at-least, --param go with --in")
            result = _of_city(found, scenario, data, first, last, archive)
        else:
            asked = (name, column, at_least, list(given))
            result = _of_file(found, scenario, source, first, last, asked, tell)
        if as_json:
            give(result)
        else:
            for key, value in result.items():
                click.echo(f"  {key:<24} {'–' if value is None else value}")


def _of_file(
    found: Found,
    scenario: str,
    source: Path,
    since: date | None,
    until: date | None,
    asked: tuple[str, str, float | None, list[str]],
    tell: Tell,
) -> dict[str, Any]:
    import dataclasses

    from tianmu.scenarios.backtest import NoRule, replay, rule_of
    from tianmu.scenarios.contract import BadInput, BadParameter
    from tianmu.scenarios.run import BadModel, parameters_of
    from tianmu.scenarios.table_file import read_table

    _check_suffixes(source)
    name, column, at_least, given = asked
    one = found.scenarios.get(scenario)
    try:
        rule = rule_of(one.manifest.settings if one else {}, name, column, at_least)
    except NoRule as error:
        _chosen(found, scenario, name)
        raise click.UsageError(str(error)) from error
    model = _chosen(found, scenario, rule.model)
    try:
        rows = read_table(source, tell)
        told = replay(model, rows, parameters_of(model, given), rule, since, until)
    except BadInput as error:
        raise click.ClickException(f"{source}: {error}") from error
    except (BadParameter, BadModel, OSError) as error:
        raise click.ClickException(str(error)) from error
    rule_said = f"{rule.column} at least {rule.at_least:g}"
    return {"scenario": scenario, "model": rule.model, "alarm": rule_said,
            **dataclasses.asdict(told)}  # fmt: skip


def _of_city(
    found: Found,
    scenario: str,
    data: Path,
    since: date | None,
    until: date | None,
    archive: Archive,
) -> dict[str, Any]:
    from tianmu.scenarios import record
    from tianmu.scenarios.fit import fit

    one = found.scenarios.get(scenario)
    if one is None:
        known = ", ".join(found.scenarios)
        raise click.UsageError(f"there is no scenario {scenario}: there are {known}")
    try:
        city, records = archive(data)
    except FileNotFoundError as error:
        raise click.ClickException(
            f"no city has been started under {data}: give its folder by --data, or a file of the "
            "past by --in"
        ) from error
    here = fit(one.manifest, city)
    last = until or datetime.now(UTC).date()
    first = since or last - timedelta(weeks=12)
    begin, end = city.calendar.instant(first, 0), city.calendar.instant(last, 1440)
    try:
        told = records.read(lambda c: record.record(c, here.matters, here.rules, begin, end))
    finally:
        records.close()
    return {
        "scenario": scenario, "since": first.isoformat(), "until": last.isoformat(),
        "judged_by": "cases", "events": told.hits + told.misses, "hits": told.hits,
        "misses": told.misses, "false_alarms": told.false,
        "false_alarms_per_week": round(told.false_per_week, 3), "undecided": told.open,
        "lead_hours_median": None if told.lead_median is None
        else round(told.lead_median / 3600, 2),
        "cut": told.cut,
    }  # fmt: skip


def _run(model: Model, source: Path, target: Path, given: list[str], tell: Tell) -> int:
    from tianmu.scenarios.contract import BadInput, BadParameter
    from tianmu.scenarios.run import BadModel, run_file

    try:
        return run_file(model, source, target, given, tell)
    except BadInput as error:
        raise click.ClickException(f"{source}: {error}") from error
    except (BadParameter, BadModel, OSError) as error:
        raise click.ClickException(str(error)) from error


def _chosen(found: Found, scenario: str, name: str) -> Model:
    broken = next((one for one in found.broken if one.id == scenario), None)
    if broken is not None:
        raise click.ClickException(f"scenario {scenario} cannot be loaded: {broken.why}")
    one = found.scenarios.get(scenario)
    if one is None:
        known = ", ".join(found.scenarios)
        raise click.UsageError(f"there is no scenario {scenario}: there are {known}")
    model = one.model(name)
    if model is None:
        known = ", ".join(each.name for each in one.models) or "none"
        raise click.UsageError(f"{scenario} has no model {name}: it has {known}")
    return model


def _check_suffixes(*paths: Path) -> None:
    from tianmu.scenarios.table_file import SUFFIXES

    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise click.UsageError(f"{path}: name it .csv or .parquet, by which it is read")


def _models(found: Found, narrow: list[str]) -> list[tuple[str, Model]]:
    if narrow and narrow[0] not in found.scenarios:
        known = ", ".join(found.scenarios)
        raise click.UsageError(f"there is no scenario {narrow[0]}: there are {known}")
    return [
        (scenario.id, model)
        for scenario in found.scenarios.values()
        if not narrow or scenario.id == narrow[0]
        for model in scenario.models
        if len(narrow) < 2 or model.name == narrow[1]
    ]


def _as_data(found: Found, narrow: list[str]) -> dict[str, Any]:
    def columns(some: tuple[Column, ...]) -> list[dict[str, str]]:
        return [{"name": one.name, "unit": one.unit, "what": one.what} for one in some]

    return {
        "models": [
            {
                "scenario": scenario, "model": model.name, "what": model.what,
                "needs": columns(model.needs), "optional": columns(model.optional),
                "gives": columns(model.gives),
                "parameters": [
                    {"name": one.name, "what": one.what, "default": one.default,
                     "choices": list(one.choices)}
                    for one in model.parameters
                ],
            }
            for scenario, model in _models(found, narrow)
        ],
        "broken": [{"scenario": one.id, "why": one.why} for one in found.broken],
    }  # fmt: skip


def _show(found: Found, narrow: list[str]) -> None:
    for scenario, model in _models(found, narrow):
        click.echo(f"{scenario} {model.name}: {model.what}")
        parts = (("needs", model.needs), ("may have", model.optional), ("gives", model.gives))
        for title, columns in parts:
            for column in columns:
                name = f"{column.name} ({column.unit})" if column.unit else column.name
                click.echo(f"  {title:<9} {name:<24} {column.what}")
        for one in model.parameters:
            said = f"{one.name}={one.default}"
            choices = f" ({'|'.join(one.choices)})" if one.choices else ""
            click.echo(f"  {'param':<9} {said:<24} {one.what}{choices}")
