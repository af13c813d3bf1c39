"""The HTTP API, a file per noun. Each route says what permission it needs and what it gives."""

from tianmu.web.api import (
    accounts,
    alarms,
    audit,
    bulk,
    cases,
    city,
    devices,
    intake,
    metrics,
    pack,
    push,
    reports,
    rules,
    session,
    shifts,
    sources,
    tiles,
    vitals,
)
from tianmu.web.route import Routes

NOUNS: tuple[Routes, ...] = tuple(
    module.routes
    for module in (
        session,
        city,
        vitals,
        push,
        tiles,
        alarms,
        cases,
        reports,
        bulk,
        devices,
        intake,
        sources,
        rules,
        shifts,
        accounts,
        pack,
        audit,
        metrics,
    )
)
"""In the order in which routes are tried."""
