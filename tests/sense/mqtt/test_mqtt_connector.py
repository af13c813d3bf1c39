"""The MQTT door against real brokers: mosquitto where it is installed, and the trial broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tianmu.sense import hold
from waiting import until

from .house import (
    KINDS,
    OTHER,
    Sender,
    row,
    run,
    sender,
    source,
    town,
)


def test_what_is_published_is_on_disk_before_it_is_acknowledged(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            acked: list[int] = []
            acknowledge = gate._client.acknowledge

            def after_disk(mids: Sequence[int]) -> None:
                acked.extend(len(house.rows()) for _ in mids)
                acknowledge(mids)

            monkeypatch.setattr(gate._client, "acknowledge", after_disk)
            async with sender(house, "well") as well:
                forms = [row(0, 0.0), [row(1, 1.0), row(2, 2.0)]]
                columns = {"datastream": ["d/x"], "time": [1_790_000_000_003], "value": [3.0]}
                lines = b"\n".join(json.dumps(row(n, float(n))).encode() for n in (4, 5))
                for body in (*forms, columns, lines):
                    assert await asyncio.to_thread(well.publish, "tianmu/well/observations", body)
                await until(lambda: len(house.rows()) == 6)
                await until(lambda: len(acked) == 4)
            assert sorted(v for _, _, v in house.rows()) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
            assert all(acked), "nothing was acknowledged before something was on disk"
            assert gate.state()["messages"] == 4 and not house.quarantined()

    run(scene())


def test_strangers_and_nonsense_are_kept_and_the_rest_goes_on(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            async with sender(house, "stranger") as stranger, sender(house, "well") as well:
                put = asyncio.to_thread
                await put(stranger.publish, "tianmu/stranger/observations", row(1, 1.0))
                await put(well.publish, "tianmu/well/observations", b"\x00 no observation")
                await put(well.publish, "tianmu/well/observations", row(2, 2.0, "nobody/x"))
                await put(well.publish, "tianmu/well/observations", row(3, 3.0))
                await until(lambda: len(house.quarantined()) == 2 and house.rows())
            assert house.rows() == [("d/x", 1_790_000_000_003_000, 3.0)]
            kept = {one.source: one for one in house.quarantined()}
            assert "no active source" in kept["stranger"].reason
            assert json.loads(kept["stranger"].payload) == row(1, 1.0)
            assert kept["well"].payload == b"\x00 no observation" and kept["well"].reason
            await until(lambda: house.main.read(hold.waiting) == ["nobody"])
            assert gate.state()["refused"] == 2

    run(scene())


def test_a_source_speaks_under_its_own_name_only(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate() as gate:
            for user, password in (("well", "wrong"), ("nobody", "x"), ("", "")):
                made = await asyncio.to_thread(Sender, house, user, password)
                assert not await asyncio.to_thread(lambda made=made: made.let_in), user
                await asyncio.to_thread(made.close)
            async with sender(house, "well") as well, sender(house, "other") as other:
                other.client.subscribe("tianmu/#", qos=1)
                other.client.subscribe("tianmu/well/observations", qos=1)
                await asyncio.sleep(0.2)
                await asyncio.to_thread(
                    lambda: other.publish("tianmu/well/observations", row(1, 666.0), wait=False)
                )
                await asyncio.to_thread(well.publish, "tianmu/well/observations", row(2, 2.0))
                await until(house.rows)
                await asyncio.sleep(0.3)
                assert other.heard == [], "nobody listens to what others send"
            assert [v for _, _, v in house.rows()] == [2.0]
            assert gate.state()["messages"] == 1

    run(scene())


def test_who_may_publish_is_taken_in_while_the_broker_runs(tmp_path: Path, kind: str) -> None:
    async def scene() -> None:
        async with town(tmp_path, kind) as house, house.gate():
            late = source("late", 4, "pw-late")
            shut = source("well", 1, "pw-well", active=False)
            house.sources.apply(late)
            house.sources.apply(shut)
            house.broker.write_users([late, shut, OTHER])
            await asyncio.sleep(0.3)
            async with sender(house, "late") as one:
                await asyncio.to_thread(one.publish, "tianmu/late/observations", row(1, 1.0))
                await until(house.rows)
            closed = await asyncio.to_thread(Sender, house, "well", "pw-well")
            assert not await asyncio.to_thread(lambda: closed.let_in)
            await asyncio.to_thread(closed.close)

    run(scene())


@pytest.mark.skipif("mosquitto" not in KINDS, reason="the trial broker speaks 3.1.1 only")
def test_version_5(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            town(tmp_path, "mosquitto") as house,
            house.gate(version=5),
            sender(house, "well") as well,
        ):
            await asyncio.to_thread(well.publish, "tianmu/well/observations", row(1, 1.0))
            await until(house.rows)

    run(scene())
