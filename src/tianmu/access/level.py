"""Data levels: how far what is shown can harm, and up to which level an account sees.

Four, as GB/T 43697-2024 has them for general data (known here in secondary sources only): a set of
data has one, a field may have a higher one. A permission that shows a set is granted to an account
only if its level reaches that of the set, whatever its roles: this is decided where a session
becomes a ``Principal``, so every route, query and push that asks for a permission keeps to it.
Which set has which level is a default, to be set by the city.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tianmu.facts.text import Text

PUBLIC, INTERNAL, SENSITIVE, PERSONAL = 1, 2, 3, 4

LEVELS: Mapping[int, Text] = {
    PUBLIC: {"zh": "公开", "en": "Public"},
    INTERNAL: {"zh": "内部", "en": "Internal"},
    SENSITIVE: {"zh": "敏感", "en": "Sensitive"},
    PERSONAL: {"zh": "个人信息", "en": "Personal"},
}

SETS: Mapping[str, int] = {
    "city": PUBLIC,
    "warning": PUBLIC,
    "report": SENSITIVE,
    "quarantine": SENSITIVE,
    "restricted": SENSITIVE,
    "account": SENSITIVE,
    "audit": SENSITIVE,
    "patrol": SENSITIVE,
}
"""set of data (what a permission begins with) → level; those not named are internal"""

SHOWS = frozenset({"read", "reveal", "export", "print"})
"""ends of permissions that show data; writing is not limited by a level"""

FIELDS: Mapping[str, int] = {
    "name": PERSONAL,
    "phone": PERSONAL,
    "identity": PERSONAL,
    "bank_card": PERSONAL,
    "address": PERSONAL,
    "email": PERSONAL,
    "confidential": PERSONAL,
}
"""sort of field (``masking`` has a rule for each) → level; above an account's it stays masked"""


def needed(permission: str) -> int:
    """The level that an account must reach for a permission to hold; 0 where it shows nothing."""
    data, _, deed = permission.partition(".")
    if deed not in SHOWS:
        return 0
    return PERSONAL if deed == "reveal" else SETS.get(data, INTERNAL)


def within(permissions: Iterable[str], level: int) -> frozenset[str]:
    """Those of the permissions that an account of this level has."""
    return frozenset(one for one in permissions if needed(one) <= level)
