"""A gate that is killed while messages come in: each counts once, and what was told agrees."""

from __future__ import annotations

import asyncio
import os
import random
from functools import partial
from pathlib import Path

from killed import killed_after
from tianmu.sense.cap import held

from .bureau import Bureau, alert, info, reference

MESSAGES = 200


def message(number: int) -> bytes:
    """Each takes the place of the one before; its colour alternates."""
    severity = "Severe" if number % 2 else "Extreme"
    if not number:
        return alert("m0", info(severity=severity))
    refers = reference(f"m{number - 1}")
    return alert(f"m{number}", info(severity=severity), kind="Update", references=refers)


def child(data: Path, pipe: int) -> None:
    async def scene() -> None:
        bureau = Bureau(data)
        for number in range(MESSAGES):
            assert await bureau.state(message(number)) == "taken"
            os.write(pipe, b"%d\n" % number)

    asyncio.run(scene())


def test_what_was_acknowledged_is_there_once_after_a_kill(tmp_path: Path) -> None:
    acknowledged = len(killed_after(random.Random(3).randrange(40, 150), partial(child, tmp_path)))

    async def scene() -> None:
        bureau = Bureau(tmp_path)
        states = [await bureau.state(message(number)) for number in range(MESSAGES)]
        # one may have been written and not yet acknowledged
        assert states.count("duplicate") in {acknowledged, acknowledged + 1}
        assert states == sorted(states), "the duplicates first"
        names = [one.identifier for one in bureau.facts()]
        assert names == [f"m{n}" for n in range(MESSAGES)]
        assert bureau.levels("warned-east/rainstorm") == [4 - n % 2 for n in range(MESSAGES)]
        standing = bureau.door.main.read(lambda c: held.listed(c, 0, 1000, now=bureau.now))
        assert [one.bulletin.identifier for one in standing] == [f"m{MESSAGES - 1}"]
        bureau.close()

    asyncio.run(scene())
