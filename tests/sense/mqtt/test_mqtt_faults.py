"""The MQTT door when something is wrong: nothing acknowledged that is not kept, one fault alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tianmu.facts.registry import SourceChanged
from tianmu.store.records import DiskFull
from waiting import until

from .house import (
    row,
    run,
    sender,
    town,
)


def test_what_was_not_acknowledged_comes_again_and_takes_effect_once(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gate dies between the disk and the acknowledgement."""

    async def scene() -> None:
        async with town(tmp_path, kind) as house:
            first = house.connector()
            monkeypatch.setattr(first._client, "acknowledge", lambda mids: None)
            await first.start("", 0)
            await until(lambda: first.state()["connected"])
            await asyncio.sleep(0.2)
            async with sender(house, "well") as well:
                for n in range(5):
                    await asyncio.to_thread(
                        well.publish, "tianmu/well/observations", row(n, float(n))
                    )
                await until(lambda: len(house.rows()) == 5)
                # as a killed process: no good-bye, the socket is simply gone
                first._client.reconnect()
                await first.stop()
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(5, 5.0))
            async with house.gate():
                await until(
                    lambda: {v for _, _, v in house.rows()} == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}
                )
                await until(lambda: len(house.rows()) == 11)
            assert len(set(house.rows())) == 6, "the same identity, whatever the broker repeats"
            assert house.counted_by_watch() == 6

    run(scene())


def test_nothing_is_acknowledged_while_the_disk_is_full(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            append, full = house.intake.append, [True]

            async def perhaps(*arguments: Any) -> Any:
                if full[0]:
                    raise DiskFull(tmp_path, 0, 1)
                return await append(*arguments)

            monkeypatch.setattr(house.intake, "append", perhaps)
            async with sender(house, "well") as well:
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
                await until(lambda: gate.state().get("disk_full"))
                assert not house.rows()
                full[0] = False
                await until(house.rows, within=20)
            assert {v for _, _, v in house.rows()} == {1.0}

    run(scene())


def test_a_fault_with_one_source_does_not_stop_the_others(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate():
            append = house.intake.append

            async def perhaps(batch: Any, who: SourceChanged, key: Any) -> Any:
                if who.source == "other":
                    raise KeyError("a fault of ours")
                return await append(batch, who, key)

            monkeypatch.setattr(house.intake, "append", perhaps)
            async with sender(house, "other") as other, sender(house, "well") as well:
                await asyncio.to_thread(other.publish, "tianmu/other/observations", row(1, 1.0))
                await until(house.quarantined)
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(2, 2.0))
                await until(house.rows)
            [kept] = house.quarantined()
            assert "a fault of ours" in kept.reason and json.loads(kept.payload) == row(1, 1.0)

    run(scene())


def test_the_broker_is_started_again_when_it_dies(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            process = house.broker._process
            assert process is not None
            process.kill()
            await until(lambda: house.broker._process is not process, within=15)
            await until(lambda: not gate.state()["connected"])
            await until(lambda: gate.state()["connected"], within=20)
            await asyncio.sleep(0.3)
            async with sender(house, "well") as well:
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
                await until(house.rows)

    run(scene())
