"""What a city has from its first start: itself as a device, a probe's panel, and accounts.

Each step is done where it has not been done yet, so a later version may add one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from tianmu.access import account as accounts
from tianmu.access import audit, first, token
from tianmu.access.account import NoAccount
from tianmu.access.role import ROLES
from tianmu.app.platform import DEVICE, PLATFORM_KIND, PLATFORM_SOURCE
from tianmu.app.settings import Settings
from tianmu.city.city import City
from tianmu.facts import clock
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, DevicesRegistered, PackLoaded, SourceChanged
from tianmu.facts.text import Text
from tianmu.store.records import Records, Transaction
from tianmu.web.registrar import Registrar

PROBE_SOURCE, PROBE_ADDRESS, PROBE_COMPONENTS = "probe-panel", "0000000000fe", 128
COMPONENT_KIND = "fire_component"
REHEARSAL, HOTLINE, DUTY = "rehearsal", "feed-hotline", "feed-duty"
CHECKER = "feed-checker"
WORKER = "feed-worker-"
DRILLED = ("commander", "duty_officer", "acceptor", "dispatcher", "hotline_agent", "grid_worker")
"""roles of which a city of a drill has one account each"""


def now() -> int:
    return clock.now()


def found(city: City, registrar: Registrar) -> None:
    """The registry facts every city has: its pack, the platform's device, the probe's panel."""
    if registrar.pack is None or registrar.pack.digest != city.digest:
        registrar.write(
            lambda tx: PackLoaded(
                name=city.folder.name, digest=city.digest, at=now(), actor="start"
            )
        )
    sources = registrar.registry.sources
    numbers = iter(range(max((s.number for s in sources.values()), default=0) + 1, 1 << 16))
    if PLATFORM_SOURCE not in sources and PLATFORM_KIND in city.kinds:
        _write_source(
            registrar, PLATFORM_SOURCE, next(numbers), "platform", Origin.REAL,
            {"zh": "本平台", "en": "This platform"},
        )  # fmt: skip
    if registrar.registry.find(DEVICE) is None and PLATFORM_KIND in city.kinds:
        kind = city.kinds[PLATFORM_KIND]
        name, labels = _called(city, city.name)
        platform = Device(
            device=DEVICE,
            name=name,
            kind=PLATFORM_KIND,
            properties=tuple(kind.properties),
            place=Place(longitude=city.center[0], latitude=city.center[1], division=city.root.code),
            department=kind.department,
            source=PLATFORM_SOURCE,
            labels=labels,
        )
        _register(registrar, [platform])
    if COMPONENT_KIND in city.kinds and PROBE_SOURCE not in sources:
        _write_source(
            registrar, PROBE_SOURCE, next(numbers), "gbt26875", Origin.PROBE,
            {"zh": "探针消防主机", "en": "The probe's fire panel"},
            life=True, allow=(PROBE_ADDRESS,), probe=first.PROBE,
        )  # fmt: skip
        _register(registrar, list(_probe_components(city)))


def _probe_components(city: City) -> Iterable[Device]:
    for number in range(1, PROBE_COMPONENTS + 1):
        name, labels = _called(city, {"zh": f"探针 {number}", "en": f"probe {number}"})
        yield Device(
            device=f"probe-{number:03d}",
            name=name,
            kind=COMPONENT_KIND,
            properties=("state",),
            place=Place(longitude=city.center[0], latitude=city.center[1], division=city.root.code),
            origin=Origin.PROBE,
            source=PROBE_SOURCE,
            probe=first.PROBE,
            labels={"address": f"gbt26875/{PROBE_ADDRESS}/1-1-40-{number}", **labels},
        )


def _called(city: City, name: Text) -> tuple[str, dict[str, str]]:
    """A device's name in the city's language, and its labels for the other languages of it."""
    first = next((tag for tag in city.languages if tag in name), next(iter(name)))
    others = {f"name_{tag}": one for tag, one in name.items() if tag in city.languages}
    return name[first], {tag: one for tag, one in others.items() if tag != f"name_{first}"}


def _write_source(
    registrar: Registrar,
    name: str,
    number: int,
    protocol: str,
    origin: Origin,
    text: dict[str, str],
    *,
    life: bool = False,
    allow: tuple[str, ...] = (),
    probe: str = "",
) -> None:
    registrar.write(
        lambda tx: SourceChanged(
            source=name, number=number, protocol=protocol, name=text, origin=origin,
            life_safety=life, allow=allow, probe=probe, at=now(), actor="start",
        )
    )  # fmt: skip


def _register(registrar: Registrar, devices: list[Device]) -> None:
    def make(tx: Transaction) -> DevicesRegistered:
        return registrar.registry.registration(devices, at=now(), actor="start")

    registrar.write(make)


def rehearsal_accounts(
    records: Records, city: City, *, feed: bool, drill: bool = False
) -> dict[str, Any]:
    """Tokens for the probe and, with a feed or for a drill, for those who play people; by role.

    Tokens of earlier starts end. Accounts are made once and are marked by their names.
    """
    wanted: dict[str, tuple[str, str, str, str]] = {
        "rehearsal": (REHEARSAL, "rehearsal", "演练 Rehearsal", ""),
    }
    if drill:
        for role in DRILLED:
            name = _both("演练", "Drill", ROLES[role].name, role)
            wanted[role] = (f"drill-{role}".replace("_", "-"), role, name, "")
    if feed or drill:
        wanted["hotline"] = (HOTLINE, "hotline_agent", "模拟坐席 Seeded agent", "")
        wanted["duty"] = (DUTY, "duty_officer", "模拟值班员 Seeded duty officer", "")
        wanted["checker"] = (CHECKER, "duty_officer", "模拟核查员 Seeded checker", "")
        for code, department in city.departments.items():
            name = _both("模拟处置员", "Seeded crew", department.name, code)
            wanted[f"worker:{code}"] = (
                f"{WORKER}{code}".lower(), "department_worker", name, code,
            )  # fmt: skip

    def make(tx: Transaction) -> dict[str, str]:
        return {role: _token(tx, *who) for role, who in wanted.items()}

    return records.transact(make) | first.probe_tokens(records, now())


def _both(zh: str, en: str, name: Text, code: str) -> str:
    """A name in ``name``'s languages, Chinese first: the pages show the half in theirs."""
    halves = {"zh": f"{zh}：{name.get('zh', '')}", "en": f"{en}: {name.get('en', '')}"}
    return " ".join(half for tag, half in halves.items() if name.get(tag)) or code


def _token(tx: Transaction, account: str, role: str, name: str, department: str) -> str:
    """A fresh token of a seeded account, made where it is not there yet."""
    connection = tx.connection
    try:
        accounts.get(connection, account)
    except NoAccount:
        accounts.create(connection, account, name, at=now(), department=department)
        accounts.set_roles(connection, account, [role])
        audit.append(
            connection, at=now(), actor="start", verb="account.create", object=account,
            detail={"roles": [role], "for": "feed"},
        )  # fmt: skip
    for old in token.listed(connection, account):
        if not old.revoked_at:
            token.revoke(connection, old.token, at=now())
    _, plain = token.issue(
        connection, kind="api", account=account, name="rehearsal", actor="start", at=now()
    )
    return plain


def write_credentials(settings: Settings, ports: dict[str, int], tokens: dict[str, str]) -> None:
    """``run/rehearsal.json``, readable by this user alone: how feed, probe and bench sign in."""
    path = settings.run / "rehearsal.json"
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    authority, certificate = settings.authority, settings.certificate
    with os.fdopen(descriptor, "w") as file:
        json.dump(
            {
                "url": settings.local_url(ports["web"]),
                "ports": ports,
                "tokens": tokens,
                "authority": str(authority) if authority else "",
                "certificate": certificate[0] if certificate else "",
                "probe": {"source": PROBE_ADDRESS, "components": PROBE_COMPONENTS},
            },
            file,
        )
    fresh.replace(path)
