"""Which cases call somebody, as an account may see them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from tianmu.access.scope import Scope
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table as case_table


def waiting(connection: Connection, account: str, scope: Scope, most: int) -> list[str]:
    """Cases within the scope whose ladders wait for an answer: those of the first ``most`` ladders,
    the account's own first, then those at their end, then by when they go on. What is out of sight
    takes nothing of that number."""
    c, case = case_table.contact.c, case_table.case.c
    asked = sa.select(c.serial).where(case_table.WAITING)
    if not scope.whole:
        seen = sa.select(case.serial).where(case.serial == c.serial, case_query.within(scope))
        asked = asked.where(seen.exists())
    order = (c.account != account, c.state == "running", c.due, c.serial)
    serials = connection.scalars(asked.order_by(*order).limit(most))
    return list(dict.fromkeys(case_table.case_id(serial) for serial in serials))
