"""``tianmu backtest``: a scenario on a past of which it is known what happened."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tianmu.facts.plain import lines
from tianmu.scenarios.commands import (
    Give,
    Tell,
    check_suffixes,
    chosen_model,
    found_with,
    plain_names,
)
from tianmu.scenarios.past.archive import Archive, Open

if TYPE_CHECKING:
    import pyarrow as pa

    from tianmu.city.city import City
    from tianmu.scenarios.folder.load import Found, Scenario
    from tianmu.scenarios.past import record


Asked = tuple[str, str, "float | None", list[str]]
"""model, column, value, parameters that were said in place of the scenario's own"""
PLAYED = Path("feed", "truth.jsonl")
"""what truly happened in a city that is played, beside its data"""
DAY = click.DateTime(formats=["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"])


def add_to(main: click.Group, *, give: Give, tell: Tell, archive: Open) -> None:
    """Hang the command on the group of all commands."""

    @main.command()
    @click.argument("words", nargs=-1, metavar="SCENARIO")
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
    @click.option("--pack", default="", help="with --in: a city pack, by name or folder, whose own "
                  "scenarios are meant as well")  # fmt: skip
    @click.option("--history", "replayed", is_flag=True,
                  help="without --in: run the model over what the city measured, against the "
                  "cases that were closed")  # fmt: skip
    @click.option("--rows", "kept", type=click.Path(path_type=Path, dir_okay=False), default=None,
                  help="with --history: write the rows that are replayed")  # fmt: skip
    @click.option("--model", "name", default="", help="another model than the scenario's own")
    @click.option("--column", default="", help="its column that alarms")
    @click.option("--at-least", type=float, default=None, help="from this value on")
    @click.option("--param", "given", multiple=True, metavar="K=V …", help="for the model")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def backtest(
        words: tuple[str, ...],
        since: datetime | None,
        until: datetime | None,
        source: Path | None,
        data: Path,
        pack: str,
        replayed: bool,
        kept: Path | None,
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
        scenario, more = _named(words, given)
        days = _days(since, until)
        asked = (name, column, at_least, [*given, *more])
        _fitting(source, kept, asked, replayed=replayed)
        if source is not None:
            result = _of_file(found_with(pack), scenario, source, *days, asked, tell)
        elif replayed:
            result = _of_history(scenario, data, *days, asked, archive, kept, tell)
        else:
            result = _of_city(scenario, data, *days, archive)
        if as_json:
            give(result)
        else:
            notes = result.pop("notes")
            click.echo("\n".join([*lines(result, width=24), *notes]))


def _fitting(source: Path | None, kept: Path | None, asked: Asked, *, replayed: bool) -> None:
    """``click.UsageError`` where options are given that do not go together."""
    if kept is not None:
        check_suffixes(kept)
        if not replayed:
            raise click.UsageError("--rows goes with --history")
    if source is not None and replayed:
        raise click.UsageError("--in and --history: give one of them")
    name, column, at_least, given = asked
    if source is None and not replayed and (name or column or given or at_least is not None):
        raise click.UsageError("--model, --column, --at-least, --param go with --in or --history")


def _named(words: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, list[str]]:
    """The scenario, and what further parameters stand behind the first one."""
    names = plain_names(words)
    more = [word for word in words if "=" in word]
    if more and not given:
        raise click.UsageError(f"{more[0]}: say --param before it")
    if len(names) != 1:
        raise click.UsageError("give one SCENARIO: tianmu model --list names them")
    return names[0], more


def _days(since: datetime | None, until: datetime | None) -> tuple[date | None, date | None]:
    first, last = (since.date() if since else None), (until.date() if until else None)
    if first and last and first > last:
        raise click.UsageError("--from is after --to: swap them")
    return first, last


def _of_file(
    found: Found,
    scenario: str,
    source: Path,
    since: date | None,
    until: date | None,
    asked: Asked,
    tell: Tell,
) -> dict[str, Any]:
    from tianmu.scenarios.contract import BadInput
    from tianmu.scenarios.table_file import read_table

    check_suffixes(source)
    try:
        rows = read_table(source, tell)
    except BadInput as error:
        raise click.ClickException(f"{source}: {error}") from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
    return _replayed(found, scenario, rows, str(source), since, until, asked, tell)


def _of_history(
    scenario: str,
    data: Path,
    since: date | None,
    until: date | None,
    asked: Asked,
    archive: Open,
    kept: Path | None,
    tell: Tell,
) -> dict[str, Any]:
    from tianmu.scenarios.contract import listening
    from tianmu.scenarios.folder.load import find
    from tianmu.scenarios.past.history import NoReplay, past_rows
    from tianmu.scenarios.replay import TooLong
    from tianmu.scenarios.run import telling
    from tianmu.store.history.asked import TooCostly

    city = _opened(scenario, data, archive)
    found = find(city.city.folder)
    try:
        first, last = _span(city.city, since, until)
        tell(f"reading what the city measured from {first} to {last}")
        with listening(telling(tell)):
            rows = past_rows(_scenario(found, scenario), city, data, first, last)
    except NoReplay as error:
        raise click.UsageError(str(error)) from error
    except (TooCostly, TooLong) as error:
        raise click.ClickException(str(error)) from error
    finally:
        city.close()
    if not len(rows):
        raise click.ClickException(
            f"{data}: between {first} and {last} nothing was measured that {scenario} can be "
            "replayed on: let the city run on (some models want whole days), or give another span"
        )
    if kept is not None:
        from tianmu.scenarios.table_file import write_table

        write_table(rows, kept)
    return _replayed(found, scenario, rows, str(data), first, last, asked, tell)


def _replayed(
    found: Found,
    scenario: str,
    rows: pa.Table,
    whose: str,
    since: date | None,
    until: date | None,
    asked: Asked,
    tell: Tell,
) -> dict[str, Any]:
    import dataclasses

    from tianmu.scenarios.contract import BadInput, BadParameter, listening
    from tianmu.scenarios.past.backtest import NoRule, replay, rule_of
    from tianmu.scenarios.run import BadModel, parameters_of, telling

    name, column, at_least, given = asked
    one = found.scenarios.get(scenario)
    try:
        rule = rule_of(one.manifest.settings if one else {}, name, column, at_least)
    except NoRule as error:
        if one is None or name:
            chosen_model(found, scenario, name)
        raise click.UsageError(str(error)) from error
    model = chosen_model(found, scenario, rule.model)
    try:
        with listening(telling(tell)):
            told = replay(model, rows, parameters_of(model, given), rule, since, until)
    except BadInput as error:
        raise click.ClickException(f"{whose}: {error}") from error
    except (BadParameter, BadModel) as error:
        raise click.ClickException(str(error)) from error
    rule_said = f"{rule.column} at least {rule.at_least:g}"
    return {"scenario": scenario, "model": rule.model, "alarm": rule_said,
            **dataclasses.asdict(told)}  # fmt: skip


def _scenario(found: Found, scenario: str) -> Scenario:
    one = found.scenarios.get(scenario)
    if one is None:
        known = ", ".join(found.scenarios)
        raise click.UsageError(f"there is no scenario {scenario}: there are {known}")
    return one


def _span(city: City, since: date | None, until: date | None) -> tuple[date, date]:
    """First and last day of the city's past that is judged. Raises a usage error where none of it
    has been yet."""
    today = _today(city)
    last = until or today
    first = since or last - timedelta(weeks=12)
    if first > today:
        raise click.UsageError(f"--from {first} is still to come: today is {today} in the city")
    return first, last


def _today(city: City) -> date:
    """The day by the city's own clock: it may be another than in Greenwich."""
    return city.calendar.local(time.time_ns() // 1_000).date()


def _opened(scenario: str, data: Path, archive: Open) -> Archive:
    """The past under ``data``. Without one, a name that no scenario has is told first: that is
    then what is likely wrong, and only a city's own pack could know it."""
    try:
        return archive(data)
    except FileNotFoundError as error:
        missing = (
            f"no city has been started under {data}: give its folder by --data, or a file of the "
            "past by --in"
        )
        found = found_with("")
        if scenario not in found.scenarios:
            known = ", ".join(found.scenarios)
            raise click.UsageError(
                f"there is no scenario {scenario} but where a city's pack brings it: without one "
                f"there are {known}; and {missing}"
            ) from error
        raise click.ClickException(missing) from error


def _of_city(
    scenario: str,
    data: Path,
    since: date | None,
    until: date | None,
    archive: Open,
) -> dict[str, Any]:
    from tianmu.scenarios.folder.fit import fit
    from tianmu.scenarios.folder.load import find
    from tianmu.scenarios.past import record

    opened = _opened(scenario, data, archive)
    city = opened.city
    try:
        first, last = _span(city, since, until)
        begin = city.calendar.instant(first, 0)
        end = min(city.calendar.instant(last, 1440), time.time_ns() // 1_000)
        begins = opened.records.read(record.begins)
        if begins >= end:
            raise click.ClickException(
                f"nothing is known from {first} to {last}: the city's first case is of "
                f"{city.calendar.local(begins).date()}: give another span, or a past by --in"
            )
        here = fit(_scenario(find(city.folder), scenario).manifest, city)
        told = opened.records.read(lambda c: record.record(c, here.matters, here.rules, begin, end))
    finally:
        opened.close()
    return {
        "scenario": scenario, "since": first.isoformat(), "until": last.isoformat(),
        "judged_by": "cases",
        # a city that is younger than the span is judged by what there is of it
        "cases_from": city.calendar.local(told.begins).isoformat(timespec="minutes")
        if begins else None,
        "weeks_of_cases": round(told.weeks, 2),
        "events": told.hits + told.misses, "hits": told.hits, "misses": told.misses,
        "false_alarms": told.false,
        "false_alarms_per_week": round(told.false_per_week, 3),
        "false_alarms_per_week_at_most": round(told.false_at_most, 3), "undecided": told.open,
        "lead_hours_median": None if told.lead_median is None
        else round(told.lead_median / 3600, 2),
        "hits_nobody_told": told.alone,
        "cut": told.cut, "notes": notes_of(told, (data / PLAYED).exists()),
    }  # fmt: skip


def notes_of(told: record.Record, played: bool) -> list[str]:
    """What keeps the figures from saying more."""
    from tianmu.scenarios.past import often

    found = often.said("the city's past with cases", told.false, told.weeks)
    if not told.hits + told.misses + told.false:
        found.append("no case of this scenario has ended in it: nothing is judged yet")
    elif told.hits and told.alone == told.hits:
        found.append(
            f"of {'the one hit' if told.hits == 1 else f'all {told.hits} hits'} nobody told but "
            "the alarm: there is no person's call by which it could be said how much earlier it was"
        )
    elif told.hits == 0:
        found.append("no alarm has been found right in it: there is no lead time to tell")
    if played:
        found.append(
            "the people of this city are played by its feed: they find false what the feed's own "
            "truth says was, which tells how the rules do on its seeded incidents, not on a city's"
        )
    return found
