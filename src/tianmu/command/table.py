"""Tables of this room (in ``hub.sqlite``). Times are µs since the epoch; 0 means "never"."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

from tianmu.store.partial import partial

metadata = MetaData()

READER = "webhooks"
"""who reads topics ``case`` and ``warning`` here"""

webhook = Table(
    "webhook",
    metadata,
    Column("webhook", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("department", String, nullable=False),
    Column("url", String, nullable=False),  # empty: none was approved yet
    Column("events", JSON, nullable=False),  # steps of cases; empty: all that concern it
    Column("on", Integer, nullable=False),
    Column("note", String, nullable=False),  # why it is off
    Column("since", BigInteger, nullable=False),  # position of topic case it was switched on at
    Column("secret", String, nullable=False),  # sealed
    Column("older", String, nullable=False),  # the one before, sealed
    Column("older_until", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column(
        "proposed", String, nullable=False, server_default=""
    ),  # address that waits for approval
    Column("proposed_by", String, nullable=False, server_default=""),
)

delivery = Table(
    "webhook_delivery",
    metadata,
    Column("delivery", String, primary_key=True),  # the webhook-id, the same at every try
    Column("webhook", String, nullable=False),
    Column("serial", Integer, nullable=False),  # of the case; 0: a test; below: a warning
    Column("position", BigInteger, nullable=False),  # of the event in topic case
    Column("sequence", Integer, nullable=False),  # of the event in its case
    Column("type", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String, nullable=False),  # waiting, done, dead, discarded
    Column("made_at", BigInteger, nullable=False),
    Column("first_at", BigInteger, nullable=False),  # of the first try
    Column("next_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("status", Integer, nullable=False),  # of the last answer, 0: none came
    Column("error", String, nullable=False),
    Column("reason", String, nullable=False),  # why it was discarded
    Column("actor", String, nullable=False),  # who redelivered or discarded it last
    Column("contact", String, nullable=False, server_default=""),  # a summons: the ladder it is of
    Column("until", BigInteger, nullable=False, server_default="0"),  # no use after that
)
_waiting = text("state = 'waiting'")
partial("webhook_delivery_due", _waiting, delivery.c.webhook, delivery.c.next_at)
partial(
    "webhook_delivery_case",
    _waiting,
    delivery.c.webhook,
    delivery.c.serial,
    delivery.c.position,
)
SUMMONS = ("contact.call", "contact.message")
"""types of messages by which a gateway reaches a person"""
OF_SUMMONS = text("type IN ('contact.call', 'contact.message')")
partial(
    "webhook_delivery_summons",
    OF_SUMMONS,
    delivery.c.webhook,
    delivery.c.serial,
    delivery.c.sequence,
)
partial("webhook_delivery_ladder", OF_SUMMONS, delivery.c.contact)
CALLING = text("type IN ('contact.call', 'contact.message') AND state = 'waiting'")
partial("webhook_delivery_until", CALLING, delivery.c.webhook, delivery.c.until)
OF_WARNING = text("serial < 0")
partial("webhook_delivery_warning", OF_WARNING, delivery.c.serial, delivery.c.sequence)
Index("webhook_delivery_state", delivery.c.webhook, delivery.c.state, delivery.c.made_at)
Index("webhook_delivery_settled", delivery.c.state, delivery.c.settled_at)

told = Table(
    "webhook_case",
    metadata,
    Column("webhook", String, primary_key=True),
    Column("serial", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Cases a receiver was told of: it is told when one is no longer its department's."""

host = Table(
    "webhook_host",
    metadata,
    Column("host", String, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
)
"""Hosts and networks that may be called though they are not public."""

number = Table(
    "order_number",
    metadata,
    Column("order", String, primary_key=True),
    Column("number", String, nullable=False),
    Column("account", String, nullable=False),
    Column("at", BigInteger, nullable=False),
)
"""What a department's own system calls an order."""
