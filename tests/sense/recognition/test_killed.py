"""A gate that is killed while events come in: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import os
import random
from functools import partial
from pathlib import Path

import pytest

from killed import killed_after

from .street import Street, picture, told

EVENTS = 400
SHOT = picture()


def event(number: int) -> dict[str, object]:
    """Every tenth of a second; the thing stands at the first that is 20 s after the beginning."""
    return told(f"e{number}", number / 10 - 60, **({"picture": SHOT} if number % 10 == 0 else {}))


def child(data: Path, pipe: int) -> None:
    """Tells one event after the other; says which were acknowledged."""

    async def scene() -> None:
        street = Street(data)
        for number in range(EVENTS):
            status, answer = await street.tell(event(number))
            assert status == 200 and answer["events"][0]["state"] == "taken"
            os.write(pipe, b"%d\n" % number)

    asyncio.run(scene())


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_is_there_once_after_a_kill(tmp_path: Path, seed: int) -> None:
    acknowledged = killed_after(random.Random(seed).randrange(180, 320), partial(child, tmp_path))

    async def scene() -> None:
        street = Street(tmp_path)
        states = []
        for start in range(0, EVENTS, 100):
            _, answer = await street.tell(*(event(n) for n in range(start, start + 100)))
            states += [one["state"] for one in answer["events"]]
        assert all(states[number] == "duplicate" for number in acknowledged)
        # one may have been written and not yet acknowledged
        assert states.count("duplicate") in {len(acknowledged), len(acknowledged) + 1}
        assert len(street.rows("c0/sighting")) == EVENTS
        [(at, value, side)] = street.rows("c0/stall")
        assert (at, value) == (-40.0, 1.0)
        street.evidence.read(side["pictures"][0]["digest"])
        street.close()

    asyncio.run(scene())
