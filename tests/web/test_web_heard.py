"""What is kept from look to look is what counting everything anew would find."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.web.devices.heard import Heard

S = 1_000_000
BEATS = (60 * S, 24 * 3600 * S)


def city(random: np.random.Generator, devices: int) -> Any:
    """A hub of devices with none to three datastreams each, of a kind that beats each minute and
    of one that does not."""
    count = random.integers(0, 4, devices)
    first = np.concatenate(([0], np.cumsum(count))).astype(np.uint32)
    columns = SimpleNamespace(
        kind=random.integers(0, 2, devices).astype(np.uint16),
        probe=(random.random(devices) < 0.01).astype(np.uint8),
        first_datastream=first,
        device_of=np.repeat(np.arange(devices, dtype=np.uint32), count),
    )
    live = SimpleNamespace(received=np.zeros(int(first[-1]), dtype=np.int64))
    hub = SimpleNamespace(
        registry=SimpleNamespace(columns=columns, kinds=("smoke", "gas")),
        city=SimpleNamespace(kinds={"smoke": SimpleNamespace(heartbeat_s=60.0)}),
        live=lambda: live,
        at=10**15,
    )
    hub.clock = lambda: hub.at
    return hub


def counted(hub: Any) -> list[int]:
    """States by the definition, one device after another."""
    columns, received = hub.registry.columns, hub.live().received
    found = []
    for device, kind in enumerate(columns.kind.tolist()):
        begin, end = columns.first_datastream[device : device + 2].tolist()
        last = max(received[begin:end].tolist(), default=0) if end <= len(received) else 0
        found.append(0 if not last else 2 if hub.at - last <= BEATS[kind] else 1)
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_kept_is_counted(seed: int) -> None:
    random = np.random.default_rng(seed)
    hub = city(random, int(random.integers(1, 5000)))
    kept, received = Heard(hub), hub.live().received
    for _ in range(6):
        some = random.integers(0, max(1, len(received)), random.integers(0, 400))[: len(received)]
        received[some] = hub.at - random.integers(0, 90, len(some)) * S
        assert kept.states().tolist() == counted(hub)
        hub.at += int(random.choice([0, 1, 59, 61, 100_000])) * S
        assert kept.states().tolist() == counted(hub), "silence comes by time alone"
    assert kept.marked.tolist() == np.flatnonzero(hub.registry.columns.probe).tolist()


def test_more_devices_a_clock_set_back_and_live_that_begins_anew() -> None:
    random = np.random.default_rng(4)
    hub = city(random, 3000)
    kept, received = Heard(hub), hub.live().received
    received[::2] = hub.at
    hub.at += 70 * S
    assert kept.states().tolist() == counted(hub)
    hub.at -= 30 * S
    assert kept.states().tolist() == counted(hub)
    more = city(random, 4000)
    hub.registry = more.registry
    assert kept.states().tolist() == counted(hub), "live is shorter than the registry"
    hub.live = more.live
    assert kept.states().tolist() == counted(hub)
    hub.live = lambda: None
    assert not kept.states().any()
