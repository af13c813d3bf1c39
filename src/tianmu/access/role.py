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

from tianmu.facts.text import Text

PERMISSIONS: dict[str, Text] = {
    "city.read": {"zh": "查看城市底图与目录", "en": "See the city and its catalogues"},
    "vitals.read": {"zh": "查看城市体征", "en": "See the vital signs"},
    "push.read": {"zh": "接收实时推送", "en": "Receive live pushes"},
    "alarm.read": {"zh": "查看告警", "en": "See alarms"},
    "alarm.acknowledge": {"zh": "确认告警", "en": "Acknowledge and reset alarms"},
    "alarm.shelve": {"zh": "搁置告警", "en": "Shelve alarms for a time"},
    "alarm.service": {"zh": "停用、抑制告警", "en": "Suppress alarms, take them out of service"},
    "case.read": {"zh": "查看案件", "en": "See cases"},
    "case.file": {
        "zh": "受理、立案、结案、作废",
        "en": "Take in, file, close and void cases",
    },
    "case.command": {
        "zh": "派遣、协调、延期、升级",
        "en": "Dispatch, coordinate, extend and raise cases",
    },
    "case.supervise": {"zh": "督办案件", "en": "Take cases under supervision"},
    "case.handle": {"zh": "签收、处置、反馈", "en": "Accept, handle and report back"},
    "case.check": {"zh": "核实、核查", "en": "Verify and check"},
    "case.merge": {"zh": "合并、拆分案件", "en": "Merge and split cases"},
    "case.rule": {"zh": "裁定权责", "en": "Rule who answers for a matter"},
    "case.note": {"zh": "添加备注", "en": "Add notes"},
    "room.use": {"zh": "进入指挥室", "en": "Work in command rooms"},
    "case.print": {"zh": "打印案件档案", "en": "Print case files"},
    "case.whistle": {"zh": "吹哨：呼叫部门到场", "en": "Whistle: call departments to the place"},
    "patrol.write": {"zh": "巡查", "en": "Walk patrols"},
    "patrol.read": {"zh": "查看巡查记录", "en": "See patrols"},
    "unit.read": {"zh": "查看处置力量与资源", "en": "See units and resources"},
    "unit.report": {"zh": "上报力量位置与状态", "en": "Tell where units are and what they do"},
    "report.read": {"zh": "查看诉求", "en": "See reports"},
    "report.write": {"zh": "登记诉求", "en": "Take reports"},
    "report.reveal": {
        "zh": "查看未脱敏个人信息（须填写理由）",
        "en": "See personal data unmasked, with a reason",
    },
    "device.read": {"zh": "查看感知设备", "en": "See devices"},
    "device.write": {"zh": "登记感知设备", "en": "Register devices"},
    "device.ask": {"zh": "向设备提问、对时", "en": "Ask at devices, set their clocks"},
    "source.read": {"zh": "查看数据来源", "en": "See sources"},
    "source.write": {"zh": "管理数据来源与令牌", "en": "Manage sources and their tokens"},
    "quarantine.read": {"zh": "查看隔离区", "en": "See the quarantine"},
    "quarantine.write": {"zh": "重放、丢弃隔离数据", "en": "Replay or discard quarantined input"},
    "webhook.read": {"zh": "查看部门系统对接", "en": "See connections to departments' systems"},
    "webhook.write": {
        "zh": "管理部门系统对接",
        "en": "Manage connections to departments' systems",
    },
    "rule.read": {"zh": "查看规则", "en": "See rules"},
    "rule.test": {"zh": "试算规则", "en": "Test rules on history"},
    "rule.publish": {"zh": "发布、回退规则", "en": "Publish and roll back rules"},
    "account.read": {"zh": "查看账号", "en": "See accounts"},
    "account.write": {"zh": "新建、停用账号", "en": "Make and disable accounts"},
    "factor.reset": {"zh": "重置第二因素", "en": "Reset second factors"},
    "role.grant": {"zh": "授予、撤销角色", "en": "Grant and take back roles"},
    "organisation.read": {"zh": "查看组织机构", "en": "See the organisation"},
    "roster.read": {"zh": "查看值班表", "en": "See the roster"},
    "roster.write": {"zh": "编制值班表", "en": "Write the roster"},
    "handover.read": {"zh": "查看交接班记录", "en": "See shift hand-overs"},
    "handover.write": {"zh": "交接班", "en": "Hand over and take over shifts"},
    "pack.read": {"zh": "查看城市包", "en": "See the city pack"},
    "pack.write": {"zh": "检查、重载城市包", "en": "Check and reload the city pack"},
    "audit.read": {"zh": "查看审计日志", "en": "Read the audit trail"},
    "audit.export": {"zh": "导出审计日志", "en": "Export the audit trail"},
    "metrics.read": {"zh": "读取运行指标", "en": "Read the running metrics"},
}


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
    }
)
_DESK = _SEE | {
    "report.read",
    "organisation.read",
    "handover.read",
    "rule.read",
    "case.note",
    "case.print",
    "room.use",
}
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
            {"account.read", "role.grant", "factor.reset", "pack.read", "rule.read"},
        ),
        _administrator(
            "audit_admin",
            {"zh": "审计管理员", "en": "Audit administrator"},
            {"account.read", "audit.read", "audit.export"},
        ),
        Role(
            "commander",
            {"zh": "指挥长", "en": "Commander"},
            _DESK
            | {
                "alarm.acknowledge",
                "alarm.shelve",
                "alarm.service",
                "case.file",
                "case.command",
                "case.supervise",
                "case.check",
                "case.merge",
                "case.rule",
                "case.whistle",
                "unit.report",
                "patrol.read",
                "handover.write",
                "roster.write",
                "rule.test",
                "report.reveal",
                "device.ask",
                "webhook.read",
            },
        ),
        Role(
            "duty_officer",
            {"zh": "值班员", "en": "Duty officer"},
            _DESK
            | {
                "alarm.acknowledge",
                "alarm.shelve",
                "alarm.service",
                "case.file",
                "case.command",
                "case.supervise",
                "case.check",
                "case.merge",
                "case.whistle",
                "patrol.read",
                "report.write",
                "unit.report",
                "report.reveal",
                "handover.write",
                "rule.test",
                "quarantine.read",
                "device.ask",
            },
        ),
        Role(
            "acceptor",
            {"zh": "受理员（监督中心）", "en": "Acceptor, supervision centre"},
            _DESK
            | {
                "case.file",
                "case.check",
                "case.merge",
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
                "case.handle",
                "case.note",
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
                }
            ),
            excludes=frozenset({"*"}),
            machine=True,
        ),
        Role(
            "department_system",
            {"zh": "部门业务系统", "en": "Department's own system"},
            frozenset({"city.read", "case.read", "case.handle", "case.note", "push.read"}),
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
