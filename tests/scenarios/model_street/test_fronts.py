"""Whose front it is, by picture and by distance; files that cannot be used."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tianmu.city import pack
from tianmu.scenarios.model_street.fronts import BadFronts, Fronts, of_city
from tianmu.scenarios.model_street.recognised import adds
from tianmu.sense.recognition.kind import Sighted

HEAD = "code,name_zh,name_en,longitude,latitude,camera,left,top,right,bottom,origin\n"
METRE = 1 / 111_195.0
LINES = (
    f"s1,面馆,Noodles,119.5,{31.4 + 10 * METRE:.7f},c0,0,0.5,0.5,1,real\n"
    f"s2,花店,Flowers,119.5,{31.4 + 20 * METRE:.7f},c0,0.5,0.5,1,1,\n"
    f"s3,书店,Books,119.6,{31.5:.7f},,,,,,seeded\n"
)


def city(**more: Any) -> Any:
    return cast(Any, SimpleNamespace(**{"fronts": (), "languages": ("zh", "en"), **more}))


def fronts(tmp_path: Path, lines: str = LINES) -> Fronts:
    """As the city's own file says it."""
    (tmp_path / "shop_fronts.csv").write_text(HEAD + lines, encoding="utf-8")
    return of_city(city(), tmp_path)


def test_the_picture_tells_by_the_foot_of_the_box(tmp_path: Path) -> None:
    known = fronts(tmp_path)
    assert len(known) == 3 and known.seeded == 1
    told = known.answers("c0", 119.5, 31.4, (0.55, 0.2, 0.65, 0.8), 30)
    assert told is not None and told.front.code == "s2" and told.metres is None
    assert known.answers("c0", 119.5, 31.4, (0.55, 0.1, 0.65, 0.4), 30) is None, "in the road"


def test_else_the_nearest_front_within_reach_answers(tmp_path: Path) -> None:
    known = fronts(tmp_path)
    told = known.answers("c1", 119.5, 31.4, (0.55, 0.2, 0.65, 0.8), 30)
    assert told is not None and told.front.code == "s1" and round(told.metres or 0) == 10
    assert known.answers("c1", 119.5, 31.4, None, 9) is None
    assert known.answers("c1", None, None, None, 30) is None
    assert Fronts(()).answers("c1", 119.5, 31.4, None, 30) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (",a,a,119,31,,,,,,\n", "is missing or stands twice"),
        ("s1,a,a,119,31,c0,0,0,1,1,\n", "is missing or stands twice"),
        ("s,a,a,east,31,,,,,,\n", "longitude 'east' is no number"),
        ("s,a,a,31,119,,,,,,\n", "latitude 119 is out of range"),
        ("s,a,a,119,,,,,,,\n", "has no place"),
        ("s,a,a,119,31,c0,0,0,2,1,\n", "right 2 is out of range"),
        ("s,a,a,119,31,c0,0.5,0,0.2,1,\n", "enclose nothing"),
        ("s,a,a,119,31,c0,,,,,\n", "go together"),
        ("s,a,a,119,31,,0,0,1,1,\n", "go together"),
        ("s,a,a,119,31,,,,,,mine\n", "origin 'mine' is not known"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(BadFronts, match=rf"shop_fronts.csv:3: .*{why}"):
        fronts(tmp_path, LINES.splitlines(keepends=True)[0] + line)


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_the_packs_fronts_are_made_from_a_seed_and_say_so(name: str, tmp_path: Path) -> None:
    known = of_city(pack.load(name), tmp_path)
    assert len(known) > 20 and known.seeded == len(known)


def test_what_an_alarm_is_told_of_its_place(tmp_path: Path, caplog: Any) -> None:
    fronts(tmp_path)
    add = adds(city(), tmp_path)

    def sighted(**more: Any) -> Sighted:
        told = {"device": "c1", "kind": "off_store_operation", "box": None, **more}
        return Sighted(longitude=119.5, latitude=31.4, **told)

    said = add(sighted())
    assert said["front"] == {"code": "s1", "name": {"zh": "面馆", "en": "Noodles"}, "metres": 10}
    assert said["description"] == (
        "门前责任店面：面馆（距摄像机约 10 米，按最近） "
        "Front that answers: Noodles (nearest, about 10 m from the camera)"
    )
    drawn = add(sighted(device="c0", box=(0.1, 0.1, 0.2, 0.9)))
    assert drawn["front"]["code"] == "s1" and "by its place in the picture" in drawn["description"]
    assert add(sighted(kind="road_ponding")) == {}, "no shop answers for water on the road"
    (tmp_path / "shop_fronts.csv").write_text("code\n", encoding="utf-8")
    assert adds(city(), tmp_path)(sighted()) == {} and "is missing" in caplog.text
