"""``tianmu model``: a scenario's model run alone on a file"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import click

if TYPE_CHECKING:
    from tianmu.scenarios.contract import Column, Model
    from tianmu.scenarios.folder.load import Found

Give = Callable[[Any], None]
Tell = Callable[[str], None]


FILE = click.Path(path_type=Path, dir_okay=False)


def add_to(main: click.Group, *, give: Give, tell: Tell) -> None:
    """Hang the commands of this room on the group of all commands."""

    @main.command()
    @click.argument("words", nargs=-1, metavar="SCENARIO MODEL")
    @click.option("--in", "source", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                  default=None, help="the rows: .csv or .parquet")  # fmt: skip
    @click.option("--out", "target", type=FILE, default=None,
                  help="the same rows with the model's columns: .csv or .parquet")  # fmt: skip
    @click.option("--param", "given", multiple=True, metavar="K=V …",
                  help="what the model may be told (several after one, or again)")  # fmt: skip
    @click.option("--pack", default="", help="a city pack, by name or folder, whose own scenarios "
                  "are meant as well")  # fmt: skip
    @click.option("--list", "listed", is_flag=True, help="what models there are and need")
    @click.option("--json", "as_json", is_flag=True, help="one JSON object as the last line")
    def model(
        words: tuple[str, ...],
        source: Path | None,
        target: Path | None,
        given: tuple[str, ...],
        pack: str,
        listed: bool,
        as_json: bool,
    ) -> None:
        """Run one MODEL of a SCENARIO on a file.

        Ends with 1 where the file, a parameter or the model has a fault, with 2 where the
        command was not understood.
        """
        found = found_with(pack)
        for broken in found.broken:
            tell(f"scenario {broken.id} cannot be loaded: {broken.why}")
        if listed:
            narrow = plain_names(words)
            give(_as_data(found, narrow)) if as_json else _show(found, narrow)
            return
        # an option of click takes one value: what else looks like k=v belongs to --param
        names = plain_names(words)
        more = [word for word in words if "=" in word]
        if more and not given:
            raise click.UsageError(f"{more[0]}: say --param before it")
        if len(names) != 2 or source is None or target is None:
            raise click.UsageError("give SCENARIO MODEL --in FILE --out FILE, or --list")
        chosen = chosen_model(found, *names)
        check_suffixes(source, target)
        check_apart(source, target)
        rows = _run(chosen, source, target, [*given, *more], tell)
        if as_json:
            give({"scenario": names[0], "model": names[1], "in": str(source), "out": str(target),
                  "rows": rows})  # fmt: skip
        else:
            tell(f"{target}: {rows:,} row{'' if rows == 1 else 's'}")


def plain_names(words: Iterable[str]) -> list[str]:
    """Which scenario, which model, as their manifests write them: a folder's name and other cases
    mean the same."""
    return [word.lower().replace("_", "-") for word in words if "=" not in word]


def found_with(pack: str) -> Found:
    """All scenarios, with those of the pack that was named."""
    from tianmu.city.pack import locate
    from tianmu.scenarios.folder.load import find

    try:
        return find(locate(pack) if pack else None)
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from error


def _run(model: Model, source: Path, target: Path, given: list[str], tell: Tell) -> int:
    from tianmu.scenarios.contract import BadInput, BadParameter
    from tianmu.scenarios.run import BadModel, run_file

    try:
        return run_file(model, source, target, given, tell)
    except BadInput as error:
        raise click.ClickException(f"{source}: {error}") from error
    except (BadParameter, BadModel, OSError) as error:
        raise click.ClickException(str(error)) from error


def chosen_model(found: Found, scenario: str, name: str) -> Model:
    """The model of these names; a usage error names those there are."""
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


def check_suffixes(*paths: Path) -> None:
    """A usage error for a file of another kind than can be read or written."""
    from tianmu.scenarios.table_file import SUFFIXES

    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise click.UsageError(f"{path}: name it .csv or .parquet, by which it is read")


def check_apart(source: Path, target: Path) -> None:
    """A usage error where the file that is read would be lost by writing, whatever it is called."""
    with suppress(OSError):  # not there yet, or it cannot be: writing tells why
        if target.samefile(source):
            raise click.UsageError(
                f"--out {target} is the file that --in names, whose place it would take: name "
                "another"
            )


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
                unit = f"({column.unit})"
                told = not column.unit or column.name.endswith(unit)
                name = column.name if told else f"{column.name} {unit}"
                click.echo(f"  {title:<9} {_wide(name)} {column.what}")
        for one in model.parameters:
            said = f"{one.name}={one.default}"
            choices = f" ({'|'.join(one.choices)})" if one.choices else ""
            click.echo(f"  {'param':<9} {_wide(said)} {one.what}{choices}")


def _wide(text: str, columns: int = 24) -> str:
    """Filled up with spaces, as a terminal counts: letters of Chinese take two columns."""
    taken = sum(2 if east_asian_width(one) in "WF" else 1 for one in text)
    return text + " " * max(columns - taken, 0)
