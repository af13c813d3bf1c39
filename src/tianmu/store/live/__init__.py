"""What is now: columns by datastream and by device in shared memory, written by one process."""

from tianmu.store.live.columns import Live, NotRunning
from tianmu.store.live.snapshot import Frozen, Restored, snapshot_positions

__all__ = ["Frozen", "Live", "NotRunning", "Restored", "snapshot_positions"]
