"""What the tables know of alarms and reports that come in: asked for at once, not one by one."""

from __future__ import annotations

from sqlalchemy import Connection, select

from tianmu.manage.kept import table

LOOK = 500
"""names asked for in one query"""


class Known:
    """Of one transaction. ``look`` before the others are asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._members: dict[str, tuple[int, int] | None] = {}
        self._reports: set[str] = set()
        self._asked: set[str] = set()

    def look(self, alarms: list[str], reports: list[str]) -> None:
        m, r = table.member.c, table.report.c
        for start in range(0, len(alarms), LOOK):
            some = alarms[start : start + LOOK]
            self._members.update(dict.fromkeys(some))
            asked = select(m.id, m.serial, m.returned).where(m.kind == "alarm", m.id.in_(some))
            for alarm, serial, returned in self._connection.execute(asked):
                self._members[alarm] = (serial, returned)
        for start in range(0, len(reports), LOOK):
            some = reports[start : start + LOOK]
            told = self._connection.scalars(select(r.report).where(r.report.in_(some)))
            self._reports.update(told)
            self._asked.update(some)

    def member(self, alarm: str) -> tuple[int, int] | None:
        """Serial number of the case the alarm was taken into, and whether it has returned."""
        if alarm not in self._members:
            self.look([alarm], [])
        return self._members[alarm]

    def reported(self, report: str) -> bool:
        """Whether the report is there already."""
        if report not in self._asked:
            self.look([], [report])
        return report in self._reports
