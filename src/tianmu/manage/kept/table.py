"""Tables of this room (in ``hub.sqlite``): what the events of topic ``case`` add up to.

Every row but those of ``report``, ``handover``, ``handover_item``, ``case_gathered``,
``case_bridge`` and ``case_unread`` can be rebuilt from the events (``rebuild``), and what
``case_counter`` counts of them. Times are µs since the epoch.
"""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    cast,
    func,
    select,
    text,
)

from tianmu.store.partial import partial

metadata = MetaData()

NEVER = 1 << 62
LONGEST = 19
"""signs of a case id: its number is one that a table can hold"""
"""in ``due``: no limit is running"""

case = Table(
    "case_state",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("number", String, nullable=False),
    Column("open", Integer, nullable=False),
    Column("stage", String, nullable=False),
    Column("level", String, nullable=False),
    Column("level_number", Integer, nullable=False),
    Column("lead", String, nullable=False),
    Column("division", String, nullable=False),
    Column("matter", String, nullable=False),
    Column("queue", String, nullable=False),
    Column("probe", String, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, nullable=False),  # 0: open
    Column("due", BigInteger, nullable=False),
    # from when on that limit is due soon: its clock's warning
    Column("soon", BigInteger, nullable=False, server_default=str(NEVER)),
    Column("words", String, nullable=False),  # number, title and text, folded, for search
    Column("state", LargeBinary, nullable=False),  # CaseState as msgpack: ``state_bytes.head``
)
bulk = Table(
    "case_bulk",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("bytes", LargeBinary, nullable=False),
)
"""Of open cases what seldom changes: ``state_bytes.bulk``."""
_beside = select(bulk.c.bytes).where(bulk.c.serial == case.c.serial).correlate(case)
STATE = cast(
    case.c.state.op("||")(func.coalesce(_beside.scalar_subquery(), b"")), LargeBinary
).label("state")
"""A case whole, as ``ledger.decode_state`` reads it: not ``case.c.state`` alone."""
OPEN = text("open = 1")
"""the condition of indexes over open cases: in a query it has to stand in the same words"""
CLOSED = text("open = 0")
QUEUED = text("queue <> ''")


# Every question names the probe (empty: real cases), so that it stands first; but what lists cases
# of all kinds in an order has to walk that order, which ``case_query`` asks for.
partial("case_open_due", OPEN, case.c.probe, case.c.due, case.c.serial)
partial("case_open_gravity", OPEN, case.c.probe, case.c.level_number, case.c.serial)
partial("case_open_newest", OPEN, case.c.probe, case.c.serial)
partial("case_open_level", OPEN, case.c.probe, case.c.level, case.c.due, case.c.serial)
partial(
    "case_open_count",
    OPEN,
    case.c.probe,
    case.c.lead,
    case.c.stage,
    case.c.level,
    case.c.due,
    case.c.soon,
)
Index("case_due", case.c.due, case.c.serial)
Index("case_gravity", case.c.level_number, case.c.serial)
partial("case_closed_newest", CLOSED, case.c.probe, case.c.serial)
Index("case_stage", case.c.probe, case.c.stage, case.c.due, case.c.serial)
Index("case_level", case.c.probe, case.c.level, case.c.level_number, case.c.serial)
Index("case_division", case.c.probe, case.c.division, case.c.serial)
Index("case_matter", case.c.probe, case.c.matter, case.c.serial)
partial("case_queue", QUEUED, case.c.probe, case.c.queue, case.c.due, case.c.serial)
Index("case_state_number", case.c.number, unique=True)
Index("case_opened", case.c.probe, case.c.opened_at)
Index("case_closed", case.c.probe, case.c.closed_at)


event = Table(
    "case_event",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),  # in topic case, where the event itself is
    sqlite_with_rowid=False,
)

member = Table(
    "case_member",
    metadata,
    Column("kind", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),  # of the event that brought it
    Column("joined_at", BigInteger, nullable=False),
    Column("score", Float, nullable=False),
    Column("returned", Integer, nullable=False),
    Column("told", LargeBinary, nullable=False),  # msgpack: (Signal.told, reasons)
)
Index("case_member_case", member.c.serial, member.c.sequence)

party = Table(
    "case_party",
    metadata,
    Column("department", String, primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Departments a case concerns (``case/parties.py``)."""
Index("case_party_case", party.c.serial)

order = Table(
    "case_order",
    metadata,
    Column("order", String, primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("unit", String, nullable=False),
    Column("state", String, nullable=False),
    Column("due", BigInteger, nullable=False),
)
Index("case_order_case", order.c.serial)
Index("case_order_unit", order.c.unit, order.c.state, order.c.due)

sent = Table(
    "case_sent",
    metadata,
    Column("order", String, primary_key=True),
    Column("serial", Integer, nullable=False),
    Column("force", String, nullable=False),
    Column("state", String, nullable=False),
)
"""Orders that name the unit which goes: what each has to do."""
Index("case_sent_case", sent.c.serial)
Index("case_sent_force", sent.c.force, sent.c.state)

ruling = Table(
    "case_ruling",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger, nullable=False),  # 0: it stands
)
"""Cases on which it was ruled who answers from then on."""

evidence = Table(
    "case_evidence",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("digest", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("told", JSON, nullable=False),
    sqlite_with_rowid=False,
)

Index("case_evidence_digest", evidence.c.digest)

report = Table(
    "report",
    metadata,
    Column("report", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("channel", String, nullable=False),
    Column("matter", String, nullable=False),
    Column("division", String, nullable=False),
    Column("probe", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the fact, personal data included
)
Index("report_position", report.c.position, unique=True)

handover = Table(
    "handover",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("post", String, nullable=False),
    Column("from_account", String, nullable=False),
    Column("to_account", String, nullable=False),
    Column("text", String, nullable=False),
    Column("open", JSON, nullable=False),  # what was open as it was handed over
    Column("taken_at", BigInteger, nullable=False),  # 0: not yet
    Column("digest", String, nullable=False),
    Column("taken_digest", String, nullable=False),
)

gathered = Table(
    "case_gathered",
    metadata,
    Column("account", String, primary_key=True),
    Column("by", String, primary_key=True),  # message or call
    Column("begun", BigInteger, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("gravest", Integer, nullable=False),  # level number of what was sent, 0: nothing was
    Column("waiting", Integer, nullable=False),
    Column("serial", Integer, nullable=False),  # of the gravest case that waits, 0: none
    Column("unit", String, nullable=False),
    Column("level", Integer, nullable=False, server_default="0"),  # level number of that case
)
"""How often plans have told each person of late, and of how many cases they will be told."""

bridge = Table(
    "case_bridge",
    metadata,
    Column("place", Integer, primary_key=True),  # in their order
    Column("one", String, nullable=False),
    Column("other", String, nullable=False),
)
"""Pairs of cases that wait to be put together with the next work (``desk/waiting.py``)."""

contact = Table(
    "case_contact",
    metadata,
    Column("serial", Integer, primary_key=True, autoincrement=False),
    Column("contact", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("account", String, nullable=False),
    Column("due", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Contact ladders of cases; those that wait for an answer are asked for all the time."""
WAITING = text("state IN ('running', 'exhausted')")
Index(
    "case_contact_waiting",
    contact.c.due,
    contact.c.serial,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)

handover_item = Table(
    "handover_item",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("item", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("digest", String, nullable=False),
)
"""What of a hand-over was confirmed, item by item, each in the chain of the one before."""

unread = Table(
    "case_unread",
    metadata,
    Column("topic", String, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("error", String, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
"""Facts this room could not make sense of: kept with the reason, never dropped."""

counter = Table(
    "case_counter",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
SERIAL, SIGNALS, GENERATION = "serial", "signals", "generation"
"""counters of cases, of signals and of the times that cases were written; beside them one of each
day's numbers"""


def case_id(serial: int) -> str:
    """The stable id of the case with this serial number."""
    return f"c{serial}"


def serial_of(case: str) -> int:
    """The serial number in a case id; −1 where it is none."""
    return _serial_of(case) if len(case) <= LONGEST else -1


@lru_cache(maxsize=16_384)
def _serial_of(case: str) -> int:
    """Remembered: in a storm it is asked for six times for each signal."""
    digits = case[1:]
    return int(digits) if case[:1] == "c" and digits.isascii() and digits.isdigit() else -1
