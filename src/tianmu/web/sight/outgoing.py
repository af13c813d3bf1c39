"""Files of evidence as they leave the city: on paper, taken out by a person, fetched by another
system. Where a model is set (``tianmu up --blur``) faces and plates on pictures are blurred, and a
picture or film that cannot be is not given out; where none is, it is said that nothing was.

The file that is kept stays as it was, and who looks at it in the city sees it so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tianmu.recognise.blur import Unblurred
from tianmu.recognise.fault import Unusable
from tianmu.web.answer.problem import Problem
from tianmu.web.sight.exposure import SYSTEMS

if TYPE_CHECKING:
    from tianmu.web.hub import Hub
    from tianmu.web.route.route import Ask

HEADER = "Tianmu-Blurred"
AT_ONCE = 1
"""pictures that are blurred at a time: they take memory, and hub has others to serve"""
BUSY = "other pictures are being blurred"
SHOWS = ("image/", "video/")
"""types of files on which somebody can be seen"""
HOLDS = ("audio/mp4", "audio/webm", "audio/ogg")
"""types that are said of voice, whose form may hold a film as well"""
FILM = re.compile(rb"hdlr.{8}vide|\x86[\x80-\x9f]V_[A-Z]|\x80theora|OVP80|BBCD\0", re.DOTALL)
"""how a track of a film is named there: handler of MP4, codec of Matroska, first packet of Ogg"""


@dataclass(frozen=True)
class Outgoing:
    content: bytes
    places: int | None
    """that were blurred; None: it was not looked at for any"""
    model: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """What was blurred, for whoever takes it."""
        if self.places is not None:
            said = f"{self.places} by {self.model}"
        else:
            said = f"not looked at by {self.model}" if self.model else "nothing: no model is set"
        return {HEADER: said, "Content-Disposition": "attachment"}

    @property
    def noted(self) -> dict[str, Any]:
        """For the trail."""
        return {"blurred": self.places, "model": self.model}


class Leaving:
    """Files by their digest as a printed page takes them, and what was blurred on them so far."""

    def __init__(self, hub: Hub, types: Mapping[str, str]) -> None:
        """``types``: digest → media type."""
        self._hub, self._types = hub, types
        self.places: int | None = None if hub.blurrer is None else 0

    def __call__(self, digest: str) -> bytes:
        """Raises as ``EvidenceStore.read`` does, and ``Unblurred``."""
        content, blurrer = self._hub.manage.evidence.read(digest), self._hub.blurrer
        if blurrer is None or self.places is None:
            return content
        try:
            done = blurrer.blur(content, self._types.get(digest, ""))
        except Unusable as error:
            raise Unblurred(str(error)) from error
        self.places += done.places
        return done.content


def leaves(ask: Ask, export: bool) -> bool:
    """Whether what is given now is taken out: asked for so, or by another system: it keeps it."""
    return export or not SYSTEMS.isdisjoint(ask.who.roles)


def _shows(content: bytes, media_type: str) -> bool:
    """Whether somebody can be seen on it, whatever whoever attached it said."""
    voice = media_type in HOLDS
    return media_type.startswith(SHOWS) or (voice and FILM.search(content) is not None)


def outgoing(hub: Hub, content: bytes, media_type: str) -> Outgoing:
    """The file as it may leave. Raises ``Problem``: what shows persons, and cannot be blurred by
    the model that is set."""
    blurrer = hub.blurrer
    if blurrer is None:
        return Outgoing(content, None)
    if not _shows(content, media_type):
        return Outgoing(content, None, blurrer.name)
    try:
        done = blurrer.blur(content, media_type)
    except (Unblurred, Unusable) as error:
        raise Problem(
            409,
            "not-blurred",
            f"faces and plates on it cannot be blurred: {error}",
            "have it looked at in the city, or attach it again as a JPEG, PNG or WebP picture",
        ) from error
    return Outgoing(done.content, done.places, blurrer.name)
