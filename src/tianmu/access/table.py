"""Tables of this room (in ``hub.sqlite``). Times are µs since the epoch; 0 means "never"."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
)

metadata = MetaData()

account = Table(
    "account",
    metadata,
    Column("account", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("language", String, nullable=False, default="zh"),
    Column("phone", String, nullable=False, default=""),
    Column("division", String, nullable=False, default=""),  # empty: the whole city
    Column("department", String, nullable=False, default=""),
    Column("tier", Integer, nullable=False, default=1),
    Column("level", Integer, nullable=False, default=4, server_default="4"),  # of data it sees
    Column("probe", String, nullable=False, default=""),
    Column("active", Integer, nullable=False, default=1),
    Column("password", String, nullable=False, default=""),  # Argon2id; empty: none was set
    Column("password_at", BigInteger, nullable=False, default=0),
    # of earlier releases, which counted here: attempts have a table of their own
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", BigInteger, nullable=False, default=0),
    Column("locks", Integer, nullable=False, default=0, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, default=0),
    Column("version", Integer, nullable=False, default=1),
)

account_role = Table(
    "account_role",
    metadata,
    Column("account", String, ForeignKey("account.account"), primary_key=True),
    Column("role", String, primary_key=True),
)

password_past = Table(
    "password_past",
    metadata,
    Column("account", String, ForeignKey("account.account"), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("password", String, nullable=False),
)

link = Table(
    "access_link",
    metadata,
    Column("digest", String, primary_key=True),
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False, default=0),
    Column("actor", String, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("digest", String, primary_key=True),
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("kind", String, nullable=False),
    Column("token", String, nullable=False, default=""),  # kiosk sessions die with their token
    Column("address", String, nullable=False, default=""),
    Column("agent", String, nullable=False, default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=False, default=0),
    Column("way", String, nullable=False, server_default=""),  # password, link or token
    Index("session_account", "account"),
)

token = Table(
    "access_token",
    metadata,
    Column("token", String, primary_key=True),  # public name, safe to show
    Column("digest", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("name", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, default=0),  # 0: until revoked
    Column("revoked_at", BigInteger, nullable=False, default=0),
    Index("access_token_account", "account"),
)

audit = Table(
    "audit",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("role", String, nullable=False),
    Column("address", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("object", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", Text, nullable=False),  # JSON, exactly the bytes that were hashed
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_actor", "actor", "sequence"),
    Index("audit_object", "object", "sequence"),
)

# What was written stays: the file itself refuses changes to the trail. The chain of hashes shows
# those made by someone who removes these triggers first.
for _verb in ("UPDATE", "DELETE"):
    event.listen(
        audit,
        "after_create",
        DDL(
            f"CREATE TRIGGER IF NOT EXISTS audit_no_{_verb.lower()} BEFORE {_verb} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )
