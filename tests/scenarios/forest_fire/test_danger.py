"""The five classes: their steps, their cut-offs, and the days since rain."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tianmu.scenarios.forest_fire.danger import DryDays, Figures, grade_of, next_danger
from tianmu.scenarios.forest_fire.model import FIGURES, run_danger


def days(*rows: tuple[float, float, float, float]) -> pa.Table:
    return pa.table(
        dict(
            zip(("tmax", "rhmin", "prec", "wind"), map(list, zip(*rows, strict=True)), strict=True)
        )
    )


def run(table: pa.Table, **parameters: str) -> pa.Table:
    return run_danger(table, {"dry": "0", "green": "0", "snow": "0", **parameters})


@pytest.mark.parametrize(
    ("index", "grade"),
    [(0, 1), (25, 1), (26, 2), (50, 2), (51, 3), (72, 3), (73, 4), (90, 4), (91, 5), (120, 5)],
)
def test_cut_offs_of_the_standard(index: float, grade: int) -> None:
    assert grade_of(FIGURES, index) == grade


@pytest.mark.parametrize(
    ("wind", "points"),
    [(0.2, 0), (0.3, 5), (1.6, 10), (3.4, 15), (5.5, 20), (8, 25), (10.8, 30), (13.9, 35),
     (17.2, 40), (30, 40)],
)  # fmt: skip
def test_wind_by_beaufort(wind: float, points: float) -> None:
    assert run(days((10, 50, 0, wind)))["d_wind"].to_pylist() == [points]


def test_days_since_rain() -> None:
    """Ten points on a day of light rain, five a day after it, up to fifty; heavy rain holds the
    ground wet for a day more."""
    light = run(days((16, 60, 1.0, 2), *[(16, 60, 0, 2)] * 10))["c_dry"].to_pylist()
    assert light == [10, 15, 20, 25, 30, 35, 40, 45, 50, 50, 50]
    heavy = run(days((16, 60, 12, 2), *[(16, 60, 0, 2)] * 3), dry="50")["c_dry"].to_pylist()
    assert heavy == [0, 0, 5, 10]
    drizzle = run(days((16, 60, 0.2, 2)), dry="40")["c_dry"].to_pylist()
    assert drizzle == [45]


def test_a_dry_windy_afternoon_is_extreme_and_snow_calms_it() -> None:
    table = days((26, 20, 0, 9))
    bare = run(table, dry="50")
    assert bare["index"].to_pylist() == [105] and bare["class"].to_pylist() == [5]
    assert run(table, dry="50", snow="95")["class"].to_pylist() == [4]
    cover = table.append_column("green", pa.array([92.0]))
    assert run(cover, dry="50")["e_cover"].to_pylist() == [15]


def test_the_index_is_never_below_nothing() -> None:
    made = next_danger(
        FIGURES, DryDays(), temp=-5, humidity=100, rain=20, wind=0, green=100, snow=0
    )
    assert (made.index, made.grade) == (0, 1)


def test_the_figures_say_what_they_are_based_on() -> None:
    assert isinstance(FIGURES, Figures) and "default, to be set by the city" in FIGURES.basis
