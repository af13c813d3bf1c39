"""Roles and permissions as data. A role is a name for a set of permissions, nothing more.

The three administrators exclude each other (GB/T 22239-2019 §8.1.4.2 d; the division of their
work is a default, to be set by the city): the system administrator makes accounts but grants
nothing and reads no trail, the security administrator grants but makes none, the audit
administrator only reads.

The two axes of the field (GB/T 30428, CJJ/T 106) are two roles: the acceptor collects and evaluates
(takes in, files, checks, closes), the dispatcher dispatches and coordinates. A small centre gives
one person a role that holds both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tianmu.access.permission import PERMISSIONS
from tianmu.facts.text import Text

__all__ = ["PERMISSIONS", "ROLES", "Role", "RoleConflict", "check", "permissions"]


@dataclass(frozen=True)
class Role:
    code: str
    name: Text
    permissions: frozenset[str]
    excludes: frozenset[str] = frozenset()
    """roles that nobody may hold beside this one; ``*`` = every other"""
    by_department: bool = False
    """sees only what the account's department answers for"""
    machine: bool = False
    """for programs and screens, not for persons"""


_SEE = frozenset(
    {
        "city.read",
        "vitals.read",
        "push.read",
        "alarm.read",
        "case.read",
        "device.read",
        "source.read",
        "roster.read",
        "unit.read",
        "warning.read",
        "hazard.read",
    }
)
_DESK = _SEE | {
    "report.read",
    "organisation.read",
    "handover.read",
    "rule.read",
    "case.note",
    "case.print",
    "contact.answer",
    "room.use",
}
_COMMAND = _DESK | {
    "alarm.acknowledge",
    "alarm.shelve",
    "alarm.service",
    "case.file",
    "case.command",
    "case.supervise",
    "case.check",
    "case.merge",
    "case.whistle",
    "warning.draft",
    "restricted.read",
    "warning.confirm",
    "hazard.write",
    "hazard.check",
    "unit.report",
    "patrol.read",
    "handover.write",
    "rule.test",
    "report.reveal",
    "device.ask",
}
"""what whoever leads on duty may"""
_ADMIN = frozenset({"city.read", "organisation.read"})
_ADMINISTRATORS = frozenset({"system_admin", "security_admin", "audit_admin"})


def _administrator(code: str, name: Text, permissions: set[str]) -> Role:
    return Role(code, name, _ADMIN | permissions, excludes=_ADMINISTRATORS - {code})


ROLES: dict[str, Role] = {
    role.code: role
    for role in (
        _administrator(
            "system_admin",
            {"zh": "系统管理员", "en": "System administrator"},
            {
                "account.read",
                "account.write",
                "device.read",
                "device.write",
                "source.read",
                "source.write",
                "webhook.read",
                "webhook.write",
                "quarantine.read",
                "quarantine.write",
                "pack.read",
                "pack.write",
                "roster.read",
                "roster.write",
                "rule.read",
                "rule.test",
                "rule.publish",
                "vitals.read",
                "metrics.read",
                "push.read",
            },
        ),
        _administrator(
            "security_admin",
            {"zh": "安全管理员", "en": "Security administrator"},
            {
                "account.read",
                "role.grant",
                "factor.reset",
                "webhook.read",
                "webhook.approve",
                "pack.read",
                "rule.read",
            },
        ),
        _administrator(
            "audit_admin",
            {"zh": "审计管理员", "en": "Audit administrator"},
            {"account.read", "audit.read", "audit.export"},
        ),
        Role(
            "commander",
            {"zh": "指挥长", "en": "Commander"},
            _COMMAND | {"case.rule", "warning.alone", "roster.write", "webhook.read"},
        ),
        Role(
            "duty_officer",
            {"zh": "值班员", "en": "Duty officer"},
            # whoever may see what is not for the public can also say what becomes of it
            _COMMAND | {"report.write", "quarantine.read", "quarantine.write"},
        ),
        Role(
            "acceptor",
            {"zh": "受理员（监督中心）", "en": "Acceptor, supervision centre"},
            _DESK
            | {
                "case.file",
                "case.check",
                "case.merge",
                "hazard.write",
                "hazard.check",
                "report.write",
                "report.reveal",
                "handover.write",
            },
        ),
        Role(
            "dispatcher",
            {"zh": "派遣员（指挥中心）", "en": "Dispatcher, command centre"},
            _DESK
            | {
                "alarm.acknowledge",
                "case.command",
                "case.merge",
                "case.whistle",
                "handover.write",
                "unit.report",
            },
        ),
        Role(
            "department_worker",
            {"zh": "部门处置员", "en": "Department worker"},
            _SEE
            | {
                "room.use",
                "contact.answer",
                "case.handle",
                "case.note",
                "hazard.write",
                "hazard.handle",
                "patrol.write",
                "report.read",
                "organisation.read",
                "unit.report",
            },
            by_department=True,
        ),
        Role(
            "hotline_agent",
            {"zh": "热线坐席", "en": "Hotline agent"},
            frozenset(
                {
                    "city.read",
                    "vitals.read",
                    "push.read",
                    "case.read",
                    "case.note",
                    "report.read",
                    "report.write",
                    "report.reveal",
                    "organisation.read",
                    "roster.read",
                    "warning.read",
                }
            ),
        ),
        Role(
            "grid_worker",
            {"zh": "网格员", "en": "Grid worker"},
            frozenset(
                {
                    "city.read",
                    "push.read",
                    "case.read",
                    "case.handle",
                    "case.check",
                    "case.note",
                    "case.whistle",
                    "contact.answer",
                    "warning.read",
                    "hazard.read",
                    "hazard.write",
                    "hazard.handle",
                    "patrol.write",
                    "unit.read",
                    "unit.report",
                    "report.read",
                    "report.write",
                    "device.read",
                }
            ),
        ),
        Role(
            "leader",
            {"zh": "领导", "en": "Leader"},
            _SEE | {"organisation.read", "handover.read"},
        ),
        Role(
            "integrator",
            {"zh": "系统对接", "en": "Integrator"},
            frozenset(
                {
                    "city.read",
                    "vitals.read",
                    "push.read",
                    "alarm.read",
                    "case.read",
                    "device.read",
                    "report.write",
                    "metrics.read",
                    "unit.read",
                    "unit.report",
                    "warning.read",
                    "hazard.read",
                }
            ),
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "department_system",
            {"zh": "部门业务系统", "en": "Department's own system"},
            frozenset(
                {"city.read", "case.read", "case.handle", "case.note", "push.read", "warning.read"}
            ),
            excludes=frozenset({"*"}),
            by_department=True,
            machine=True,
        ),
        Role(
            "rehearsal",
            {"zh": "演练（模拟数据、测量）", "en": "Rehearsal: feed and measurements"},
            _SEE
            | {
                "report.read",
                "report.write",
                "device.write",
                "source.write",
                "quarantine.read",
                "rule.read",
                "rule.test",
                "rule.publish",
                "alarm.acknowledge",
                "organisation.read",
                "metrics.read",
            },
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "kiosk",
            {"zh": "大屏（只读）", "en": "Wall screen, read only"},
            _SEE | {"handover.read"},
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "probe_command",
            {"zh": "探针：上报、派遣、核查", "en": "Probe: reports, dispatches, checks"},
            _SEE
            | {
                "report.write",
                "report.read",
                "alarm.acknowledge",
                "case.file",
                "case.command",
                "case.check",
                "case.note",
            },
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "probe_lead",
            {"zh": "探针：指挥、裁定、督办", "en": "Probe: leads, rules, supervises"},
            _SEE
            | {
                "report.read",
                "case.file",
                "case.command",
                "case.check",
                "case.merge",
                "case.note",
                "case.rule",
                "case.supervise",
                "case.whistle",
            },
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "probe_check",
            {"zh": "探针：受理、核查", "en": "Probe: accepts, checks"},
            _SEE | {"report.read", "case.file", "case.check", "case.note"},
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "probe_handle",
            {"zh": "探针：签收、处置", "en": "Probe: accepts and handles"},
            _SEE | {"case.handle", "case.note"},
            excludes=frozenset({"*"}),
            machine=True,
        ),
    )
}


class RoleConflict(ValueError):
    """Roles that nobody may hold together, or one that does not exist."""


def check(codes: Iterable[str]) -> tuple[str, ...]:
    """The codes, sorted and without repeats; ``RoleConflict`` where they may not stand together."""
    wanted = sorted(set(codes))
    for code in wanted:
        if code not in ROLES:
            raise RoleConflict(f"there is no role {code!r}; the roles are {', '.join(ROLES)}")
    for code in wanted:
        excludes = ROLES[code].excludes
        clash = [
            other for other in wanted if other != code and (other in excludes or "*" in excludes)
        ]
        if clash:
            raise RoleConflict(
                f"nobody may hold {code} together with {', '.join(clash)}; "
                "use a second account held by another person"
            )
    return tuple(wanted)


def permissions(codes: Iterable[str]) -> frozenset[str]:
    """All that the roles together permit; a code that is no role any more permits nothing."""
    return frozenset().union(*(ROLES[code].permissions for code in codes if code in ROLES))
