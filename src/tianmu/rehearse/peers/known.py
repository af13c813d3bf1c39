"""Which peers stand beside which measurement."""

from __future__ import annotations

from tianmu.rehearse.bench.given import Ingest, Latency, Storm
from tianmu.rehearse.peers.alerta import Alerta
from tianmu.rehearse.peers.bytewax import Bytewax
from tianmu.rehearse.peers.chdb import ChDB
from tianmu.rehearse.peers.contract import Peer
from tianmu.rehearse.peers.node_red import NodeRedIngest, NodeRedLatency
from tianmu.rehearse.peers.postgresql import PostgreSQL
from tianmu.rehearse.peers.quix_streams import QuixStreams
from tianmu.rehearse.peers.river import River, Values


def of_ingest(batch: int = 1_000) -> list[Peer[Ingest]]:
    """The whole path; where batches are large enough to be stored as they come (ten rows), also the
    rule stage and the store stage."""
    whole: list[Peer[Ingest]] = [NodeRedIngest()]
    if batch < 10:
        return whole
    return [*whole, Bytewax(), QuixStreams(), PostgreSQL(), ChDB()]


def of_anomaly() -> list[Peer[Values]]:
    return [River()]


def of_latency() -> list[Peer[Latency]]:
    return [NodeRedLatency()]


def of_storm() -> list[Peer[Storm]]:
    return [Alerta()]
