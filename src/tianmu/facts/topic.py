"""The topics of the journal: who writes each, and which must never be purged.

Each topic has one writing process, hence one file. ``observation.life`` has a file of its own, so
that a flood of ordinary readings never stands before a fire alarm.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    name: str
    file: str
    """stem of the SQLite file (``<data>/<file>.sqlite``) and name of its only writer"""
    purge: bool
    """whether entries older than the horizon may go once every reader has passed them"""
    readers: tuple[str, ...] = ()
    """who keeps a read position of it and loses what goes unread: nothing goes before each of them
    has passed it, not even where one has never started"""


OBSERVATION_LIFE = Topic("observation.life", "gate-life", purge=False)
"""observation batches of life-safety sources (fire, gas)"""
OBSERVATION = Topic("observation", "gate", purge=True, readers=("watch", "history"))
"""observation batches of all other sources"""
INTAKE = Topic("intake", "gate", purge=True)
"""what gate could not place: quarantined input, unknown devices, sources falling silent"""
BULLETIN = Topic("bulletin", "gate", purge=True)
"""messages by which other bodies warn; gate's table keeps them for as long as the pack says"""
ALARM = Topic("alarm", "watch", purge=False)
"""every transition of every alarm"""
REGISTRY = Topic("registry", "hub", purge=False)
"""devices, datastreams, sources, rules, pack: changes, from the first one on"""
DEED = Topic("deed", "hub", purge=False)
"""what persons did to facts"""
REPORT = Topic("report", "hub", purge=False)
"""what persons told: 12345, grid workers, departments"""
CASE = Topic("case", "hub", purge=False)
"""every event of every case"""
UNIT = Topic("unit", "hub", purge=True)
"""where units were and what they did: personal, so only the newest are kept"""
WARNING = Topic("warning", "hub", purge=False)
"""every step of every warning"""
HAZARD = Topic("hazard", "hub", purge=False)
"""every step of every hazard of the ledger"""
HISTORY = Topic("history", "works", purge=True)
"""Parquet files that appeared or were replaced"""
FINDING = Topic("finding", "works", purge=True, readers=("watch",))
"""what anomaly detection, forecasts and scenarios found: conditions that begin and end"""

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        OBSERVATION_LIFE,
        OBSERVATION,
        INTAKE,
        BULLETIN,
        ALARM,
        REGISTRY,
        DEED,
        REPORT,
        CASE,
        UNIT,
        WARNING,
        HAZARD,
        HISTORY,
        FINDING,
    )
}
