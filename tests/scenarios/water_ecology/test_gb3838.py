"""GB 3838-2002: the class of each item, the item that decides, the multiple of its excess."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.water_ecology.model import MODELS
from tianmu.scenarios.water_ecology.standard import standard

EXTRACT = Path(__file__).parent / "cnemc_extract.csv"
MODEL = next(one for one in MODELS if one.name == "gb3838")
CLASSES = ["Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ"]


def judged(columns: dict[str, list[str]] | pa.Table, *said: str) -> dict[str, list[object]]:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    made = MODEL.run(table, parameters_of(MODEL, said))
    assert made.column_names == [one.name for one in MODEL.gives] and len(made) == len(table)
    return made.to_pydict()


def extract() -> pa.Table:
    with EXTRACT.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    return pa.table({name: [row[name] for row in rows] for name in rows[0]})


# what is wrong in the published rows themselves: station, time → cause
KNOWN = {
    ("五里湖心", "2021-04-04 08:00"): "printed at a limit",
    ("五里湖心", "2021-04-04 20:00"): "printed at a limit",
    ("平台山", "2021-04-05 16:00"): "printed at a limit",
    ("越溪桥", "2021-04-02 00:00"): "printed at a limit",
    ("钓邾大桥", "2021-04-01 16:00"): "printed at a limit",
    ("陈东港", "2021-04-04 20:00"): "printed at a limit",
    ("兰山嘴(老)", "2021-04-02 00:00"): "class of the row before",
    ("兰山嘴(老)", "2021-04-03 00:00"): "class of the row before",
    ("航管站", "2021-04-04 00:00"): "class of the row before",
}


def test_published_rows_have_their_official_class() -> None:
    table = extract()
    made = judged(table, "water=station", "pack=liyang")
    rows = table.to_pylist()
    seen = set()
    for at, row in enumerate(rows):
        key = row["断面名称"], row["监测时间"]
        if row["水质类别"] == "*":
            assert made["no_figure"][at], key
        elif key not in KNOWN:
            assert made["class"][at] == row["水质类别"], key
            seen.add(row["水质类别"])
        elif KNOWN[key] == "printed at a limit":
            assert made["class_if_rounded"][at] == row["水质类别"] != made["class"][at], key
        else:
            before = next(r for r, own in pairwise(rows) if own is row)
            assert before["断面名称"] == row["断面名称"]
            assert before["水质类别"] == row["水质类别"] != made["class"][at], key
    assert seen == {"Ⅱ", "Ⅲ", "Ⅳ", "Ⅴ", "劣Ⅴ"}


def test_total_phosphorus_of_lakes_is_another_and_total_nitrogen_is_apart() -> None:
    columns = {"总磷(mg/L)": ["0.06"], "总氮(mg/L)": ["1.8"]}
    river, lake = judged(columns), judged(columns, "water=lake")
    assert river["class"] == ["Ⅱ"] and river["apart"] == [None]
    assert lake["class"] == ["Ⅳ"] and lake["apart"] == ["总氮 Ⅴ"]
    both = judged(columns, "water=lake", "also=总氮")
    assert both["class"] == ["Ⅴ"] and both["deciding"] == ["总氮"] and both["apart"] == [None]
    assert judged({"总氮": ["9"], "氨氮": ["0.1"]}, "also=TN")["class"] == ["Ⅰ"]  # none in rivers


def test_limits_belong_to_the_better_class_and_a_hair_beyond_is_told() -> None:
    made = judged({"溶解氧": ["6.00", "5.99", "2", "1.9"], "pH": ["9", "9.01", "6", "5.99"]})
    assert made["class"] == ["Ⅱ", "劣Ⅴ", "Ⅴ", "劣Ⅴ"]
    assert made["deciding"] == ["溶解氧", "pH", "溶解氧", "溶解氧、pH"]
    assert made["class_if_rounded"] == ["劣Ⅴ", None, "劣Ⅴ", None]


def test_the_multiple_is_that_of_what_decides() -> None:
    made = judged({
        "氨氮(mg/L)": ["1.8", "0.4", "1.2", "0.5", "--"],
        "总磷(mg/L)": ["0.36", "0.1", "0.1", "0.05", ""],
        "溶解氧(mg/L)": ["8", "8", "1", "4", "*"],
    })  # fmt: skip
    assert made["class"] == ["Ⅴ", "Ⅱ", "劣Ⅴ", "Ⅳ", None]
    assert made["deciding"] == ["氨氮、总磷", "氨氮、总磷", "溶解氧", "溶解氧", None]
    # ammonia 0.8, phosphorus 0.8; kept; oxygen alone decides twice: none is reckoned; no figure
    assert made["multiple"][:2] == [pytest.approx(0.8), 0.0]
    assert made["multiple"][2:] == [None, None, None]
    assert made["exceeding"] == ["氨氮、总磷", None, "氨氮、溶解氧", "溶解氧", None]
    for said in ("Ⅱ类", "II", "2"):
        assert judged({"氨氮(mg/L)": ["1.8"]}, f"target={said}")["multiple"] == [2.6]
    over_two = judged({"氨氮(mg/L)": ["1.8", "0.4"]}, "target=Ⅱ")
    assert over_two["multiple"] == [pytest.approx(2.6), 0.0]


def test_cells_as_laboratories_write_them() -> None:
    cells = ["0.6", "0.6 mg/L", "600μg/L", "600 ug/L", "<1.2", "1.2L", "＜1.2", " ０.６ ", ">0.6"]
    made = judged({"NH3-N（mg/L）": cells, "pH": ["7"] * len(cells)})
    assert made["class"] == ["Ⅲ"] * len(cells)
    below = [None] * 4 + ["NH3-N"] * 3 + [None] * 2
    assert made["below_detection"] == below  # half of 1.2 counts
    assert judged({"汞(μg/L)": ["0.05", "未检出"]})["class"] == ["Ⅰ", "Ⅰ"]
    assert judged({"w20119": ["60"]})["class"] == ["Ⅳ"]  # arsenic, µg/L in HJ 212
    assert judged({"粪大肠菌群(个/L)": ["12000"], "pH": ["7"]})["apart"] == ["粪大肠菌群 Ⅳ"]


def test_commas_are_decimal_unless_they_may_part_thousands() -> None:
    cells = ["0,6", "<1,2", "0,600 mg/L", "600μg/L"]
    assert judged({"氨氮": cells, "总磷": ["0,1"] * 4})["class"] == ["Ⅲ"] * 4


@pytest.mark.parametrize(
    "head",
    [
        "氨氮",
        "氨氮(NH3-N)",
        "氨氮（NH₃-N）（mg/L）",
        "氨氮(mg/L)",
        "NH3-N (as N) (mg/L)",
        "氨氮(以N计)",
        "W21003",
    ],
)
def test_heads_as_they_are_written(head: str) -> None:
    made = judged({head: ["1.2"], "铬(六价)(μg/L)": ["1"], "氨氮备注(内部)": ["-"]})
    assert made["class"] == ["Ⅳ"] and made["no_figure"] == [None]


def test_a_limit_in_another_unit_is_still_the_limit() -> None:
    for item in standard().item:
        if item.unit == "mg/L" and item.sense == "at_most" and item.limits and item.counted:
            micro = [f"{limit * 1000:.10g}" for limit in item.limits]
            name = item.name["zh"]
            assert (
                judged({f"{name}(μg/L)": micro})["class"]
                == (judged({name: [f"{limit:.10g}" for limit in item.limits]})["class"])
            ), name


def test_numbers_and_dictionaries_of_parquet() -> None:
    table = pa.table({
        "ammonia": pa.chunked_array([[0.4, None], [2.5]]),
        "总磷": pa.array(["0.05", "*", "0.5"]).dictionary_encode(),
        "COD": pa.nulls(3),
    })  # fmt: skip
    made = judged(table)
    assert made["class"] == ["Ⅱ", None, "劣Ⅴ"]
    assert made["no_figure"] == ["COD", "ammonia、总磷、COD", "COD"]
    assert judged(table.slice(0, 0))["class"] == []


def test_oxygen_at_saturation() -> None:
    columns = {"水温(℃)": ["30", "10", "*"], "溶解氧": ["7.0", "7.0", "7.0"]}
    assert judged(columns)["class"] == ["Ⅱ"] * 3
    assert judged(columns, "saturation=yes")["class"] == ["Ⅰ", "Ⅱ", "Ⅱ"]
    with pytest.raises(BadParameter, match="water temperature"):
        judged({"溶解氧": ["7"]}, "saturation=yes")


@pytest.mark.parametrize(
    ("columns", "row", "column", "what"),
    [
        ({"氨氮(mg/L)": ["0.1", "0,1"]}, 2, "氨氮(mg/L)", "'0,1' is no figure"),
        ({"氨氮(mg/L)": ["0.1 m"]}, 1, "氨氮(mg/L)", "'0.1 m' is no figure"),
        ({"pH": ["7", "7", "77"]}, 3, "pH", "77 is no possible ph"),
        ({"氨氮": ["-0.1"]}, 1, "氨氮", "-0.1 mg/L is no possible ammonia"),
        ({"氨氮": ["0.1", "1e400"]}, 2, "氨氮", "inf mg/L is no possible ammonia"),
        ({"氨氮": ["1,234", "2"]}, 1, "氨氮", "'1,234' is no figure"),
        ({"氨氮(mmol/L)": ["1"]}, 0, "氨氮(mmol/L)", "unit mmol/L of ammonia is not known"),
        ({"氨氮": ["1"], "NH3-N": ["1"]}, 0, "NH3-N", "is ammonia as is 氨氮"),
        ({"x": ["1"]}, 0, "", "no column is an item of GB 3838"),
    ],
)
def test_faults_say_where(columns: dict[str, list[str]], row: int, column: str, what: str) -> None:
    with pytest.raises(BadInput) as told:
        judged(columns)
    assert (told.value.row, told.value.column, told.value.what) == (row, column, what)
    assert told.value.remedy


def test_parameters_that_cannot_be() -> None:
    columns = {"断面名称": ["somewhere"], "氨氮": ["1"]}
    for said, what in [
        (("target=Ⅶ",), "no class that can be kept"),
        (("target=劣Ⅴ",), "no class that can be kept"),
        (("water=station",), "is needed for water=station"),
        (("water=station", "pack=nowhere"), "no pack nowhere"),
        (("also=gold",), "gold is no item"),
    ]:
        with pytest.raises(BadParameter, match=what):
            judged(columns, *said)
    with pytest.raises(BadInput, match=r"somewhere is not in the pack's water_stations\.csv"):
        judged(columns, "water=station", "pack=liyang")


def test_the_target_of_each_station_is_the_packs() -> None:
    """The second section of Port Ellery is to keep Ⅲ, its third Ⅱ."""
    columns = {"station": ["river-2", "river-3", "lake-1"], "ammonia": ["0.8"] * 3}
    made = judged(columns, "water=station", "target=station", "pack=port_ellery")
    assert made["class"] == ["Ⅲ"] * 3
    assert made["multiple"] == [0.0, pytest.approx(0.6), 0.0]
    assert made["exceeding"] == [None, "ammonia", None]


ITEMS = {one.key: one for one in standard().item if one.counted and one.limits}


@settings(max_examples=60, deadline=None)
@given(some.data(), some.sampled_from(["river", "lake"]), some.integers(0, 4))
def test_columns_agree_with_judging_one_by_one(
    data: some.DataObject, water: str, target: int
) -> None:
    """Against the standard read naively, figure by figure."""
    keys = some.lists(some.sampled_from(sorted(ITEMS)), min_size=1, max_size=6, unique=True)
    chosen = [ITEMS[key] for key in data.draw(keys)]
    rows = data.draw(some.integers(1, 5))
    columns = {}
    for item in chosen:
        limits = [*item.limits_in(water), 0.0]
        value = some.one_of(
            some.none(), some.sampled_from(limits), some.floats(item.low, min(item.high, 50.0))
        )
        columns[item.name["en"]] = data.draw(some.lists(value, min_size=rows, max_size=rows))
    table = pa.table({name: pa.array(values, pa.float64()) for name, values in columns.items()})
    made = judged(table, f"water={water}", f"target={CLASSES[target]}")
    for row in range(rows):
        numbers = {}
        for item in chosen:
            value = columns[item.name["en"]][row]
            limits = item.limits_in(water)
            if value is None:
                continue
            if item.sense == "between":
                numbers[item.key] = 0 if limits[0] <= value <= limits[1] else 5
            elif item.sense == "at_least":
                numbers[item.key] = next((n for n, at in enumerate(limits) if value >= at), 5)
            else:
                numbers[item.key] = next((n for n, at in enumerate(limits) if value <= at), 5)
        if not numbers:
            assert made["class"][row] is None
            continue
        worst = max(numbers.values())
        assert made["class"][row] == CLASSES[worst]
        deciding = [item for item in chosen if numbers.get(item.key) == worst]
        assert made["deciding"][row] == "、".join(item.name["en"] for item in deciding)
        over = [
            columns[item.name["en"]][row] / item.limits_in(water)[target] - 1
            for item in deciding
            if item.multiple
        ]
        wanted = 0.0 if worst <= target else max(over, default=None)
        got = made["multiple"][row]
        assert got == (wanted if wanted is None else pytest.approx(wanted, rel=1e-6, abs=1e-6))


def test_the_table_is_that_of_the_standard() -> None:
    """Limits never get stricter from class to class, and lakes' own are no looser than rivers'."""
    for item in standard().item:
        if item.sense == "between" or not item.limits:
            continue
        sign = -1 if item.sense == "at_least" else 1
        assert len(item.limits) == 5 and all(np.diff(item.limits) * sign >= 0), item.key
        assert all(a <= b for a, b in zip(item.lake_limits, item.limits, strict=False))
    counted = [item for item in standard().item if item.limits and item.counted]
    assert len(counted) == 21  # 环办〔2011〕22号
