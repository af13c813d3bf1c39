"""The machine's own name can never be that of a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.access import account as accounts
from tianmu.access.account import AccountTaken
from tianmu.access.table import metadata
from tianmu.manage.actor import SYSTEM, Actor
from tianmu.store.records import Records


def test_no_account_is_named_like_the_machine(tmp_path: Path) -> None:
    with Records(tmp_path / "hub.sqlite") as records:
        records.create(metadata)
        with pytest.raises(AccountTaken):
            records.transact(
                lambda tx: accounts.create(tx.connection, SYSTEM.account, "nobody", at=1)
            )
    assert not Actor("system", ("system_admin",)).is_system
