"""What stands in the street now: by camera, with what is urgent first."""

from __future__ import annotations

import numpy as np

from tianmu.facts.text import Text, fill
from tianmu.scenarios.model_street import fronts as fronting
from tianmu.scenarios.model_street.words import settings
from tianmu.scenarios.present import Figure, Present, Shape
from tianmu.scenarios.recognition import FILE, BadPatience, kinds_of, of_city
from tianmu.scenarios.ring import around
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.world import World
from tianmu.sense.recognition.kind import EventKind

MOST = 5_000
"""cameras that are looked at"""
UNKNOWN, CALM, SOME, BUSY, URGENT = 0, 1, 2, 3, 4


def present(world: World) -> Present:
    told = settings_of(__file__)
    words = settings().present
    kinds = kinds_of(told)
    found = world.devices(str(told["recognition"]["device"]), MOST)
    if not len(found):
        return Present(at=world.now, degree=0, why=(words.no_camera,), notes=_notes(world, 0))
    # told when it changes, and 0 when all is gone: the last word holds, however old it is
    told_last = np.array([world.last(world.streams(found, one.code))[0] for one in kinds])
    heard, standing = np.isfinite(told_last).any(axis=0), np.nan_to_num(told_last)
    urgent = np.array([one.code in words.urgent for one in kinds])
    total, pressing = int(standing.sum()), int(standing[urgent].sum())
    degree = URGENT if pressing else BUSY if total >= words.busy else SOME if total else CALM
    if not heard.any():
        degree = UNKNOWN
    shapes = [
        Shape(
            "camera",
            around(float(found.longitude[at]), float(found.latitude[at]), words.ring_m),
            _degree(standing[urgent, at].any(), standing[:, at].any(), heard[at]),
            float(standing[:, at].sum()),
            _label(world, int(found.index[at]), kinds, standing[:, at], bool(heard[at])),
        )
        for at in range(len(found))
    ]
    why = _why(kinds, standing.sum(axis=1)) if total else words.none
    if not heard.any():
        why = words.unheard
    return Present(
        at=world.now,
        degree=degree,
        why=(why,),
        figures=(
            Figure(words.cameras, float(len(found) + found.left_out)),
            Figure(words.standing, float(total) if heard.any() else None, says=words.standing_says),
            Figure(words.urgent_name, float(pressing) if heard.any() else None),
            *(
                Figure(dict(one.name), float(count))
                for one, count in zip(kinds, standing.sum(axis=1), strict=True)
                if count
            ),
        ),
        shapes=tuple(shapes),
        notes=_notes(world, found.left_out),
        origins=found.origins,
    )


def _degree(urgent: bool, some: bool, heard: bool) -> int:
    if urgent:
        return URGENT
    return SOME if some else CALM if heard else UNKNOWN


def _why(kinds: tuple[EventKind, ...], count: np.ndarray) -> Text:
    """The three kinds of which most stands."""
    words = settings().present
    most = [at for at in np.argsort(-count, kind="stable").tolist() if count[at]][:3]
    return {
        language: phrase.format(
            kinds=", ".join(f"{kinds[at].name[language]} {int(count[at])}" for at in most)
        )
        for language, phrase in words.why.items()
    }


def _label(
    world: World, index: int, kinds: tuple[EventKind, ...], count: np.ndarray, heard: bool
) -> Text:
    device = world.registry.device(index)
    here = [(one, int(number)) for one, number in zip(kinds, count, strict=True) if number]
    if not here:
        words = settings().present.calm if heard else settings().present.silent
        return {language: text.format(camera=device.name or device.device)
                for language, text in words.items()}  # fmt: skip
    return {
        language: phrase.format(
            camera=device.name or device.device,
            kinds=", ".join(f"{one.name[language]} {number}" for one, number in here),
        )
        for language, phrase in settings().present.label.items()
    }


def _notes(world: World, left_out: int) -> tuple[Text, ...]:
    """What is missing or was set aside."""
    words = settings().present
    notes: list[Text] = []
    try:
        fronts = fronting.of_city(world.city, world.folder)
        notes.append(_said(words.fronts, count=len(fronts)) if len(fronts) else words.no_fronts)
        if fronts.seeded:
            notes.append(_said(words.seeded_fronts, count=fronts.seeded))
    except fronting.BadFronts as error:
        notes.append(_said(words.bad_file, why=str(error)))
    try:
        of_city(kinds_of(settings_of(__file__)), world.folder / FILE)
    except BadPatience as error:
        notes.append(_said(words.bad_file, why=str(error)))
    if left_out:
        notes.append(_said(words.left_out, count=left_out))
    return tuple(notes)


def _said(text: Text, **given: object) -> Text:
    return fill(text, **given)
