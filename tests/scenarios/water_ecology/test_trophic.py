"""TLI(Σ): the published weights and formulas, with and without transparency."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from tianmu.scenarios.contract import BadInput, Listener, listening
from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.water_ecology import trophic as tli
from tianmu.scenarios.water_ecology.model import MODELS
from tianmu.scenarios.water_ecology.standard import trophic
from tianmu.scenarios.water_ecology.words import settings

MODEL = next(one for one in MODELS if one.name == "tli")


def run(columns: dict[str, list[str]], *said: str) -> dict[str, list[object]]:
    made = MODEL.run(pa.table(columns), parameters_of(MODEL, said))
    assert made.column_names == [one.name for one in MODEL.gives]
    return made.to_pydict()


def test_the_weights_are_those_published() -> None:
    published = {"chlorophyll": 0.2663, "phosphorus": 0.1879, "nitrogen": 0.1790,
                 "transparency": 0.1834, "permanganate": 0.1834}  # fmt: skip
    found = tli.weights(trophic().part)
    assert dict(zip((part.item for part in trophic().part), found.round(4), strict=True)) == (
        pytest.approx(published)
    )


def test_one_lake_by_hand() -> None:
    made = run({"叶绿素a(mg/L)": ["0.0102"], "总磷(mg/L)": ["0.05"], "总氮(mg/L)": ["1.5"],
                "透明度(cm)": ["50"], "高锰酸盐指数(mg/L)": ["4.1"]})  # fmt: skip
    parts = [
        10 * (2.5 + 1.086 * math.log(10.2)), 10 * (9.436 + 1.624 * math.log(0.05)),
        10 * (5.453 + 1.694 * math.log(1.5)), 10 * (5.118 - 1.94 * math.log(0.5)),
        10 * (0.109 + 2.661 * math.log(4.1)),
    ]  # fmt: skip
    squares = [1, 0.7056, 0.6724, 0.6889, 0.6889]
    whole = sum(w * p for w, p in zip(squares, parts, strict=True)) / sum(squares)
    assert made["tli"] == [pytest.approx(whole, abs=1e-4)]
    assert made["grade"] == ["轻度富营养"] and made["weights"] == ["五项齐全"]
    assert [made[f"tli_{part.item}"][0] for part in trophic().part] == pytest.approx(
        parts, abs=1e-4
    )


def test_without_transparency_the_weights_sum_to_one_again_and_it_is_said() -> None:
    told: list[str] = []
    columns = {"叶绿素α(mg/L)": ["0.0102", "*", "0.000"], "总磷(mg/L)": ["0.05"] * 3,
               "总氮(mg/L)": ["1.5"] * 3, "高锰酸盐指数(mg/L)": ["4.1"] * 3}  # fmt: skip
    with listening(Listener(lambda done, total: None, told.append)):
        made = run(columns, "language=en")
    parts = np.array([
        10 * (2.5 + 1.086 * math.log(10.2)), 10 * (9.436 + 1.624 * math.log(0.05)),
        10 * (5.453 + 1.694 * math.log(1.5)), 10 * (0.109 + 2.661 * math.log(4.1)),
    ])  # fmt: skip
    share = np.array([1, 0.7056, 0.6724, 0.6889])
    assert made["tli"] == [pytest.approx((share * parts).sum() / share.sum(), abs=1e-4), None, None]
    assert made["weights"][0] == "weights made to sum to one again, without: Transparency"
    assert made["weights"][1] == "no index, without: Chlorophyll a, Transparency"
    assert made["grade"][1:] == [None, None]  # no figure, and none above zero
    assert told == ["1 row lacks an item: the weights of the others sum to one again"]


@pytest.mark.parametrize("head", ["叶绿素a(mg/m³)", "叶绿素a(μg/L)", "chl-a（ug/L）"])
def test_chlorophyll_in_milligrams_a_cubic_metre_is_the_same(head: str) -> None:
    assert run({head: ["10.2"]})["tli"] == run({"叶绿素a": ["0.0102"]})["tli"]
    assert run({"叶绿素a": ["10.2 mg/m³"]})["tli"] == run({"叶绿素a(mg/L)": ["0.0102"]})["tli"]


def test_grades_at_their_ends() -> None:
    ends = [29.99, 30, 50, 50.01, 60, 60.01, 70, 70.01, np.nan]
    found = tli.grades(np.array(ends), settings().trophic.upto)
    assert found.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, -1]


def test_without_a_column_of_chlorophyll_nothing_is_reckoned() -> None:
    with pytest.raises(BadInput, match="there is no such column"):
        run({"总磷(mg/L)": ["0.05"]})
