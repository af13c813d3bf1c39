"""One model run on one file."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pyarrow as pa

from tianmu.scenarios.contract import BadParameter, Listener, Model, listening
from tianmu.scenarios.heads import named
from tianmu.scenarios.table_file import check_place, read_table, write_table

EVERY_S = 2.0
"""how often progress is told"""


class BadModel(RuntimeError):
    """The model broke its contract: a fault of the scenario, not of the file."""


def parameters_of(model: Model, given: Iterable[str]) -> dict[str, str]:
    """``k=v`` texts over the model's defaults. Raises ``BadParameter``."""
    known = {one.name: one for one in model.parameters}
    values = {one.name: one.default for one in model.parameters}
    said: set[str] = set()
    for text in (part for one in given for part in apart(one, known)):
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise BadParameter(text, "is not k=v", "say for instance name=1.5")
        if name not in known:
            able = f"there are {', '.join(known)}" if known else f"{model.name} takes none"
            raise BadParameter(name, f"{model.name} has no such parameter", able)
        if name in said:
            raise BadParameter(name, "is said twice", "say it once")
        said.add(name)
        choices = known[name].choices
        if choices and value not in choices:
            raise BadParameter(name, f"{value} is not possible", f"one of {', '.join(choices)}")
        values[name] = value
    return values


def apart(text: str, known: Collection[str]) -> list[str]:
    """Several ``k=v`` in one text, as where a shell was told to keep them together: what follows a
    blank begins another where it is a name that is known."""
    if not known:
        return [text]
    names = "|".join(re.escape(one) for one in known)
    return re.split(rf"[\s,;]+(?=(?:{names})\s*=)", text.strip())


def run_model(model: Model, rows: pa.Table, parameters: dict[str, str]) -> pa.Table:
    """``rows`` with the model's columns beside them. Raises ``BadInput``, ``BadParameter``,
    ``BadModel``."""
    called = named(model, _spelt_out(rows))
    made = model.run(called, parameters)
    gives = [one.name for one in model.gives]
    if made.column_names != gives or len(made) != len(rows):
        raise BadModel(
            f"model {model.name} gave {len(made)} rows of {', '.join(made.column_names)} "
            f"for {len(rows)} of {', '.join(gives)}: mend its run"
        )
    for name in gives:
        rows = rows.append_column(name, made.column(name))
    return rows


def _spelt_out(rows: pa.Table) -> pa.Table:
    """``rows`` with the values of columns that Parquet keeps as places in a dictionary."""
    for at, field in enumerate(rows.schema):
        if pa.types.is_dictionary(field.type):
            values = rows.column(at).cast(field.type.value_type)
            rows = rows.set_column(at, field.name, values)
    return rows


def telling(tell: Callable[[str], None]) -> Listener:
    """What a model says while it runs, line by line: its remarks, and to somebody at a terminal
    now and then how far it is."""
    began = told = time.monotonic()
    watched = sys.stderr.isatty()

    def progress(done: int, total: int, what: str) -> None:
        nonlocal told
        now = time.monotonic()
        if watched and now - told >= EVERY_S:
            told = now
            part = 100 * done // max(total, 1)
            tell(f"{done:,} of {total:,} {what}, {part} %, {now - began:.0f} s")

    return Listener(progress, tell)


def run_file(
    model: Model, source: Path, target: Path, given: Iterable[str], tell: Callable[[str], None]
) -> int:
    """Run ``model`` on the file ``source`` and write ``target``; how many rows. Raises
    ``BadInput``, ``BadParameter``, ``BadModel``, ``OSError``."""
    parameters = parameters_of(model, given)
    check_place(target)
    rows = read_table(source, tell)
    with listening(telling(tell)):
        whole = run_model(model, rows, parameters)
    write_table(whole, target)
    return len(whole)
