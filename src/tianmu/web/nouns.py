"""All routes of the API, in the order in which they are tried."""

from tianmu.web.api import (
    accounts,
    alarms,
    asking,
    audit,
    bulk,
    case_steps,
    case_whole,
    cases,
    city,
    devices,
    history,
    intake,
    metrics,
    pack,
    push,
    report_taking,
    reports,
    rules,
    session,
    shifts,
    sources,
    tiles,
    tokens,
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
        case_whole,
        case_steps,
        reports,
        report_taking,
        bulk,
        devices,
        asking,
        history,
        intake,
        sources,
        rules,
        shifts,
        accounts,
        tokens,
        pack,
        audit,
        metrics,
    )
)
