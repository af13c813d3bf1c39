"""Two sources flood flat out, by HTTP and by MQTT, heedless of refusals: every frame of a panel
becomes one alarm, a well-behaved load is taken, and nothing acknowledged is lost."""

from __future__ import annotations

import pytest

from tianmu.rehearse.bench import latency as bench_latency
from tianmu.rehearse.bench.latency import Asked
from tianmu.rehearse.city.city import connect, fresh_city


@pytest.mark.slow
def test_a_flood_keeps_no_frame_out_and_nothing_acknowledged_is_lost() -> None:
    with fresh_city() as started:
        found = bench_latency.run(
            connect(started.data),
            started.data,
            Asked(rate=1_000, seconds=4, devices=25_000, flood=True),
        )
    assert found["samples"] == 80 and found["lost"] == 0, found
    assert found["load_acknowledged"] > 0 and found["load_lost"] == 0, found
    assert found["floods"]["http"]["acknowledged"] > 0, found
    assert found["floods"]["mqtt"]["acknowledged"] > 0, found
    assert found["load_answers"] == {}, found  # the load was refused nothing
    assert found["cpu_by_process"].keys() >= {"hub", "gate", "watch", "works", "up", "broker"}
