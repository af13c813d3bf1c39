"""What the centre asks of a panel: its clock, its readings, whether anybody is on duty."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from tianmu.facts.deed import Deed
from tianmu.sense.gbt26875.body import Object, write_objects
from tianmu.sense.gbt26875.centre import Centre
from tianmu.sense.gbt26875.codec import Frame, build
from tianmu.sense.gbt26875.link import NoAnswer
from tianmu.sense.gbt26875.panels import Known
from tianmu.sense.gbt26875.readings import PROTOCOL, local_label, local_time
from tianmu.sense.gbt26875.tables import ANSWER, CONFIRM, CONTROL, REQUEST

log = logging.getLogger("tianmu.gbt26875")

DAY = 86_400_000_000
AGAIN = 600_000_000
"""µs before a clock that is still off is set again"""
SYNCHRONISE, DUTY, INITIALISE = 90, 91, 89
READ_CLOCK = 88
DUTY_MINUTES = 5
"""minutes of a duty check that names none; a default, to be set by the city"""
READS = frozenset((61, 62, 63, 64, 65, 66, 67, 68, 81, 84, 85, 86, 88))
"""down types that ask for something (table 3)"""


def unit_of(address: str) -> str:
    """Source address of the transmission unit behind the address of any of its devices."""
    return address.removeprefix(f"{PROTOCOL}/").partition("/")[0]


class Asking:
    """Asks panels that have a link. Each question is sent again as the standard advises."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre

    def _linked(self, address: str) -> Known:
        known = self._centre.panels.by_address(address)
        if known is None or known.link is None:
            raise NoAnswer(f"{address} has no link: it must connect before it can be asked")
        return known

    async def _ask(
        self, known: Known, command: int, type_flag: int, objects: list[Object]
    ) -> Frame:
        link, centre = known.link, self._centre
        if link is None:
            raise NoAnswer(f"{known.wire}: the link has gone")
        data = bytes((type_flag, len(objects))) + write_objects(type_flag, objects)

        def frame(serial: int) -> bytes:
            return build(
                serial=serial,
                version=known.version[0],
                user_version=known.version[1],
                label=local_label(centre.intake.now(), centre.zone),
                source=known.destination,
                destination=known.wire_address(),
                command=command,
                data=data,
            )

        return await link.ask(
            frame,
            CONFIRM if command == CONTROL else ANSWER,
            patience=centre.options.patience,
            resends=centre.options.resends,
        )

    async def read(self, address: str, type_flag: int, objects: Sequence[Object]) -> list[Object]:
        """Ask a panel (down types 61–88) and give the objects it answers, which are also kept as
        readings. Raises ``NoAnswer``, and ``ValueError`` for a type that asks nothing."""
        if type_flag not in READS:
            raise ValueError(f"type {type_flag} asks nothing; choose from {sorted(READS)}")
        answer = await self._ask(self._linked(address), REQUEST, type_flag, list(objects))
        return answer.objects

    async def initialise(self, address: str) -> None:
        """Initialise a transmission unit (type 89). Raises ``NoAnswer``."""
        await self._ask(self._linked(address), CONTROL, INITIALISE, [{"reserved": 0}])

    async def synchronise(self, address: str) -> None:
        """Set a panel's clock to the city's (type 90). Raises ``NoAnswer``."""
        await self._synchronise(self._linked(address))

    async def _synchronise(self, known: Known) -> None:
        centre = self._centre
        now = local_label(centre.intake.now(), centre.zone)
        time = f"{2000 + now[5]}-{now[4]:02}-{now[3]:02}T{now[2]:02}:{now[1]:02}:{now[0]:02}"
        await self._ask(known, CONTROL, SYNCHRONISE, [{"time": time}])
        centre.counts["clocks_set"] += 1

    def mind_clock(self, known: Known, told: str | None) -> Coroutine[Any, Any, None] | None:
        """The work of setting the clock of a panel whose frame told ``told`` (ISO local time or
        None), where that is due: on the first frame of a link, once a day, or when it is off,
        which is also told. None where it is not due."""
        centre = self._centre
        now = centre.intake.now()
        since = now - known.clock_set_at
        first = known.clock_set_at == 0
        if not first and since < AGAIN:
            return None
        at = local_time(told, centre.zone)
        off = None if at is None else (at - now) / 1e6
        if off is not None and abs(off) <= known.settings.clock_off_seconds:
            off = None
        if not first and since < DAY and off is None:
            return None
        known.clock_set_at = now
        return self._set_clock(known, told, off, centre.options.settle if first else 0.0)

    async def _set_clock(
        self, known: Known, told: str | None, off: float | None, settle: float
    ) -> None:
        centre = self._centre
        try:
            if off is not None:
                await centre.tell(known, "clock", off, told_time=told)
            if known.settings.synchronise:
                await asyncio.sleep(settle)
                await self._synchronise(known)
        except NoAnswer as error:
            centre.counts["clocks_not_set"] += 1
            log.info("clock of %s not set: %s", known.panel.address, error)

    # -- as deeds of people --

    async def check_by_deed(self, address: str, deed: Deed) -> None:
        """A duty check that somebody ordered (``data: {minutes}``). Where the panel cannot even
        be asked, nobody is there as far as we know: that is a reading as well."""
        unit = unit_of(address)
        about = {"deed": deed.deed, "asked_by": deed.actor}
        try:
            await self.duty_check(unit, int(deed.data.get("minutes", DUTY_MINUTES)), **about)
        except NoAnswer as error:
            await self._tell_unit(unit, "duty_check", 0.0, reason=str(error), **about)

    async def synchronise_by_deed(self, address: str, deed: Deed) -> None:
        """Set a panel's clock because somebody ordered it, and read it back: reading ``clock``,
        without a number where the panel did not answer."""
        unit = unit_of(address)
        try:
            await self.synchronise(unit)
            await self.read(unit, READ_CLOCK, [{"reserved": 0}])
        except NoAnswer as error:
            about = {"deed": deed.deed, "asked_by": deed.actor}
            await self._tell_unit(unit, "clock", float("nan"), reason=str(error), **about)

    async def _tell_unit(self, unit: str, name: str, value: float, **side: Any) -> None:
        known = self._centre.panels.find(unit, "")
        if known is None:
            log.warning("%s: no source may speak for it, so %s is not told", unit, name)
        else:
            await self._centre.tell(known, name, value, **side)

    async def duty_check(self, address: str, minutes: int, **about: Any) -> bool:
        """Ask whether anybody is at the panel (查岗, type 91): True when the operator answers
        within ``minutes`` (1–255). What came of it is a reading ``duty_check``, 1 or 0, with
        ``about`` beside it. Raises ``ValueError`` for other minutes, ``NoAnswer`` where the panel
        has no link."""
        if not 1 <= minutes <= 255:
            raise ValueError(f"a duty check allows 1 to 255 minutes, not {minutes}")
        known = self._linked(address)
        asked_at = self._centre.intake.now()
        waiting: asyncio.Future[Object] = asyncio.get_running_loop().create_future()
        known.duty.append(waiting)
        side = {"minutes": minutes, "asked_at": asked_at, **about}
        try:
            await self._ask(known, CONTROL, DUTY, [{"minutes": minutes}])
            answer = await asyncio.wait_for(waiting, minutes * self._centre.options.minute)
        except NoAnswer as error:
            await self._centre.tell(known, "duty_check", 0, reason=str(error), **side)
            return False
        except TimeoutError:
            reason = "nobody answered in time"
            await self._centre.tell(known, "duty_check", 0, reason=reason, **side)
            return False
        finally:
            known.duty.remove(waiting)
        await self._centre.tell(known, "duty_check", 1, operator=answer["operator"], **side)
        return True
