"""Pictures that came with an alarm: evidence of its case from the beginning."""

from __future__ import annotations

from tianmu.manage.case.draft import Draft
from tianmu.manage.signals.signal import Signal

MOST = 5
"""pictures of one alarm"""


def show(draft: Draft, signal: Signal) -> None:
    """An ``evidence`` event for each picture of the signal that the case does not have yet."""
    for told in signal.pictures[:MOST]:
        if told["digest"] not in draft.state.photos:
            draft.add("evidence", dict(told))
