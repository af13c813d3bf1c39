"""What could not be read is kept apart unless it says that it is for the public."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import sqlalchemy as sa

from tianmu.sense import hold
from tianmu.sense.cap.connector import PATH
from tianmu.sense.cap.scope import public

from ..door import post, run
from .bureau import Bureau, alert
from .test_cap_tables import SCOPE

WHOLE = alert("a1")
RESTRICTED = alert("a2", scope=SCOPE["Restricted"])


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (WHOLE, True),
        (WHOLE[:-20], True),  # cut off
        (WHOLE.replace(b"headline", b"head line", 1), True),
        (WHOLE.decode().replace("alert", "c:alert").encode(), True),  # no XML: a prefix of nobody
        (RESTRICTED, False),
        (RESTRICTED[:-20], False),
        (RESTRICTED.replace(b"Restricted", b"Public"), False),  # but for whom it is, is said
        (alert("a3", scope=SCOPE["Private"])[:-20], False),
        (alert("a4", scope=""), False),  # does not say
        (alert("a4", scope="")[:-20], False),
        (alert("a5", scope="<scope>public</scope>"), False),
        (WHOLE[:-20].replace(b"<scope>", b"<!-- <scope>"), False),
        (WHOLE + RESTRICTED, False),
        (WHOLE[:-8] + RESTRICTED[38:] + b"</alert>", False),
        (WHOLE.decode().encode("utf-16")[:-20], False),
        (b"\x00\xff", False),
        (b"", False),
    ],
)  # fmt: skip
def test_what_is_for_the_public(data: bytes, wanted: bool) -> None:
    assert public(data) is wanted


@run
async def test_it_is_marked_where_it_is_kept(tmp_path: Path) -> None:
    bureau = Bureau(tmp_path)
    for body in (WHOLE[:-20], RESTRICTED[:-20], WHOLE.replace(b"Expected", b"Soon"),
                 RESTRICTED.replace(b"Expected", b"Soon")):  # fmt: skip
        await bureau.tell(body)
    c = hold.quarantine.c
    rows = bureau.door.main.read(lambda x: x.execute(sa.select(c.payload, c.restricted)).all())
    assert {(b"Restricted" in row.payload, row.restricted) for row in rows} == {
        (False, False), (True, True)
    }  # fmt: skip
    assert len(rows) == 4
    bureau.close()


@run
async def test_what_could_not_be_unpacked_is_not_said_to_be_for_the_public(tmp_path: Path) -> None:
    """Most of a packed message that was cut off can be read all the same."""
    bureau = Bureau(tmp_path)
    packed = gzip.compress(RESTRICTED)[:-9]
    told = await post(bureau.http, "bureau", packed, {"content-encoding": "gzip"}, PATH)
    assert told[0] == 400
    c = hold.quarantine.c
    rows = bureau.door.main.read(lambda x: x.execute(sa.select(c.source, c.restricted)).all())
    assert rows == [("bureau", None)]  # then it goes by what its source speaks
    bureau.close()
