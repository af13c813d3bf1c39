"""What anomaly detection has told and what people say of it, until the next commit writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from tianmu.facts.case import CaseEvent
from tianmu.facts.deed import Deed
from tianmu.facts.finding import FOUND, MISSED, RULE, Finding
from tianmu.prevent.anomaly import policy as policies
from tianmu.prevent.anomaly.judging import Begun, Ended
from tianmu.prevent.anomaly.policy import Policy
from tianmu.prevent.anomaly.record import Record
from tianmu.prevent.anomaly.watched import NOT, Watched

WITHDRAWN = "withdrawn"
_MEMBER = f"{RULE}@"


@dataclass
class Drained:
    """What one commit writes."""

    findings: list[Finding] = field(default_factory=list)
    records: dict[tuple[str, int], Record] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    members: list[tuple[str, str, int]] = field(default_factory=list)
    """(case, datastream, since) that came in"""
    left: list[tuple[str, str, int]] = field(default_factory=list)
    """the same, that went out: into another case, or one of its own"""
    closed: list[str] = field(default_factory=list)
    """cases that have ended"""
    moves: list[dict[str, Any]] = field(default_factory=list)
    """rows of ``anomaly_move``"""

    def __bool__(self) -> bool:
        moved = self.members or self.left or self.closed or self.moves
        return bool(self.findings or self.records or self.policies or moved)


class Book:
    """``find`` looks up a record on disk, ``members`` the anomalies of a case; ``name`` gives the
    id of a datastream, ``move`` makes one datastream stricter (1) or less so (-1)."""

    def __init__(
        self,
        watched: Watched,
        *,
        name: Callable[[int], str],
        find: Callable[[str, int], Record | None],
        members: Callable[[str], list[tuple[str, int]]],
        move: Callable[[int, int], None],
    ) -> None:
        self.watched = watched
        self._name, self._find, self._members, self._move = name, find, members, move
        self.policies: dict[str, Policy] = {}
        self.standing: dict[int, Record] = {}
        """by datastream"""
        self._cases: dict[str, list[tuple[str, int]]] = {}
        self.out = Drained()

    def drain(self) -> Drained:
        out, self.out = self.out, Drained()
        self._cases.clear()
        return out

    def rates(self, by_kind: list[int], now: int) -> Mapping[int, float]:
        """For ``Judge.run``: by number of the kind."""
        found: dict[int, float] = {}
        for number, kind in enumerate(self.watched.kinds):
            held = policies.eased(self._policy(kind), now)
            per_week = self.watched.asked[number].false_alarms_per_week
            found[number] = policies.rate(held, per_week, by_kind[number] if by_kind else 1)
        return found

    # what was found

    def begun(self, found: Begun, now: int) -> None:
        """An anomaly begins, or one that goes on is worse: then it is the same one, as it is now,
        and none the more counts against what is tolerable."""
        before = self.standing.get(found.datastream) if found.worse else None
        number = int(self.watched.group[found.datastream])
        kind = self.watched.kinds[number]
        middle = found.expected
        record = Record(
            datastream=self._name(found.datastream),
            since=found.time,
            number=found.datastream,
            kind=kind,
            told_at=now,
            value=found.value,
            expected=middle,
            low=None if middle is None else middle - found.half,
            high=None if middle is None else middle + found.half,
            chance=found.chance,
            why=found.why,
        )
        if before is not None:
            if _rarity(record) <= _rarity(before):
                return
            record.since, record.told_at = before.since, before.told_at
            record.real, record.judged_by = before.real, before.judged_by
            record.judged_at = before.judged_at
        self.standing[found.datastream] = record
        self._keep(record)
        if before is None:
            self._set(policies.told(self._policy(kind), self._per_week(number), now))
        self.out.findings.append(
            Finding(
                datastream=found.datastream,
                holds=True,
                since=record.since,
                observed_at=found.time,
                value=found.value,
                expected=record.expected,
                low=record.low,
                high=record.high,
                chance=found.chance,
                why=found.why,
                worse=before is not None,
            )
        )

    def ended(self, found: Ended, now: int, why: str = "") -> None:
        record = self.standing.pop(found.datastream, None)
        if record is None:
            return
        record.ended_at = now
        self._keep(record)
        self.out.findings.append(
            Finding(
                datastream=found.datastream,
                holds=False,
                since=record.since,
                observed_at=found.time,
                value=found.value,
                why=why,
            )
        )

    # what people say

    def deed(self, deed: Deed, number: Callable[[str], int | None]) -> None:
        """``anomaly.found`` and ``anomaly.missed``; ``number`` is the index of a datastream."""
        if deed.verb == FOUND:
            named, since = str(deed.data.get("datastream", "")), int(deed.data.get("since", 0))
            self._judge(named, since, bool(deed.data.get("real")), deed.at, deed.actor)
        elif deed.verb == MISSED:
            index = number(deed.object)
            kind = NOT if index is None or index >= len(self.watched.group) else (
                int(self.watched.group[index])
            )  # fmt: skip
            if index is None or kind == NOT:
                return
            self._move(index, -1)
            self._set(policies.missed(self._policy(self.watched.kinds[kind]), deed.at, deed.actor))

    def case(self, event: CaseEvent) -> None:
        """Its anomalies are real where a case is closed, false where it is voided; unless somebody
        has said himself what they were. What has left for another case is judged by that one."""
        named = _named(event.data.get("member", {}))
        if event.step in ("open", "join", "leave") and named is not None:
            row, known = (event.case, *named), self._cases.setdefault(event.case, [])
            came, gone = self.out.members, self.out.left
            if event.step == "leave":
                came, gone = gone, came
                known[:] = [one for one in known if one != named]
            else:
                known.append(named)
            gone[:] = [one for one in gone if one != row]
            came.append(row)
        elif event.step in ("close", "void"):
            left = {(datastream, since) for case, datastream, since in self.out.left
                    if case == event.case}  # fmt: skip
            held = [one for one in self._members(event.case) if one not in left]
            held += self._cases.pop(event.case, ())
            for datastream, since in held:
                record = self._record(datastream, since)
                if record is not None and record.real is None:
                    self._judge(datastream, since, event.step == "close", event.at, event.actor)
            if held:
                self.out.closed.append(event.case)

    def _judge(self, datastream: str, since: int, real: bool, now: int, actor: str) -> None:
        record = self._record(datastream, since)
        if record is None or record.real is real:
            return
        number = self.watched.number(record.kind)
        if number != NOT:
            per_week, policy = self._per_week(number), self._policy(record.kind)
            if record.real is not None:
                policy = policies.unjudged(policy, per_week, record.real, now)
            self._set(policies.judged(policy, per_week, real, now, actor))
        self._move(record.number, -1 if real else 1)
        record.real, record.judged_by, record.judged_at = real, actor, now
        self._keep(record)

    def _record(self, datastream: str, since: int) -> Record | None:
        held = self.out.records.get((datastream, since))
        if held is None:
            held = next(
                (
                    r
                    for r in self.standing.values()
                    if (r.datastream, r.since) == (datastream, since)
                ),
                None,
            )
        return held or self._find(datastream, since)

    def _keep(self, record: Record) -> None:
        self.out.records[record.datastream, record.since] = record

    def _policy(self, kind: str) -> Policy:
        return self.policies.get(kind) or Policy(kind=kind)

    def _set(self, policy: Policy) -> None:
        self.policies[policy.kind] = self.out.policies[policy.kind] = policy

    def _per_week(self, number: int) -> float:
        return self.watched.asked[number].false_alarms_per_week


def _rarity(record: Record) -> tuple[float, float]:
    """Orders anomalies; by their distance in bands where both are too rare for a number."""
    if record.value is None or record.expected is None or record.high is None:
        return -record.chance, 0.0
    half = max(record.high - record.expected, 1e-30)
    return -record.chance, abs(record.value - record.expected) / half


def _named(member: Mapping[str, Any]) -> tuple[str, int] | None:
    """Datastream and beginning of the anomaly that a member of a case is; None where it is none."""
    identity = str(member.get("identity", ""))
    if member.get("kind") != "alarm" or not identity.startswith(_MEMBER):
        return None
    return identity.removeprefix(_MEMBER), int(member.get("at", 0))


def write(connection: sa.Connection, drained: Drained) -> None:
    """Into the tables of ``record``."""
    from tianmu.prevent.anomaly.record import MEMBER, MOVE, POLICY, RECORD, put

    put(connection, RECORD, drained.records.values())
    put(connection, POLICY, drained.policies.values())
    if drained.members:
        rows = [dict(zip(("case", "datastream", "since"), m, strict=True)) for m in drained.members]
        connection.execute(MEMBER.insert().prefix_with("OR IGNORE"), rows)
    for case, datastream, since in drained.left:
        c = MEMBER.c
        mine = (c.case == case, c.datastream == datastream, c.since == since)
        connection.execute(MEMBER.delete().where(*mine))
    if drained.moves:
        connection.execute(MOVE.insert(), drained.moves)
    for case in drained.closed:
        connection.execute(MEMBER.delete().where(MEMBER.c.case == case))
