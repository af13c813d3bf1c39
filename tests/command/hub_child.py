"""What of hub tells receivers, as a process that can be killed: ``hub_child.py DATA``."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from pathlib import Path

from tianmu.access.keys import Keys
from tianmu.city.charter.outbound import Outbound
from tianmu.city.pack import load
from tianmu.command.deliver import Deliverer
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records


async def main(data: Path) -> None:
    city = replace(load("liyang"), outbound=Outbound(first_wait_s=0.1))
    with Records(data / "hub.sqlite") as records:
        deliverer = Deliverer(
            records,
            lambda: SqliteJournal(data),
            lambda: city,
            Keys(data / "keys"),
            lambda: time.time_ns() // 1000,
        )
        deliverer.bring()
        async with deliverer.running():
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
