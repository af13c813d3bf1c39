"""The past: Parquet by day with roll-ups, appearing and vanishing by commits of its manifest."""

from tianmu.store.history.area import Membership
from tianmu.store.history.asked import Asked, Cancelled, Cost, TooCostly
from tianmu.store.history.history import History
from tianmu.store.history.keep import keep
from tianmu.store.history.retain import Retention
from tianmu.store.history.series import Series
from tianmu.store.history.windows import Windows

__all__ = [
    "Asked",
    "Cancelled",
    "Cost",
    "History",
    "Membership",
    "Retention",
    "Series",
    "TooCostly",
    "Windows",
    "keep",
]
