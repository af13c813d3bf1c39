"""Rows as the monitoring centre's page holds them: figures within tags."""

from __future__ import annotations

import pyarrow as pa

from tianmu.scenarios.run import parameters_of, run_model
from tianmu.scenarios.water_ecology.run_classes import GB3838

TIP = "<span data-toggle='tooltip' data-placement='right' title='原始值：{0}31'>{0}</span>"


def test_figures_within_tags_are_read_and_come_out_as_they_stood() -> None:
    rows = {
        "断面名称": ["<span title='x'>312国道桥</span>", "泰伯大桥"],
        "溶解氧<br/>(mg/L)": [TIP.format("8.42"), "--"],
        "氨氮<br/>(mg/L)": [TIP.format("1.6"), "&lt;0.01"],
        "总磷(mg/L)": [TIP.format("0.055"), "<0.01"],
    }
    made = run_model(GB3838, pa.table(rows), parameters_of(GB3838, ["water=river"]))
    assert made["class"].to_pylist() == ["Ⅴ", "Ⅰ"]
    assert made["deciding"].to_pylist() == ["氨氮", "氨氮、总磷"]
    assert made["below_detection"].to_pylist() == [None, "氨氮、总磷"]
    assert made.select(list(rows)).to_pydict() == rows
