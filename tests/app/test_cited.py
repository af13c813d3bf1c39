"""Which messages of others must stay: those that a case or a warning of ours cites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tianmu.app.cited import Cited
from tianmu.facts.bulletin import Bulletin, Part
from tianmu.facts.warning import Content, WarningEvent
from tianmu.manage.kept import table as case_table
from tianmu.prevent.alarm.table import ALARM, METADATA
from tianmu.prevent.warning import table as warnings
from tianmu.store.records import Records

HOUR = 3_600_000_000


def message(name: str, start: int, event: str = "rainstorm") -> Bulletin:
    part = Part(
        event=event, event_name={}, severity="Severe", urgency="Expected", certainty="Likely",
        start=start * HOUR, until=(start + 6) * HOUR,
    )  # fmt: skip
    return Bulletin(
        bulletin=name, source="bureau", sender="bureau@example", identifier=f"id-{name}", sent=0,
        kind="Alert", status="Actual", parts=(part,), received=0,
    )  # fmt: skip


def row(table: sa.Table, **told: Any) -> dict[str, Any]:
    """A row with as little as its columns ask for."""
    empty = {sa.Text: "", sa.String: "", sa.LargeBinary: b""}
    found = {c.name: empty.get(type(c.type), 0) for c in table.columns if not c.nullable}
    return {**found, **told}


MESSAGES = [
    message("b1", 10), message("b2", 100), message("b3", 10, "gale"), message("b4", 200),
]  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    hub, watch = Records(tmp_path / "hub.sqlite"), Records(tmp_path / "watch.sqlite")
    hub.create(case_table.metadata)
    hub.create(warnings.metadata)
    watch.create(METADATA)
    alarms = [
        ("in-a-case", "warned-city/rainstorm", 12), ("in-none", "warned-city/rainstorm", 101),
        ("other", "sewer/rainstorm", 102),
    ]  # fmt: skip
    watch.transact(
        lambda tx: tx.connection.execute(
            sa.insert(ALARM),
            [
                row(ALARM, alarm=alarm, identity=alarm, device=stream.split("/")[0],
                    datastream=stream, observed_at=at * HOUR)
                for alarm, stream, at in alarms
            ],
        )
    )  # fmt: skip
    member = case_table.member
    hub.transact(
        lambda tx: tx.connection.execute(
            sa.insert(member),
            [row(member, kind="alarm", id=one, serial=1) for one in ("in-a-case", "other")],
        )
    )
    drafted = WarningEvent(
        warning="w1", sequence=1, step="draft", at=1, actor="x",
        content=Content(
            event="gale", colour="blue", headline={"en": "Gale"}, expires=1, divisions=("d",),
            source="bureau@example id-b4",
        ),
    )  # fmt: skip
    hub.transact(lambda tx: warnings.append(tx, drafted))
    hub.close()
    watch.close()
    return tmp_path


def test_what_a_case_or_a_warning_cites_must_stay(data: Path) -> None:
    assert Cited(data)(MESSAGES, ["warned-city"]) == {"b1", "b4"}
    assert Cited(data)(MESSAGES, []) == {"b4"}


def test_where_it_cannot_be_said_nothing_is_let_go(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        Cited(tmp_path)(MESSAGES, ["warned-city"])
    Records(tmp_path / "hub.sqlite").close()
    Records(tmp_path / "watch.sqlite").close()
    with pytest.raises(OSError, match="cite"):
        Cited(tmp_path)(MESSAGES, ["warned-city"])
