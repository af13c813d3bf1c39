"""Devices and datastreams with their stable dense indices, the same in every process."""

from tianmu.store.registry.registry import UNKNOWN, Registry
from tianmu.store.registry.segment import Written, write_segment

__all__ = ["UNKNOWN", "Registry", "Written", "write_segment"]
