"""Filters of the queue that a person keeps under a name, for themselves or for their post."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import Depends

from tianmu.manage.case.state import STAGES
from tianmu.store.records import Transaction
from tianmu.web.answer.page import Page
from tianmu.web.answer.problem import Problem, not_found
from tianmu.web.hub import Hub
from tianmu.web.route.route import Ask, Asking, Routes, taken

routes = Routes("filters")
metadata = sa.MetaData()
kept = sa.Table(
    "saved_filter",
    metadata,
    sa.Column("filter", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False, index=True),
    sa.Column("role", sa.String, nullable=False, index=True),  # shared with those who hold it
    sa.Column("name", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("choice", sa.LargeBinary, nullable=False),
)
MOST = 50
"""of one account"""
QUEUES = ("all", "overdue", "soon", "today", "disputed", "nobody", "returned", "mine")
"""of the desk: ``ui/src/pages/desk/queues.ts``"""
Short = Annotated[str, msgspec.Meta(max_length=100)]


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is shown; what is empty is not asked for."""

    queue: Short = ""
    """one of ``QUEUES``"""
    words: Short = ""
    level: Short = ""
    stage: Short = ""
    department: Short = ""
    """its code"""
    newest: bool = False


class NewFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    choice: Choice
    share: bool = False
    """with all who hold the account's first role"""


class FilterSaid(msgspec.Struct, frozen=True, kw_only=True):
    filter: str
    name: str
    choice: Choice
    mine: bool
    shared: bool
    by: str
    """what the person who keeps it is called"""


def bring(hub: Hub) -> None:
    """The table, when hub starts."""
    hub.records.create(metadata)


def _seen(ask: Ask) -> sa.ColumnElement[bool]:
    return sa.or_(kept.c.account == ask.who.account, kept.c.role.in_(ask.who.roles))


def _said(ask: Ask, rows: Sequence[sa.Row[Any]]) -> list[FilterSaid]:
    names = ask.hub.names_of({row.account for row in rows})
    return [
        FilterSaid(
            filter=row.filter,
            name=row.name,
            choice=msgspec.msgpack.decode(row.choice, type=Choice),
            mine=row.account == ask.who.account,
            shared=bool(row.role),
            by=names.get(row.account, row.account),
        )
        for row in rows
    ]


@routes("GET", "/api/filters", may="case.read", gives=Page[FilterSaid])
def list_filters(ask: Asking) -> Page[FilterSaid]:
    """The account's own filters and those shared with its roles, by name."""
    rows = ask.hub.records.read(
        lambda connection: list(
            connection.execute(sa.select(kept).where(_seen(ask)).order_by(kept.c.name, kept.c.at))
        )
    )
    return Page(items=_said(ask, rows))


@routes(
    "POST",
    "/api/filters",
    may="case.read",
    takes=NewFilter,
    gives=FilterSaid,
    status=201,
    example={"name": "Gas, overdue", "choice": {"queue": "overdue", "department": "fire"}},
)
def keep_filter(ask: Asking, body: Annotated[NewFilter, Depends(taken(NewFilter))]) -> FilterSaid:
    """Keep a filter; one of the account's that has the name is replaced.

    What no case could be in (a level, a stage, a queue, a department that there is not) is
    refused."""
    _known(ask, body)
    name = uuid.uuid4().hex[:12]
    mine = kept.c.account == ask.who.account

    def write(tx: Transaction) -> None:
        tx.connection.execute(sa.delete(kept).where(mine, kept.c.name == body.name))
        there = tx.connection.scalar(sa.select(sa.func.count()).select_from(kept).where(mine))
        if (there or 0) >= MOST:
            raise Problem(409, "too-many", f"this account keeps {MOST} filters", "remove one first")
        tx.connection.execute(
            sa.insert(kept).values(
                filter=name,
                account=ask.who.account,
                role=ask.who.role if body.share else "",
                name=body.name,
                at=ask.hub.clock(),
                choice=msgspec.msgpack.encode(body.choice),
            )
        )
        ask.note(tx, "filter.keep", name, name=body.name, shared=body.share)

    ask.hub.records.transact(write)
    return FilterSaid(
        filter=name,
        name=body.name,
        choice=body.choice,
        mine=True,
        shared=body.share,
        by=ask.who.name,
    )


def _known(ask: Ask, body: NewFilter) -> None:
    """Refused where a choice is none of those there are: it would never show anything."""
    if not body.name.strip():
        raise Problem(422, "invalid", "body.name is empty", "give the filter a name")
    city, asked = ask.hub.city, body.choice
    known: dict[str, tuple[str, Sequence[str]]] = {
        "queue": (asked.queue, QUEUES),
        "level": (asked.level, [one.name for one in city.profile.levels]),
        "stage": (asked.stage, STAGES),
        "department": (asked.department, sorted(city.departments)),
    }
    for name, (given, choices) in known.items():
        if given and given not in choices:
            raise Problem(
                422, "invalid", f"there is no {name} {given!r}", f"use one of {', '.join(choices)}"
            )


@routes("DELETE", "/api/filters/{filter}", may="case.read")
def drop_filter(ask: Asking, filter: str) -> None:
    """Remove one of the account's own filters."""

    def write(tx: Transaction) -> int:
        gone = tx.connection.execute(
            sa.delete(kept).where(kept.c.filter == filter, kept.c.account == ask.who.account)
        ).rowcount
        if gone:
            ask.note(tx, "filter.drop", filter)
        return gone

    if not ask.hub.records.transact(write):
        raise not_found("filter", filter)
