"""Who may do what to which: the one place where it is decided.

A permission comes from the roles, a scope from the account's division and department. Every
query, push and action asks here: ``may`` for one object, ``restrict`` for SQL, ``lookup`` for
columns by number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, or_, true

from tianmu.access.role import ROLES


@dataclass(frozen=True)
class Scope:
    """What part of the city an account sees. ``None`` = no limit of that sort."""

    divisions: frozenset[str] | None = None
    """codes of the account's division and all below it"""
    departments: frozenset[str] | None = None
    """codes of the account's department and all below it"""
    probe: str = ""
    """a probe's account sees and touches only what its own probe made"""

    @property
    def whole(self) -> bool:
        """Sees everything."""
        return self.divisions is None and self.departments is None and not self.probe


WHOLE = Scope()


@dataclass(frozen=True)
class Extent:
    """Where an object stands: what a scope is held against."""

    division: str = ""
    departments: tuple[str, ...] = ()
    """its owner, those who join in, those who hold an order"""
    probe: str = ""


@dataclass(frozen=True)
class Principal:
    """Who is asking: an account in a session, or a program with a token."""

    account: str
    name: str
    roles: tuple[str, ...]
    permissions: frozenset[str]
    scope: Scope
    kind: str
    """``person``, ``kiosk`` or ``token``"""
    division: str = ""
    department: str = ""
    tier: int = 1
    level: int = 4
    """highest data level it sees; ``permissions`` keep to it already"""
    probe: str = ""
    language: str = "zh"
    session: str = ""
    """digest of the session, or name of the token: never the secret itself"""
    password: str = "good"  # noqa: S105 - a state, not a secret
    """``good``, ``none`` (came by a one-time link) or ``expired``: then nothing else is allowed"""
    factor: str = "good"
    """``good``, ``asked`` (a second one is, soon) or ``needed``: then nothing else is allowed"""

    @property
    def role(self) -> str:
        """The first role: the one written beside the name."""
        return self.roles[0] if self.roles else ""


def below(code: str, parents: Mapping[str, str]) -> frozenset[str]:
    """``code`` and all that stand below it; ``parents`` maps a code to the one above it."""
    children: dict[str, list[str]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found: set[str] = set()
    waiting = [code]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(children.get(one, ()))
    return frozenset(found)


def scope_of(
    roles: Sequence[str],
    division: str,
    department: str,
    probe: str,
    *,
    divisions: Mapping[str, str],
    departments: Mapping[str, str],
) -> Scope:
    """The scope of an account. ``divisions`` and ``departments`` map a code to its parent ("" at
    the top). The division at the top is the whole city; a department limits only those all of
    whose roles look by department."""
    top = division and not divisions.get(division, "") and division in divisions
    by_department = bool(roles) and all(
        ROLES[role].by_department for role in roles if role in ROLES
    )
    return Scope(
        divisions=None if not division or top else below(division, divisions),
        departments=None
        if not by_department
        else below(department, departments)
        if department
        else frozenset(),
        probe=probe,
    )


def covers(scope: Scope, extent: Extent) -> bool:
    """Whether the object stands within the scope. One without a division is seen by those with no
    limit of division only."""
    if scope.probe and extent.probe != scope.probe:
        return False
    if scope.divisions is not None and extent.division not in scope.divisions:
        return False
    return scope.departments is None or not scope.departments.isdisjoint(extent.departments)


def includes(scope: Scope, other: Scope) -> bool:
    """Whether whoever has ``scope`` sees all that ``other`` sees."""

    def wider(mine: frozenset[str] | None, theirs: frozenset[str] | None) -> bool:
        return mine is None or (theirs is not None and mine >= theirs)

    return (
        scope.probe in ("", other.probe)
        and wider(scope.divisions, other.divisions)
        and wider(scope.departments, other.departments)
    )


def may(principal: Principal, permission: str, extent: Extent | None = None) -> bool:
    """Whether ``principal`` has the permission, and for this object if one is given."""
    return permission in principal.permissions and (
        extent is None or covers(principal.scope, extent)
    )


def restrict(
    scope: Scope,
    *,
    division: ColumnElement[Any] | None = None,
    departments: Iterable[ColumnElement[Any]] = (),
    owned: Callable[[list[str]], ColumnElement[bool]] | None = None,
    probe: ColumnElement[Any] | None = None,
) -> ColumnElement[bool]:
    """The scope as an SQL condition over the columns that hold an object's extent; ``owned`` gives
    the condition that one of some departments has a part in it, where that is no column. A column
    that is not given cannot be limited, so a limit of that sort lets nothing through."""
    conditions: list[ColumnElement[bool]] = []
    if scope.probe:
        conditions.append(probe == scope.probe if probe is not None else ~true())
    if scope.divisions is not None:
        conditions.append(
            division.in_(sorted(scope.divisions)) if division is not None else ~true()
        )
    if scope.departments is not None:
        wanted = sorted(scope.departments)
        owners: list[ColumnElement[bool]] = [column.in_(wanted) for column in departments]
        if owned is not None:
            owners.append(owned(wanted))
        conditions.append(or_(*owners) if owners else ~true())
    return and_(true(), *conditions)


def lookup(codes: Sequence[str], allowed: frozenset[str] | None) -> NDArray[np.bool_]:
    """For each code of a list, whether it is allowed: ``lookup(...)[column]`` limits a column of
    numbers into that list."""
    if allowed is None:
        return np.ones(len(codes), dtype=np.bool_)
    return np.fromiter((code in allowed for code in codes), dtype=np.bool_, count=len(codes))
