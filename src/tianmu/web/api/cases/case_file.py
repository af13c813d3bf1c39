"""A case on paper: all that its reader may see of it, in the order a file is read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tianmu.city.city import City
from tianmu.facts.text import Text, say
from tianmu.manage.words import phrase
from tianmu.recognise.blur import Unblurred
from tianmu.web.answer import moment
from tianmu.web.answer.language import called
from tianmu.web.paper.paper import Head, NoPicture, Paper

if TYPE_CHECKING:
    from tianmu.web.api.cases.evidence import EvidenceSaid
    from tianmu.web.api.cases.whole import CaseWhole

MEMBERS, EVENTS, ROOM = 300, 1000, 1000
"""rows that are printed of each; the newest of more"""
PICTURES = 24
"""pictures that a file carries; of more only names and digests"""


@dataclass(frozen=True)
class Print:
    """Who prints what, when, in which language; ``mark`` stands on every page."""

    case: CaseWhole
    mark: str
    who: str
    at: int
    language: str
    room: Sequence[tuple[int, str, str]] = ()
    """µs, who, what: the log of the command room"""
    model: str = ""
    """by which ``read`` blurs faces and plates; empty: nothing is blurred"""


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(
        (files("tianmu.web.api.cases") / "case_file.toml").read_text(encoding="utf-8")
    )


def room_words(language: str) -> dict[str, str]:
    """What each kind of entry of a command room is called."""
    return {kind: say(text, language) for kind, text in _words()["room_kinds"].items()}


def case_file(
    city: City, told: Print, read: Callable[[str], bytes], pages: Path | None = None
) -> bytes:
    """The PDF. ``read`` gives a file of evidence by its digest (``OSError``, ``ValueError`` where
    it cannot, ``Unblurred`` where it may not leave so); ``pages`` is the folder of the built
    pages, whose face it is set in."""
    return _Filing(city, told, read, pages).made()


class _Filing:
    """One printing."""

    def __init__(
        self, city: City, told: Print, read: Callable[[str], bytes], pages: Path | None
    ) -> None:
        self.city, self.told, self.case, self.read = city, told, told.case, read
        letterhead, one = city.letterhead, told.case
        title = f"{self.w('title')} {one.number}"
        printed = self.w(
            "printed", who=called(told.who, told.language), when=self.time(told.at),
            mark=told.mark, version=one.version,
        )  # fmt: skip
        foot = [words for words in (self.say(letterhead.foot), printed) if words]
        self.paper = Paper(
            Head(
                issuer=self.say(letterhead.issuer) or self.say(city.name),
                title=title,
                lines=tuple(self.say(line) for line in letterhead.lines),
                running=f"{title} · {self.say(one.title)}"[:90],
                foot=tuple(foot),
                logo=city.folder / letterhead.logo if letterhead.logo else None,
                font=city.folder / letterhead.font if letterhead.font else None,
                pages=pages,
                page=lambda number, all_: self.w("page", page=number, pages=all_),
            )
        )

    def made(self) -> bytes:
        self._front()
        self._levels()
        self._members()
        self._orders()
        self._tasks()
        self._timeline()
        self._room()
        self._evidence()
        return self.paper.made()

    # -- words -----------------------------------------------------------------------------------

    def w(self, key: str, **values: Any) -> str:
        found: Any = _words()
        for part in key.split("."):
            found = found[part]
        return say(found, self.told.language).format(**values) if values else self.say(found)

    def say(self, text: Text | None) -> str:
        return say(text, self.told.language) if text else ""

    def one_of(self, table: str, code: str) -> str:
        """A code in words; itself where it has none."""
        found = _words()[table].get(code)
        return self.say(found) if found else code

    def time(self, at: int | str | None) -> str:
        """In the city's time."""
        if not at:
            return "–"
        when = self.city.calendar.local(moment.read(at) if isinstance(at, str) else at)
        return f"{when:%Y-%m-%d %H:%M:%S}"

    def unit(self, name: Text | None, code: str) -> str:
        return self.say(name) or code

    def level(self, code: str) -> str:
        found = next((one for one in self.city.profile.levels if one.name == code), None)
        return f"{code} {self.say(found.text)}" if found else code

    # -- parts -----------------------------------------------------------------------------------

    def _front(self) -> None:
        case, paper = self.case, self.paper
        paper.title(self.say(case.title))
        address = case.place.address if case.place.address.strip("* ") else ""
        place = " · ".join(one for one in (self.say(case.division_name), address) if one)
        joint = [self.say(d.name) if (d := self.city.departments.get(c)) else c for c in case.joint]
        late = f" ({self.w('overdue')})" if case.overdue else ""
        pairs = [
            ("number", case.number),
            ("level", self.level(case.level)),
            ("matter", self.say(case.matter_name) or case.matter),
            ("stage", self.say(phrase(f"stage.{case.stage}"))),
            ("owner", self.unit(case.owner_name, case.owner) or self.w("none")),
            ("joint", ", ".join(joint) or self.w("none")),
            ("place", place or "–"),
            ("origin", self.one_of("origins", "probe" if case.probe else case.origin)),
            ("opened", self.time(case.opened_at)),
            ("closed", self.time(case.closed_at)),
            ("due", f"{self.time(case.due)}{late}"),
        ]
        paper.pairs((self.w(name), value) for name, value in pairs)
        paper.text(self.w("masked"), small=True)
        if case.text:
            paper.heading(self.w("told"))
            paper.text(case.text)

    def _levels(self) -> None:
        steps = [one for one in self.case.events if one.step == "grade" and one.data.get("level")]
        if not steps:
            return
        self.paper.heading(self.w("levels"))
        self.paper.table(
            [self.w("when"), self.w("level"), self.w("who"), self.w("why")],
            [
                [
                    self.time(one.at),
                    self.level(one.data["level"]),
                    self._actor(one.actor, one.actor_name),
                    self._after(self.say(one.text)),
                ]
                for one in steps
            ],
            (3, 4, 2, 8),
        )

    @staticmethod
    def _after(text: str) -> str:
        """What a step's line says after its name and its level."""
        return " · ".join(text.split(" · ")[2:])

    def _actor(self, account: str, name: str) -> str:
        if account.startswith("@"):
            return self.w("machine")
        return called(name or account, self.told.language)

    def _some(self, rows: Sequence[Any], most: int) -> Sequence[Any]:
        """The newest of them; how many are not there is said."""
        if len(rows) > most:
            self.paper.text(self.w("left_out", n=len(rows) - most), small=True)
        return rows[-most:]

    def _members(self) -> None:
        members = self.case.members
        self.paper.heading(f"{self.w('members')} ({self.case.signals})")
        shown = self._some(members, MEMBERS)
        if self.case.signals > len(members):
            self.paper.text(self.w("left_out", n=self.case.signals - len(members)), small=True)
        self.paper.table(
            [self.w("when"), self.w("what"), self.w("score"), self.w("why")],
            [
                [
                    self.time(one.at),
                    self.say(one.text) or one.device or one.id,
                    f"{one.score:.0%}",
                    " · ".join(self.say(reason) for reason in one.reasons),
                ]
                for one in shown
            ],
            (3, 6, 1.5, 6.5),
        )

    def _orders(self) -> None:
        if not self.case.orders and not self.case.calls:
            return
        self.paper.heading(self.w("orders"))
        rows = []
        for one in self.case.orders:
            state = self.one_of("order", one.state)
            late = f", {self.w('overdue')}" if one.overdue else ""
            people = ", ".join(who.name for who in one.persons) or self.w("nobody")
            what = " – ".join(part for part in (self.say(one.task), one.result) if part)
            rows.append(
                [
                    self.time(one.sent_at),
                    f"{self.unit(one.unit_name, one.unit)} ({people})",
                    what,
                    f"{state}{late}",
                    self.time(one.due),
                ]
            )
        rows += [
            [
                self.time(call.called_at),
                self.unit(call.unit_name, call.unit),
                self.w("calls"),
                self.time(call.arrived_at or call.ended_at),
                self.time(call.due),
            ]
            for call in self.case.calls
        ]
        names = [self.w(one) for one in ("when", "unit", "task", "state", "due")]
        self.paper.table(names, rows, (3, 4.5, 5, 2.5, 3))

    def _tasks(self) -> None:
        if not self.case.tasks:
            return
        self.paper.heading(self.w("tasks"))
        rows = [
            [
                self.say(one.text),
                ", ".join(
                    self.unit(name, code)
                    for name, code in zip(one.unit_names, one.units, strict=False)
                ),
                self.time(one.due),
                f"{self.time(one.done_at)} {one.done_by}".strip(),
            ]
            for one in self.case.tasks
        ]
        names = [self.w("task"), self.w("unit"), self.w("due"), self.w("order.done")]
        self.paper.table(names, rows, (7, 4, 3, 4))

    def _timeline(self) -> None:
        self.paper.heading(self.w("timeline"))
        rows = [
            [
                self.time(one.at) + (f"\n({self.time(one.done_at)})" if one.done_at else ""),
                self.say(phrase(f"stage.{one.stage}")),
                self._actor(one.actor, one.actor_name),
                self.say(one.text),
            ]
            for one in self._some(self.case.events, EVENTS)
        ]
        names = [self.w(one) for one in ("when", "stage", "who", "what")]
        self.paper.table(names, rows, (3, 1.8, 3, 10.2))

    def _room(self) -> None:
        if not self.told.room:
            return
        self.paper.heading(self.w("room"))
        rows = [
            [self.time(at), called(who, self.told.language), what]
            for at, who, what in self._some(self.told.room, ROOM)
        ]
        self.paper.table([self.w(one) for one in ("when", "who", "what")], rows, (3, 3, 12))

    def _evidence(self) -> None:
        self.paper.heading(self.w("evidence"))
        if not self.case.evidence:
            self.paper.text(self.w("none"))
            return
        names = {event.actor: event.actor_name for event in self.case.events}
        self.paper.table(
            [self.w(one) for one in ("when", "file", "who", "digest")],
            [
                [self.time(e.at), self._called(e), self._actor(e.actor, names.get(e.actor, "")),
                 e.evidence]
                for e in self.case.evidence
            ],
            (3, 5, 3, 7),
        )  # fmt: skip
        pictures = [
            one for one in self.case.evidence if one.url and one.media_type.startswith("image/")
        ]
        if pictures:
            model = self.told.model
            words = self.w("blurred", model=model) if model else self.w("nothing_blurred")
            self.paper.text(words, small=True)  # before them: alone it would take a page
        for number, one in enumerate(pictures):
            under = f"{self._called(one)} · {self.time(one.taken_at or one.at)} · {one.evidence}"
            try:
                if number >= PICTURES:
                    raise NoPicture(self.w("too_many"))
                self.paper.picture(self._content(one.evidence), under)
            except NoPicture as error:
                why = str(error) if number >= PICTURES or not error.__cause__ else ""
                words = self.w("no_picture", why=why or self.w("unreadable"))
                self.paper.text(f"{under}\n{words}", small=True)

    def _content(self, digest: str) -> bytes:
        try:
            return self.read(digest)
        except Unblurred:
            raise NoPicture(self.w("not_blurred")) from None
        except (OSError, ValueError):
            raise NoPicture(self.w("damaged")) from None

    def _called(self, one: EvidenceSaid) -> str:
        role = self.one_of("roles", one.role) if one.role else ""
        return f"{one.name or one.evidence[:12]} ({role})" if role else one.name
