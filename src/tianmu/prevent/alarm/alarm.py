"""The alarm state machine of IEC 62682:2014 / ANSI/ISA-18.2-2016 as a pure function.

States go by name; the letters differ between editions. What happens to an alarm is either its
condition (``raise``, ``return``) or a deed. ``shelve``, ``suppress`` and ``remove_from_service``
are possible from every state but each other's and end, when they are undone, in the state that
the condition then has. ``remove_from_service`` is also possible from shelved and suppressed:
maintenance goes before both.

Two readings are ours, since the sources we could see leave them open: a latched alarm that is
reset before anybody acknowledged it still waits for acknowledgement (returned unacknowledged);
and a condition that still holds when shelving ends is announced anew (unacknowledged).
"""

from __future__ import annotations

from typing import Final

from tianmu.facts.alarm import AlarmState

RAISE: Final = "raise"
RETURN: Final = "return"
ACKNOWLEDGE: Final = "acknowledge"
RESET: Final = "reset"
SHELVE: Final = "shelve"
UNSHELVE: Final = "unshelve"
SUPPRESS: Final = "suppress"
UNSUPPRESS: Final = "unsuppress"
REMOVE: Final = "remove_from_service"
RESTORE: Final = "return_to_service"
WORSEN: Final = "worsen"
"""the condition has become chattering (told once), or is worse than was told: no state changes"""

TRANSITIONS: Final = (
    RAISE,
    RETURN,
    ACKNOWLEDGE,
    RESET,
    SHELVE,
    UNSHELVE,
    SUPPRESS,
    UNSUPPRESS,
    REMOVE,
    RESTORE,
)
DEEDS: Final = TRANSITIONS[2:]
"""Those that a person may do."""

_S = AlarmState
WITHHELD: Final = frozenset({_S.SHELVED, _S.SUPPRESSED_BY_DESIGN, _S.OUT_OF_SERVICE})
"""Not annunciated, by a person, by logic or by maintenance."""
ANNUNCIATED: Final = frozenset(
    {
        _S.UNACKNOWLEDGED,
        _S.ACKNOWLEDGED,
        _S.RETURNED_UNACKNOWLEDGED,
        _S.LATCHED_UNACKNOWLEDGED,
        _S.LATCHED_ACKNOWLEDGED,
    }
)
"""On the operator's list."""
WAITING: Final = frozenset(
    {_S.UNACKNOWLEDGED, _S.RETURNED_UNACKNOWLEDGED, _S.LATCHED_UNACKNOWLEDGED}
)
"""Wanting an acknowledgement."""

_WITHHOLD: Final = {
    SHELVE: _S.SHELVED,
    SUPPRESS: _S.SUPPRESSED_BY_DESIGN,
    REMOVE: _S.OUT_OF_SERVICE,
}
_RELEASE: Final = {
    (_S.SHELVED, UNSHELVE),
    (_S.SUPPRESSED_BY_DESIGN, UNSUPPRESS),
    (_S.OUT_OF_SERVICE, RESTORE),
}


class NotPermitted(ValueError):
    """A transition that the state does not have."""

    def __init__(self, state: AlarmState, transition: str, why: str) -> None:
        super().__init__(f"{transition} is not possible in state {state.value}: {why}")
        self.state, self.transition, self.why = state, transition, why


def follow(
    state: AlarmState, transition: str, *, condition: bool, latching: bool = False
) -> AlarmState:
    """The state after ``transition``. ``condition``: whether the condition holds after it.

    ``raise`` and ``return`` are always possible (and change nothing where the state already
    says so); any other transition that the state does not have raises ``NotPermitted``.
    """
    match transition:
        case "raise":
            return _raised(state)
        case "return":
            return _returned(state, latching)
        case "acknowledge":
            return _acknowledged(state)
        case "reset":
            if state is _S.LATCHED_ACKNOWLEDGED:
                return _S.NORMAL
            if state is _S.LATCHED_UNACKNOWLEDGED:
                return _S.RETURNED_UNACKNOWLEDGED
            raise NotPermitted(state, transition, "only a latched alarm is reset")
        case "shelve" | "suppress" | "remove_from_service":
            if state in WITHHELD and (transition != REMOVE or state is _S.OUT_OF_SERVICE):
                raise NotPermitted(state, transition, "it is withheld already")
            return _WITHHOLD[transition]
        case "unshelve" | "unsuppress" | "return_to_service":
            if (state, transition) not in _RELEASE:
                raise NotPermitted(state, transition, "it is not withheld in this way")
            return _S.UNACKNOWLEDGED if condition else _S.NORMAL
    raise NotPermitted(state, transition, "there is no such transition")


def permitted(state: AlarmState, *, shelvable: bool = True) -> tuple[str, ...]:
    """The deeds that are possible in ``state``."""
    deeds = []
    for deed in DEEDS:
        if deed == SHELVE and not shelvable:
            continue
        try:
            follow(state, deed, condition=False)
        except NotPermitted:
            continue
        deeds.append(deed)
    return tuple(deeds)


def _raised(state: AlarmState) -> AlarmState:
    if state in WITHHELD or state is _S.ACKNOWLEDGED:
        return state
    return _S.UNACKNOWLEDGED


def _returned(state: AlarmState, latching: bool) -> AlarmState:
    if state is _S.UNACKNOWLEDGED:
        return _S.LATCHED_UNACKNOWLEDGED if latching else _S.RETURNED_UNACKNOWLEDGED
    if state is _S.ACKNOWLEDGED:
        return _S.LATCHED_ACKNOWLEDGED if latching else _S.NORMAL
    return state


def _acknowledged(state: AlarmState) -> AlarmState:
    match state:
        case _S.UNACKNOWLEDGED:
            return _S.ACKNOWLEDGED
        case _S.RETURNED_UNACKNOWLEDGED:
            return _S.NORMAL
        case _S.LATCHED_UNACKNOWLEDGED:
            return _S.LATCHED_ACKNOWLEDGED
    raise NotPermitted(state, ACKNOWLEDGE, "nothing waits for acknowledgement")
