"""What other bodies sent that is not for the public: who may see it, and how what somebody drafts
from it is known."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tianmu.facts.text import Text
from tianmu.sense.cap import held

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

RESTRICTED = "restricted.read"
"""permission for what its sender did not mean for the public"""

NOT_PUBLIC: Text = {
    "zh": "外部单位的预警，可能非公开，内容不显示",
    "en": "a warning of another body that may not be for the public: not shown",
}
"""in place of what is wrong with one that could not be read"""


def restriction_of(hub: Hub, source: str) -> str:
    """For whom the message is that a draft names as its ``source``, in its sender's words; empty
    where it is for the public, or none that is here."""
    one = hub.ask("gate", partial(held.restricted, cited=source), None) if source else None
    return "" if one is None else one.restriction or "restricted"
