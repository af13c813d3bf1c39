"""Limits of the socket: they keep one bad client from costing the others their place."""

from __future__ import annotations

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Every value is a default, to be set by the city."""

    connections: int = 8192
    silent_seconds: float = 7200.0
    """a connection that says nothing for so long is closed; loggers connect again"""
    half_seconds: float = 30.0
    """how long the rest of a frame may take to come"""
    rate: float = 400.0
    """frames per second and connection that are read; the rest waits in the logger"""
    burst: float = 1600.0
    in_flight: int = 1024
    """frames of one connection that may wait to be on disk"""
    refused_in_row: int = 64
    """unreadable pieces in a row after which a connection is closed"""
    strangers: int = 256
    """unregistered MNs of one connection that are offered; more are counted only"""
    backlog_bytes: int = 1 << 20
    """answers a logger has not read before its connection is closed"""
    stations: int = 100_000
    """stations remembered: connection, edition, last time heard"""
