"""Roles and data levels: what there is, and who has which; given by the security administrator."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.access import account as accounts
from tianmu.access.level import LEVELS, needed
from tianmu.access.role import PERMISSIONS, ROLES
from tianmu.facts.text import Text
from tianmu.web.api.people.accounts import AccountSaid, change_held, held_account, not_oneself
from tianmu.web.route.route import SIGNED_IN, Asking, Reply, Routes, taken

routes = Routes("accounts")


class RolesAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    roles: list[str]
    reason: str = ""


class LevelAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    level: Annotated[int, msgspec.Meta(ge=1, le=4)]
    reason: str = ""


class RoleSaid(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    permissions: list[str]
    excludes: list[str]
    by_department: bool
    machine: bool


class RolesSaid(msgspec.Struct, frozen=True, kw_only=True):
    roles: list[RoleSaid]
    permissions: dict[str, Text]
    levels: dict[str, Text]
    """of data, from the lowest"""
    needs: dict[str, int]
    """permission → data level that an account must reach for it"""


@routes("GET", "/api/roles", may=SIGNED_IN, gives=RolesSaid)
def list_roles(ask: Asking) -> RolesSaid:
    """All roles and permissions, with their names."""
    return RolesSaid(
        roles=[
            RoleSaid(
                code=role.code,
                name=role.name,
                permissions=sorted(role.permissions),
                excludes=sorted(role.excludes),
                by_department=role.by_department,
                machine=role.machine,
            )
            for role in ROLES.values()
        ],
        permissions=PERMISSIONS,
        levels={str(code): text for code, text in LEVELS.items()},
        needs={one: needed(one) for one in PERMISSIONS if needed(one)},
    )


@routes(
    "POST",
    "/api/accounts/{account}/roles",
    may="role.grant",
    takes=RolesAsked,
    gives=AccountSaid,
    example={"roles": ["duty_officer"], "reason": "joined the night shift"},
)
def grant_roles(
    ask: Asking, account: str, body: Annotated[RolesAsked, Depends(taken(RolesAsked))]
) -> Reply:
    """Give an account exactly these roles; 409 where nobody may hold them together."""
    not_oneself(ask, account, "grant roles to")
    before = held_account(ask, account).roles
    version = ask.if_match()
    return change_held(
        ask,
        account,
        "role.grant",
        lambda tx: accounts.set_roles(tx.connection, account, body.roles, version=version),
        before=list(before),
        roles=body.roles,
        reason=body.reason,
    )


@routes(
    "POST",
    "/api/accounts/{account}/level",
    may="role.grant",
    takes=LevelAsked,
    gives=AccountSaid,
    example={"level": 2, "reason": "trainee"},
)
def set_data_level(
    ask: Asking, account: str, body: Annotated[LevelAsked, Depends(taken(LevelAsked))]
) -> Reply:
    """Let an account see data up to this level, whatever its roles."""
    not_oneself(ask, account, "set the data level of")
    before, version = held_account(ask, account).level, ask.if_match()
    return change_held(
        ask,
        account,
        "account.level",
        lambda tx: accounts.set_level(tx.connection, account, body.level, version=version),
        before=before,
        level=body.level,
        reason=body.reason,
    )
