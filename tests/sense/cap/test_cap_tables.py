"""What becomes of a message by the tables of CAP 1.2: status, scope, msgType."""

from __future__ import annotations

from pathlib import Path

import pytest

from tianmu.sense.cap.codec import KINDS, SCOPES, STATUSES, names, read
from tianmu.sense.cap.meaning import bulletin

from ..door import NOW, run
from .bureau import Bureau, alert, city, info, reference

SCOPE = {
    "Public": "<scope>Public</scope>",
    "Restricted": "<scope>Restricted</scope><restriction>offices alone</restriction>",
    "Private": '<scope>Private</scope><addresses>other@x "city centre"</addresses>',
}
TAKEN = {"Actual", "Exercise", "Test"}
"""statuses of messages that are for people"""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_becomes_of_each(status: str, scope: str, kind: str) -> None:
    told = read(
        alert("a1", info(), status=status, kind=kind, scope=SCOPE[scope],
              references=reference("a0"))
    )  # fmt: skip
    ours = bulletin(city(), "s", told, NOW, addresses=("city centre",))
    if status not in TAKEN or kind in {"Ack", "Error"}:
        assert isinstance(ours, str) and ours
        return
    assert not isinstance(ours, str)
    assert (ours.status, ours.kind, ours.public) == (status, kind, scope == "Public")
    wanted = {"Public": "", "Restricted": "offices alone", "Private": "other@x city centre"}
    assert ours.restriction == wanted[scope]
    theirs = bulletin(city(), "s", told, NOW)
    assert isinstance(theirs, str) == (scope == "Private"), "addressed to others"
    if scope == "Private":
        assert "addresses" in str(theirs)


def test_addresses_with_blanks_stand_in_quotes() -> None:
    assert names('a@b "city centre" c') == ("a@b", "city centre", "c")
    assert names("") == ()


@run
async def test_what_is_not_for_the_public_is_no_observation(tmp_path: Path) -> None:
    """Whoever reads observations, alarms and cases would read it there."""
    bureau = Bureau(tmp_path, settings={"addresses": ["city centre"]})
    await bureau.bulletins.look()
    for name in ("Restricted", "Private"):
        assert await bureau.state(alert(name, scope=SCOPE[name])) == "taken"
    await bureau.bulletins.look()
    assert bureau.levels("warned-city/rainstorm") == [0]
    assert await bureau.state(alert("open")) == "taken"
    assert bureau.levels("warned-city/rainstorm") == [0, 3]
    bureau.close()


@run
async def test_an_alert_that_names_another_does_not_end_it(tmp_path: Path) -> None:
    """The standard lets any message have references; only updates and cancellations end."""
    bureau = Bureau(tmp_path)
    await bureau.tell(alert("a1"))
    assert await bureau.state(alert("a2", hours=0.05, references=reference("a1"))) == "taken"
    assert bureau.stages() == {"a1": "in_force", "a2": "in_force"}
    bureau.close()
