"""The past: Parquet by day with roll-ups, appearing and vanishing by commits of its manifest."""

from tianmu.store.history.area import Membership
from tianmu.store.history.history import History
from tianmu.store.history.keep import keep
from tianmu.store.history.query import Series, Windows
from tianmu.store.history.retain import Retention

__all__ = ["History", "Membership", "Retention", "Series", "Windows", "keep"]
