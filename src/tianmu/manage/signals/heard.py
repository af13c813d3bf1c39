"""Facts as signals of this city: where its divisions put them, what their devices hang on, which of
its matters their words speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.report import Report
from tianmu.manage.signals.place import located, within
from tianmu.manage.signals.signal import Signal, of_alarm, of_report
from tianmu.manage.signals.vocabulary import Vocabulary

if TYPE_CHECKING:
    from tianmu.city.city import City

Labels = Callable[[str], Mapping[str, str]]
"""labels of a device as it is registered"""


def nothing(device: str) -> Mapping[str, str]:
    """Of a device of which no labels are known."""
    return {}


def from_device(city: City, labels: Labels, event: AlarmEvent) -> Signal:
    """The signal of an alarm; it hangs on what the labels of its device say, of those that the
    pack names."""
    names = city.merging.ties
    said = labels(event.device) if names and event.device else {}
    ties = tuple(f"{name}={said[name]}" for name in names if said.get(name))
    return of_alarm(event, ties, within(city, event.place))


def from_person(city: City, vocabulary: Vocabulary, report: Report) -> Signal:
    """The signal of a report."""
    words = vocabulary.matters(f"{report.title}\n{report.text}")[:3]  # clauses of their own
    signal = of_report(report, tuple(words))
    place = located(city, report)
    return replace(signal, place=place) if place is not report.place else signal
