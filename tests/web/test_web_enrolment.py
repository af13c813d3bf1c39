"""Registering devices by file: what is wrong is told by row and column, nothing is taken twice."""

from __future__ import annotations

import hashlib
import io
import json
import re
import uuid
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"
KIND = "smoke_detector"
HEAD = "device,kind,name,longitude,latitude,division,address\n"


def send(client: httpx.Client, body: str | bytes, sort: str = CSV, **how: Any) -> httpx.Response:
    content = named(body).encode() if isinstance(body, str) else body
    return client.post(
        "/api/devices/bulk", content=content, params=how, headers={"Content-Type": sort}, timeout=60
    )


def named(text: str) -> str:
    """``smoke`` is short for the kind that the pack has."""
    return re.sub(r"\bsmoke\b", KIND, text)


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.fixture
def admin(world: Any) -> Any:
    with world.client("system_admin") as client:
        yield client


@pytest.fixture
def stem() -> str:
    return f"e{uuid.uuid4().hex[:8]}"


def test_a_file_is_registered_with_what_it_leaves_out(world: Any, admin: Any, stem: str) -> None:
    city = world.hub.city
    kind = city.kinds[KIND]
    west, south, east, north = city.bbox
    x, y = (west + east) / 2, (south + north) / 2
    body = (
        f'{HEAD}{stem}-1,smoke,"two\nlines, ""quoted""",{x},{y},,wire/{stem}\n{stem}-2,smoke,,,,,\n'
    )
    answer = send(admin, "\ufeff" + body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["rows"], said["devices"], said["known"]) == (2, 2, 0)
    assert said["datastreams"] == 2 * len(kind.properties)
    one = admin.get(f"/api/devices/{stem}-1").json()
    assert one["name"] == 'two\nlines, "quoted"'
    assert one["properties"] == list(kind.properties)
    assert one["department"] == kind.department
    assert one["place"]["division"] == city.places.division_at(x, y)
    assert one["labels"] == {"address": f"wire/{stem}"}
    assert one["origin"] == "real"
    two = admin.get(f"/api/devices/{stem}-2").json()
    assert two["place"].get("longitude") is None and two["properties"] == one["properties"]
    # sent again it takes no effect, and gets the same answer
    again = send(admin, "\ufeff" + body).json()
    assert again == {**said, "again": True}
    digest = hashlib.sha256(named("\ufeff" + body).encode()).hexdigest()
    assert admin.get(f"/api/devices/bulk/{digest}").json() == again
    assert admin.get("/api/devices/bulk/0").status_code == 404


def test_gb_18030_is_read_and_said(admin: Any, stem: str) -> None:
    body = f"{HEAD}{stem},{KIND},楼梯间烟感,,,,\n".encode("gb18030")
    assert send(admin, body).json()["encoding"] == "gb18030"
    assert admin.get(f"/api/devices/{stem}").json()["name"] == "楼梯间烟感"


def test_what_is_registered_already_is_refused_or_left_out(
    world: Any, admin: Any, stem: str
) -> None:
    division = next(code for code, one in world.hub.city.divisions.items() if one.tier == 2)
    first = f"{HEAD}{stem}-1,smoke,one,119.5,31.5,{division},\n{stem}-2,smoke,two,,,,w/{stem}\n"
    assert send(admin, first).json()["devices"] == 2
    more = first + f"{stem}-3,smoke,three,,,,\n"
    refused = send(admin, more)
    assert refused.status_code == 409 and refused.json()["type"].endswith("taken")
    assert [one["where"] for one in refused.json()["faults"]] == [
        "rows[1].device",
        "rows[2].device",
    ]
    checked = send(admin, more, known="skip", check=True).json()
    assert (checked["devices"], checked["known"]) == (1, 2)
    assert admin.get(f"/api/devices/{stem}-3").status_code == 404
    taken = send(admin, more, known="skip").json()
    assert (taken["rows"], taken["devices"], taken["known"]) == (3, 1, 2)
    assert admin.get(f"/api/devices/{stem}-3").status_code == 200
    # in another order, with columns left out: the same
    some = f"kind,device\nsmoke,{stem}-3\nsmoke,{stem}-1\n"
    assert send(admin, some, known="skip").json()["known"] == 2
    # another content is a conflict, and nothing of the file is registered
    for row, column in (
        (f"{stem}-1,other_kind,one,119.5,31.5,{division},", "kind"),
        (f"{stem}-1,smoke,other,119.5,31.5,{division},", "name"),
        (f"{stem}-1,smoke,one,119.6,31.5,{division},", "longitude"),
        (f"{stem}-2,smoke,two,,,,x/{stem}", "address"),
        (f"{stem}-2,smoke,two,119.5,31.5,,", "longitude"),
    ):
        if column == "kind":
            row = row.replace("water_level", next(k for k in world.hub.city.kinds if k != KIND))
        answer = send(admin, f"{HEAD}{stem}-9,smoke,,,,,\n{row}\n", known="skip", first_row=1001)
        assert answer.status_code == 409, (column, answer.text)
        places = {one["where"] for one in answer.json()["faults"]}
        assert f"rows[1002].{column}" in places, places
    assert admin.get(f"/api/devices/{stem}-9").status_code == 404
    answer = send(admin, f"{HEAD}{stem}-9,smoke,,,,,w/{stem}\n", known="skip")
    assert answer.status_code == 409
    assert "belongs to another device" in answer.json()["detail"]


def test_devices_registered_singly_are_known_too(world: Any, admin: Any, stem: str) -> None:
    new = {
        "device": stem,
        "kind": KIND,
        "name": "n",
        "labels": {"address": f"s/{stem}"},
    }
    assert admin.post("/api/devices", json=new).status_code == 201
    body = f"{HEAD}{stem},smoke,n,,,,s/{stem}\n{stem}-b,smoke,,,,,\n"
    said = send(admin, body, known="skip").json()
    assert (said["devices"], said["known"]) == (1, 1)
    other = send(admin, f"{HEAD}{stem},smoke,m,,,,\n", known="skip")
    assert [one["where"] for one in other.json()["faults"]] == ["rows[1].name"]
    assert send(admin, f"{HEAD}{stem}-c,smoke,,,,,s/{stem}\n").status_code == 409


@pytest.mark.parametrize(
    ("body", "where", "says"),
    [
        ("", "", "is empty"),
        ("device,name\na,b\n", ".kind", "missing"),
        ("device,kind,colour\na,smoke,red\n", ".colour", "no such column"),
        ("device,kind,kind\na,smoke,smoke\n", ".kind", "twice"),
        ("device,kind\na,smoke\na b,smoke\n", "rows[2].device", "blank or a slash"),
        ("device,kind\na,smoke\n,smoke\n", "rows[2].device", "is empty"),
        ("device,kind\nx1,smoke\nx1,smoke\n", "rows[2].device", "row 1 already"),
        ("device,kind\na,cloud\n", "rows[1].kind", "no kind of the pack"),
        ("device,kind,division\na,smoke,1\n", "rows[1].division", "no division of the pack"),
        ("device,kind,department\na,smoke,1\n", "rows[1].department", "no department"),
        ("device,kind,source\na,smoke,1\n", "rows[1].source", "no source of the city"),
        ("device,kind,properties\na,smoke,state q\n", "rows[1].properties", "no property of"),
        ("device,kind,longitude,latitude\na,smoke,east,31\n", "rows[1].longitude", "no number"),
        ("device,kind,longitude,latitude\na,smoke,190,31\n", "rows[1].longitude", "outside"),
        ("device,kind,longitude,latitude\na,smoke,119,\n", "rows[1].longitude", "without"),
        ("device,kind,longitude\na,smoke,119\n", "rows[1].longitude", "without a latitude"),
        ("device,kind,origin\na,smoke,probe\n", "rows[1].origin", "none that there is"),
        ("device,kind,labels\na,smoke,floor\n", "rows[1].labels", "no JSON object"),
        ("device,kind,precision\na,smoke,-3\n", "rows[1].precision", "no distance"),
        ("device,kind\na,smoke\nb\nc,cloud\n", "rows[2]", "has 1 cells, and the head 2"),
        ("device,kind\na,smoke\nb\nc,cloud\n", "rows[3].kind", "no kind"),
        ('device,kind\na,"smoke\nb,smoke\n', "rows[1]", "quote is opened in line 2"),
        ("PK\x03\x04 and so on", "", "Excel workbook"),
        (b"device,kind\n\xff\xff,smoke\n", "", "neither UTF-8 nor"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_row_and_column(
    admin: Any, body: str | bytes, where: str, says: str
) -> None:
    answer = send(admin, body)
    assert answer.status_code == 422, answer.text
    found = [one["what"] for one in answer.json()["faults"] if where in one["where"]]
    assert any(says in what for what in found), answer.json()["faults"]
    assert all(": " in what for what in found), "with a remedy"


def test_many_faults_are_counted_and_the_first_are_told(admin: Any) -> None:
    body = "device,kind\n" + "".join(f"x-{n},cloud\n" for n in range(5000))
    told = send(admin, body, first_row=200_001).json()
    assert len(told["faults"]) == 100
    assert told["faults"][0]["where"] == "rows[200001].kind"
    assert "4999 more" in told["detail"]


def test_parquet_of_any_type_of_column(admin: Any, stem: str) -> None:
    body = parquet(
        device=pa.array([f"{stem}-1", f"{stem}-2"]).dictionary_encode(),
        kind=[KIND, KIND],
        name=pa.array([7, None], pa.int32()),
        longitude=pa.array([119.5, float("nan")], pa.float32()),
        latitude=pa.array([31, None], pa.int16()),
        properties=[["state"], []],
        labels=pa.array(['{"floor": "3"}', None]),
        precision=[5, None],
    )
    assert send(admin, body, PARQUET).json()["devices"] == 2
    one = admin.get(f"/api/devices/{stem}-1").json()
    assert one["name"] == "7" and one["labels"] == {"floor": "3"} and one["properties"] == ["state"]
    assert one["place"]["precision"] == 5
    assert len(admin.get(f"/api/devices/{stem}-2").json()["properties"]) >= 1
    assert send(admin, body[:-20], PARQUET).status_code == 422
    wrong = send(admin, parquet(device=["a"], kind=[KIND], name=[["x"]]), PARQUET)
    assert "texts are wanted" in wrong.json()["detail"]
    assert send(admin, "{}", "application/json").status_code == 415


def test_no_rows_register_nothing(world: Any, admin: Any) -> None:
    before = world.hub.registry.count_devices, world.hub.registry.position
    said = send(admin, "device,kind\n").json()
    assert (said["rows"], said["devices"]) == (0, 0)
    said = send(admin, parquet(device=pa.array([], pa.string()), kind=pa.array([], pa.string())),
                PARQUET).json()  # fmt: skip
    assert said["rows"] == 0
    assert (world.hub.registry.count_devices, world.hub.registry.position) == before


def test_the_clerk_may_die(world: Any, admin: Any, stem: str) -> None:
    assert send(admin, f"device,kind\n{stem}-1,smoke\n").json()["devices"] == 1
    clerk = world.hub.memory["clerk"]
    clerk._process.kill()
    clerk._process.wait()
    assert send(admin, f"device,kind\n{stem}-2,smoke\n").json()["devices"] == 1
    assert not list((world.hub.data / "registry").glob(".incoming-*"))


def test_the_trail_says_who_registered(world: Any, admin: Any, stem: str) -> None:
    send(admin, f"device,kind\n{stem},smoke\n")
    with world.client("audit_admin") as client:
        items = client.get("/api/audit", params={"verb": "device.register"}).json()["items"]
    assert json.loads(json.dumps(items[0]["detail"]))["devices"] == 1
