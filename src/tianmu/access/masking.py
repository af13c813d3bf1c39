"""Personal data, shown only as far as needed.

One rule per sort of field, as data: which characters stay. The figures follow common practice and
are defaults, to be set by the city (sources disagree; no standard was compared). Lists, pushes and
exports always carry the masked form; the clear one is given by one action that needs the permission
``report.reveal`` and a reason, and is written to the audit trail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from tianmu.access.level import FIELDS
from tianmu.access.scope import Principal, may
from tianmu.facts.report import Report, Reporter

STAR = "*"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What of a field stays: so many characters at its beginning and end; the rest is starred."""

    first: int = 0
    last: int = 0
    stars: int = 0
    """so many stars whatever the length; 0 = one for each character hidden"""


RULES: Mapping[str, Rule] = {
    "name": Rule(first=1, stars=2),
    "phone": Rule(first=3, last=4, stars=4),
    "identity": Rule(first=6, last=4),
    "bank_card": Rule(last=4),
    "address": Rule(stars=3),
    "email": Rule(first=1, stars=3),
    "confidential": Rule(stars=3),
}
"""Defaults, to be set by the city."""

_IN_TEXT: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")),
    ("identity", re.compile(r"(?<![0-9A-Za-z])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])")),
    ("bank_card", re.compile(r"(?<![0-9])[0-9]{16,19}(?![0-9])")),
    (
        "bank_card",
        re.compile(
            r"(?<![0-9])[0-9]{4}([ -])(?:[0-9]{4}\1){2}[0-9]{1,4}(?:\1[0-9]{1,3})?(?![0-9])"
        ),
    ),
    ("phone", re.compile(r"(?<![0-9])1[3-9][0-9]([ -]?)[0-9]{4}\1[0-9]{4}(?![0-9])")),
    ("phone", re.compile(r"(?<![0-9])0[0-9]{2,3}-?[2-9][0-9]{6,7}(?![0-9])")),
    ("phone", re.compile(r"(?<![0-9A-Za-z])\+[1-9][0-9 -]{6,15}[0-9](?![0-9])")),
)
"""What in free text is surely somebody's: Chinese mobile and fixed numbers, international ones,
18-digit identity numbers (GB 11643), card numbers (ISO/IEC 7812), addresses of e-mail."""


_SUSPECT = re.compile(r"[0-9@]")
"""what every one of them holds"""


def mask(field: str, value: str, rules: Mapping[str, Rule] = RULES) -> str:
    """``value`` with the rule of ``field`` applied; a value too short to keep that much shows
    nothing of itself. Raises ``KeyError`` for a field that has no rule."""
    rule = rules[field]
    if not value:
        return ""
    if field == "email":
        user, at, domain = value.partition("@")
        return user[: rule.first] + STAR * (rule.stars or 3) + at + domain
    hidden = len(value) - rule.first - rule.last
    if hidden <= 0:
        return STAR * max(len(value), 2)
    end = value[len(value) - rule.last :] if rule.last else ""
    return value[: rule.first] + STAR * (rule.stars or hidden) + end


def mask_address(address: str, keep: Iterable[str], rules: Mapping[str, Rule] = RULES) -> str:
    """An address up to and including the last of the place names in ``keep`` (those of the city's
    upper tiers) that it contains; house and door are starred."""
    if not address:
        return ""
    end = max((address.rfind(name) + len(name) for name in keep if name in address), default=0)
    return address[:end] + STAR * (rules["address"].stars or 3)


def _masked(field: str, rules: Mapping[str, Rule], found: re.Match[str]) -> str:
    return mask(field, found[0], rules)


def mask_text(text: str, rules: Mapping[str, Rule] = RULES) -> str:
    """Free text with every number and address in it that is surely somebody's masked."""
    if _SUSPECT.search(text) is None:
        return text
    for field, pattern in _IN_TEXT:
        if field == "email" and "@" not in text:
            continue
        text = pattern.sub(partial(_masked, field, rules), text)
    return text


def mask_data(value: Any, rules: Mapping[str, Rule] = RULES) -> Any:
    """Data of a case's event with every text in it masked, and without who was on duty; whoever
    was called keeps the account, and of the name what the rule leaves."""
    if isinstance(value, str):
        return mask_text(value, rules)
    if isinstance(value, Mapping):
        found = {str(k): mask_data(one, rules) for k, one in value.items() if k != "persons"}
        if "account" in found and isinstance(found.get("name"), str):
            found["name"] = mask("name", found["name"], rules)
        return found
    if isinstance(value, list | tuple):
        return [mask_data(one, rules) for one in value]
    return value


def mask_report(
    report: Report, keep: Iterable[str] = (), rules: Mapping[str, Rule] = RULES
) -> Report:
    """The report as lists and pushes show it. One told in confidence shows nothing of who told."""
    who = report.reporter
    sort = "confidential" if who.confidential else ""
    return msgspec.structs.replace(
        report,
        title=mask_text(report.title, rules),
        text=mask_text(report.text, rules),
        reporter=Reporter(
            name=mask(sort or "name", who.name, rules),
            phone=mask(sort or "phone", who.phone, rules),
            account=mask("confidential", who.account, rules) if sort else who.account,
            confidential=who.confidential,
        ),
        place=msgspec.structs.replace(
            report.place, address=mask_address(report.place.address, keep, rules)
        ),
        data={
            key: mask_text(value, rules) if isinstance(value, str) else value
            for key, value in report.data.items()
        },
    )


def clears(principal: Principal, field: str) -> bool:
    """Whether the account's data level reaches that of the field at all."""
    return FIELDS[field] <= principal.level


def may_reveal(principal: Principal, report: Report) -> bool:
    """Whether this account may see the report unmasked at all (it must still say why). Its
    division is held against the scope by the caller, who knows it."""
    return (
        may(principal, "report.reveal")
        and clears(principal, "phone")
        and (not report.reporter.confidential or "commander" in principal.roles)
    )
