"""What a scenario's ``model.py`` hands over: models that run on a table, alone or in the city.

``MODELS: tuple[Model, ...]`` is all that is asked for. A model's ``run`` is a pure function of a
table and of parameters, so an engineer can run it on a file (``tianmu model``), a back-test can
replay it, and the city can run it on what it measures: the same code each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    unit: str
    """``°C``, ``mg/L``…; empty for texts and for figures without one"""
    what: str
    """in plain English, with the values it takes where they are few"""


@dataclass(frozen=True)
class Parameter:
    """What may be set for one run, as ``k=v``."""

    name: str
    what: str
    default: str
    """empty: nothing is set, and ``run`` gets an empty text"""
    choices: tuple[str, ...] = ()
    """where only these are taken; empty: ``run`` judges it"""


@dataclass(frozen=True)
class Model:
    """A model, with everything that is to be known before it is run."""

    name: str
    what: str
    needs: tuple[Column, ...]
    optional: tuple[Column, ...]
    gives: tuple[Column, ...]
    parameters: tuple[Parameter, ...]
    run: Callable[[pa.Table, Mapping[str, str]], pa.Table]
    """(rows, parameters) → the columns of ``gives`` in their order, as many rows.

    The rows come in the order of the file, with all columns of the file: those of ``needs`` and
    ``optional`` under the names that stand there, an optional one only where the file has it.
    From CSV every column is text as it stands in the file (an empty cell is an empty text), from
    Parquet it has its own type: ``reading.numbers`` and ``reading.texts`` read both. Of the
    parameters all are there, with their defaults where nothing was said. Raises ``BadInput`` for
    a fault in the rows and ``BadParameter`` for one in a parameter.
    """


class BadInput(ValueError):
    """A fault in the rows: where, what, and how to mend it.

    ``row`` counts from 1, the first below the head; 0 is the head or the file itself. ``column``
    may be several.
    """

    def __init__(self, row: int, column: str | list[str], what: str, remedy: str) -> None:
        several = isinstance(column, list)
        self.row, self.column = row, ", ".join(column) if isinstance(column, list) else column
        self.what, self.remedy = what, remedy
        where = f"row {row}" if row else "the file"
        if self.column:
            where += f", column{'s' if several else ''} {self.column}"
        super().__init__(f"{where}: {what}: {remedy}")


class BadParameter(ValueError):
    """A parameter that the model cannot run with: which, what, and how to mend it."""

    def __init__(self, name: str, what: str, remedy: str) -> None:
        self.name, self.what, self.remedy = name, what, remedy
        super().__init__(f"parameter {name}: {what}: {remedy}")


@dataclass(frozen=True)
class Listener:
    """Who hears what a ``run`` says while it works."""

    progress: Callable[[int, int, str], None]
    """(done, in all, of what)"""
    remark: Callable[[str], None]


_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


def progress(done: int, total: int, what: str = "rows") -> None:
    """To be called by a ``run`` that takes long, every few thousand rows or other steps of work
    (``what`` they are); costs next to nothing where nobody listens."""
    listener = _LISTENER.get()
    if listener is not None:
        listener.progress(done, total, what)


def remark(text: str) -> None:
    """What whoever runs the model should know and no column says: days that are missing, a value
    that was assumed."""
    listener = _LISTENER.get()
    if listener is not None:
        listener.remark(text)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hear what is said within."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)
