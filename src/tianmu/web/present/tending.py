"""What scenarios have done by themselves: each errand at a device a deed, written down once.

How far time has been tended is kept in hub's file and moves in the commit that appends the deeds:
after kill -9 nothing is done twice, and nothing is forgotten that is not too late. A case that is
to be graver is raised by the cases' own rules, where it is not as grave already.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets

import sqlalchemy as sa

from tianmu.access import audit
from tianmu.facts.deed import Deed
from tianmu.scenarios.folder.fit import fit
from tianmu.scenarios.folder.load import Folder, folders, part
from tianmu.scenarios.tend import RAISE, VERBS, Errand, Errands
from tianmu.store.records import Transaction
from tianmu.web.hub import Hub
from tianmu.web.present import danger

log = logging.getLogger(__name__)
EVERY_S = 20.0
GIVE_WAY_S = 10.0
"""for which a look is put off at most while the cases are behind: it runs in the interpreter in
which they are written, and in a storm they are who is waited for. Half of ``EVERY_S``: a check or
a raise comes later than it might anyway by no more than that"""
ASK_S = 1.0
"""after which it is asked again whether they are: in a storm a commit takes half as long"""
metadata = sa.MetaData()
table = sa.Table(
    "scenario_tended",
    metadata,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("until", sa.Integer, nullable=False),
    sa.Column("seed", sa.LargeBinary, nullable=False),
    comment="how far each scenario's errands are given out; seed: what draws their times",
)


async def tend(hub: Hub, stop: asyncio.Event) -> None:
    """Give out errands as they fall due, until ``stop`` is set."""
    hub.records.create(metadata)
    while not stop.is_set():
        try:
            await _give_way(hub, stop)
            if not stop.is_set():
                await asyncio.to_thread(give_out, hub)
        except Exception:
            log.exception("errands of scenarios: trying again in %.0f s", EVERY_S)
        await _rest(stop, EVERY_S)


async def _give_way(hub: Hub, stop: asyncio.Event) -> None:
    """Until the cases have caught up with their signals, at most ``GIVE_WAY_S``."""
    clock = asyncio.get_running_loop().time
    end = clock() + GIVE_WAY_S
    while not stop.is_set() and clock() < end and await asyncio.to_thread(hub.manage.behind):
        await _rest(stop, min(ASK_S, end - clock()))


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def give_out(hub: Hub) -> int:
    """Append what has fallen due since the last time; how many deeds."""
    given = 0
    for scenario in folders(hub.city.folder)[0].values():
        if not (scenario.folder / "tend.py").exists():
            continue
        try:
            given += _of(hub, scenario)
        except Exception:  # an outsider's code: the others go on
            log.exception("errands of scenario %s", scenario.id)
    return given


def _of(hub: Hub, scenario: Folder) -> int:
    now = hub.clock()
    held = hub.records.read(
        lambda c: c.execute(sa.select(table).where(table.c.scenario == scenario.id)).first()
    )
    if held is None:
        # of the time before the first look nothing is owed
        hub.records.transact(lambda tx: _begin(tx, scenario.id, now))
        return 0
    if now <= held.until:
        return 0
    world = danger.world_of(hub, scenario, fit(scenario.manifest, hub.city))
    found: Errands = part(scenario, "tend").errands(world, held.until, now, held.seed)
    if found.late:
        log.warning("%s: %d errand(s) fell due while the city was down", scenario.id, found.late)
    for one in found.due:
        if one.verb not in VERBS:
            raise ValueError(f"{one.verb}: a scenario may only do {', '.join(sorted(VERBS))}")

    deeds = [one for one in found.due if one.verb != RAISE]

    def write(tx: Transaction) -> None:
        for one in deeds:
            _append(hub, tx, scenario.id, one, now)
        tx.connection.execute(
            sa.update(table).where(table.c.scenario == scenario.id).values(until=now)
        )

    hub.records.transact(write)
    # after it: one that fails is said again at the next look, and holds up no deed
    return len(deeds) + sum(_raise(hub, scenario.id, one) for one in found.due if one.verb == RAISE)


def _raise(hub: Hub, scenario: str, errand: Errand) -> bool:
    number, why = errand.data["level"], errand.data["why"]
    if number not in {one.number for one in hub.city.profile.levels}:
        raise ValueError(f"{scenario}: {errand.object} to level {number}: there is no such level")
    raised = hub.manage.raise_level(errand.object, number, why)
    if raised:
        log.info("%s: %s is of level %d now: %s", scenario, errand.object, number, why)
    return raised


def _begin(tx: Transaction, scenario: str, now: int) -> None:
    row = {"scenario": scenario, "until": now, "seed": secrets.token_bytes(32)}
    tx.connection.execute(sa.insert(table).values(row))


def _append(hub: Hub, tx: Transaction, scenario: str, errand: Errand, now: int) -> None:
    """The same errand is the same deed, however often it is thought of."""
    name = f"{scenario}|{errand.verb}|{errand.object}|{errand.at}"
    digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
    actor = f"scenario:{scenario}"
    hub.deed(
        tx,
        Deed(
            deed=digest, verb=errand.verb, object=errand.object, actor=actor, at=now,
            data=errand.data,
        ),
    )  # fmt: skip
    audit.append(
        tx.connection, at=now, actor=actor, verb=errand.verb, object=errand.object,
        detail=errand.data,
    )  # fmt: skip
