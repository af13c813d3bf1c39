"""How the connector guards itself and how patient it is."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults, to be set by the city, but for what names a clause."""

    connections: int = 4_000
    """open at once; more are closed at once and counted"""
    rate: float = 200.0
    """frames a second on one connection, in the long run; beyond it, it is read more slowly"""
    burst: float = 400.0
    """frames at once before that"""
    in_flight: int = 32
    """frames of one connection being put on disk at once"""
    half_seconds: float = 5.0
    """how long a frame may take from its first byte to its last"""
    silent_seconds: float = 300.0
    """a connection that says nothing for so long is closed; panels beat every 20–30 s"""
    refused_in_row: int = 100
    """a connection with so many unreadable pieces and no good frame between is closed"""
    patience: float = 10.0
    """seconds to wait for an answer (clause 7.3 advises at most 10)"""
    resends: int = 3
    """how often we send again (clause 7.3 advises 3)"""
    settle: float = 1.0
    """seconds after a panel's first frame before its clock is set"""
    link_seconds: float = 30.0
    """how often a panel's link is told as up while it speaks"""
    backlog_bytes: int = 64 << 10
    """what may wait to be sent to a peer that does not read, before it is closed"""
    udp_peers: int = 4_000
    """UDP addresses remembered at once"""
    minute: float = 60.0
    """seconds in a minute of a duty check: less only in tests and drills"""
