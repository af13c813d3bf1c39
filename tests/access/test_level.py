"""Data levels: what is above an account's level is not shown, whatever its roles."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tianmu.access import account as accounts
from tianmu.access import level, masking, token
from tianmu.access.role import PERMISSIONS, ROLES
from tianmu.access.session import Sessions
from tianmu.store.records import Records, Transaction

PERSONS = sorted(code for code, role in ROLES.items() if not role.machine)


def test_somebody_on_duty_may_read_what_is_quarantined_and_say_what_becomes_of_it() -> None:
    whole = {"quarantine.read", "quarantine.write", "restricted.read"}
    assert [code for code in PERSONS if whole <= ROLES[code].permissions] == ["duty_officer"]


@pytest.mark.parametrize("role", PERSONS)
def test_permissions_grow_with_the_level(
    records: Records, sessions: Sessions, clock: Any, role: str
) -> None:
    def make(tx: Transaction) -> str:
        accounts.create(tx.connection, "wang", "wang", at=clock())
        accounts.set_roles(tx.connection, "wang", [role])
        return token.issue(
            tx.connection, kind="api", account="wang", name="t", actor="t", at=clock()
        )[1]

    def lower(top: int, tx: Transaction) -> None:
        accounts.set_level(tx.connection, "wang", top)

    plain = records.transact(make)
    before: frozenset[str] = frozenset()
    for top in level.LEVELS:
        records.transact(partial(lower, top))
        sessions.forget("wang")
        who = sessions.token_principal(plain)
        assert who is not None and who.level == top and before <= who.permissions
        assert all(level.needed(one) <= top for one in who.permissions)
        assert masking.clears(who, "phone") == (top == level.PERSONAL)
        before = who.permissions
    assert before == ROLES[role].permissions  # the highest takes nothing away


def test_sets_and_fields_have_one() -> None:
    assert level.needed("report.reveal") == level.PERSONAL
    assert level.needed("report.read") == level.needed("audit.export") == level.SENSITIVE
    assert level.needed("case.read") == level.INTERNAL
    assert level.needed("report.write") == 0
    assert {name.partition(".")[0] for name in PERMISSIONS} >= level.SETS.keys()
    assert level.FIELDS.keys() == masking.RULES.keys()
