"""Tables of second factors, of failed attempts, and of who signs in elsewhere (in
``hub.sqlite``). Times are µs since the epoch; 0 means "never"."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from tianmu.access.table import metadata

factor = Table(
    "access_factor",
    metadata,
    Column("factor", String, primary_key=True),  # public name, safe to show
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("kind", String, nullable=False),
    Column("name", String, nullable=False),
    Column("secret", String, nullable=False),  # totp: sealed; passkey: its public key, base64
    Column("credential", String, nullable=False, default=""),
    Column("site", String, nullable=False, default=""),
    Column("step", BigInteger, nullable=False, default=-1),  # last one taken, or the count
    Column("created_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False, default=0),
    Column("used_at", BigInteger, nullable=False, default=0),
    Index("access_factor_account", "account"),
    Index("access_factor_credential", "credential"),
)

recovery = Table(
    "access_recovery",
    metadata,
    Column("digest", String, primary_key=True),
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=False, default=0),
    Index("access_recovery_account", "account"),
)

attempt = Table(
    "access_attempt",
    metadata,
    Column("account", String, primary_key=True),  # empty: all of them
    Column("factor", String, primary_key=True),
    Column("line", String, primary_key=True),  # of an address; empty: all of them
    Column("failures", Integer, nullable=False, default=0),
    Column("locks", Integer, nullable=False, default=0),  # since it last got in
    Column("at", BigInteger, nullable=False),
    Column("locked_until", BigInteger, nullable=False, default=0),
    Index("access_attempt_at", "at"),
)

identity = Table(
    "access_identity",
    metadata,
    Column("issuer", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("account", String, ForeignKey("account.account"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("access_identity_account", "account"),
)
