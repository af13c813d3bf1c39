"""``tianmu model``: the same rows in the same order, and errors that say where."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from tianmu.cli import main

HEAD = "lat,mon,day,temp,rh,ws,prec"
GOOD = f"{HEAD}\n40,4,13,17,42,25,0\n40,4,14,20,21,25,2.4\n"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["model", *map(str, words)])


def fwi(folder: Path, text: str | bytes, *more: str) -> Result:
    source = folder / "in.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    return run("forest-fire", "fwi", "--in", source, "--out", folder / "out.csv", *more)


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def test_cells_come_out_as_they_stood(tmp_path: Path) -> None:
    odd = f'{HEAD},note,code\n40.0,04,13,17,42,25,0,"a, ""b""\nc",007\n40,4,14,20,21,25,2.40,,\n'
    done = fwi(tmp_path, odd)
    assert done.exit_code == 0, done.output
    first, second = rows(tmp_path / "out.csv")
    assert first["note"] == 'a, "b"\nc' and first["code"] == "007" and first["mon"] == "04"
    assert second["prec"] == "2.40" and second["note"] == ""
    assert float(first["ffmc"]) == pytest.approx(87.692980092774448, abs=1e-9)


def test_csv_and_parquet_give_the_same(tmp_path: Path) -> None:
    assert fwi(tmp_path, GOOD).exit_code == 0
    table = pa.table({"lat": [40, 40], "mon": [4, 4], "day": [13, 14], "temp": [17.0, 20.0],
                      "rh": [42, 21], "ws": [25, 25], "prec": [0, 2.4]})  # fmt: skip
    pq.write_table(table, tmp_path / "in.parquet")
    done = run("forest-fire", "fwi", "--in", tmp_path / "in.parquet", "--out",
               tmp_path / "out.parquet", "--json")  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 2
    made = pq.read_table(tmp_path / "out.parquet")
    assert made.column_names[:7] == table.column_names
    assert made.column("fwi").to_pylist() == pytest.approx(
        [float(row["fwi"]) for row in rows(tmp_path / "out.csv")]
    )


def test_columns_kept_as_places_in_a_dictionary_are_read_and_come_out_so(tmp_path: Path) -> None:
    table = pa.table({"lat": [40, 40], "mon": ["4", "4"], "day": [13, 14], "temp": [17.0, 20.0],
                      "rh": [42, 21], "ws": ["25", "25"], "prec": [0, 2.4],
                      "note": ["a", "a"]})  # fmt: skip
    for name in ("mon", "ws", "note"):
        at = table.column_names.index(name)
        table = table.set_column(at, name, table.column(name).dictionary_encode())
    pq.write_table(table, tmp_path / "in.parquet")
    done = run("forest-fire", "fwi", "--in", tmp_path / "in.parquet", "--out",
               tmp_path / "out.parquet")  # fmt: skip
    assert done.exit_code == 0, done.output
    made = pq.read_table(tmp_path / "out.parquet")
    assert made.schema.field("mon").type == made.schema.field("note").type
    assert pa.types.is_dictionary(made.schema.field("mon").type)
    assert made["ffmc"].to_pylist()[0] == pytest.approx(87.692980092774448, abs=1e-9)


def test_names_in_other_cases_and_gb18030_are_read(tmp_path: Path) -> None:
    text = "LAT,Mon,day,temp,RH,ws,prec,说明\n40,4,13,17,42,25,0,晴\n"
    done = fwi(tmp_path, text.encode("gb18030"))
    assert done.exit_code == 0 and "GB 18030" in done.stderr
    [row] = rows(tmp_path / "out.csv")
    assert row["说明"] == "晴" and row["RH"] == "42"


def test_names_with_their_units_are_read(tmp_path: Path) -> None:
    """As ``--list`` writes them, and as tables are published."""
    assert fwi(tmp_path, GOOD).exit_code == 0
    wanted = [row["fwi"] for row in rows(tmp_path / "out.csv")]
    heads = "lat (° N),mon,day,Temp（℃）,RH(%),WS [km/h],prec (mm)"
    done = fwi(tmp_path, GOOD.replace(HEAD, heads))
    assert done.exit_code == 0, done.output
    made = rows(tmp_path / "out.csv")
    assert list(made[0])[:7] == heads.split(",")
    assert [row["fwi"] for row in made] == wanted


def test_cells_with_their_units_are_read(tmp_path: Path) -> None:
    assert fwi(tmp_path, GOOD).exit_code == 0
    wanted = [row["fwi"] for row in rows(tmp_path / "out.csv")]
    text = f"{HEAD}\n40,4,13,17 °C,42%,25km/h,0 mm\n40,4,14,20℃,21 %,25,2.4\n"
    assert fwi(tmp_path, text).exit_code == 0
    made = rows(tmp_path / "out.csv")
    assert made[0]["temp"] == "17 °C" and [row["fwi"] for row in made] == wanted
    done = fwi(tmp_path, text.replace("25km/h", "7 m/s"))
    assert done.exit_code == 1 and "row 1, column ws: '7 m/s' is no number" in done.stderr


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_read(tmp_path: Path, separator: str) -> None:
    """As the sample of the R package cffdrs is published."""
    assert fwi(tmp_path, GOOD).exit_code == 0
    wanted = rows(tmp_path / "out.csv")
    done = fwi(tmp_path, GOOD.replace(",", separator))
    assert done.exit_code == 0 and rows(tmp_path / "out.csv") == wanted


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_where_it_says_so(tmp_path: Path, encoding: str) -> None:
    assert fwi(tmp_path, GOOD).exit_code == 0
    wanted = rows(tmp_path / "out.csv")
    done = fwi(tmp_path, ("\ufeff" + GOOD.replace(",", "\t")).encode(encoding))
    assert done.exit_code == 0 and "read as UTF-16" in done.stderr
    assert rows(tmp_path / "out.csv") == wanted
    (tmp_path / "out.csv").unlink()
    done = fwi(tmp_path, GOOD.encode(encoding))
    assert done.exit_code == 1 and "bytes of zero, as UTF-16 without its mark" in done.stderr
    done = fwi(tmp_path, ("\ufeff" + GOOD).encode(encoding)[:-1])
    assert done.exit_code == 1 and "UTF-16 that breaks off" in done.stderr


def test_semicolons_and_decimal_commas_are_read(tmp_path: Path) -> None:
    text = GOOD.replace("17,42", "17.5,42.25")
    assert fwi(tmp_path, text).exit_code == 0
    wanted = [row["fwi"] for row in rows(tmp_path / "out.csv")]
    done = fwi(tmp_path, text.replace(",", ";").replace(".", ","))
    assert done.exit_code == 0 and "column temp: its commas are read as decimal" in done.stderr
    made = rows(tmp_path / "out.csv")
    assert made[0]["temp"] == "17,5" and [row["fwi"] for row in made] == wanted


def test_parameters_after_one_param_or_several(tmp_path: Path) -> None:
    assert fwi(tmp_path, GOOD, "--param", "ffmc=90", "dmc=30", "dc=200").exit_code == 0
    once = rows(tmp_path / "out.csv")
    several = ("--param", "ffmc=90", "--param", "dmc=30", "--param", "dc=200")
    assert fwi(tmp_path, GOOD, *several).exit_code == 0
    assert rows(tmp_path / "out.csv") == once
    assert fwi(tmp_path, GOOD, "--param", "ffmc=90 dmc=30  dc=200").exit_code == 0
    assert rows(tmp_path / "out.csv") == once
    assert float(once[0]["dc"]) > 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("zorn=3", "fwi has no such parameter: there are ffmc, dmc, dc, factor"),
        ("ffmc=abc", "'abc' is no number"),
        ("ffmc=200", "not between 0 and 101"),
        ("dmc=1e9", "not between 0 and 5000"),
        ("ffmc", "is not k=v"),
        ("factor=near", "one of published, exact"),
    ],
)
def test_a_bad_parameter_is_refused(tmp_path: Path, given: str, told: str) -> None:
    done = fwi(tmp_path, GOOD, "--param", given)
    assert done.exit_code == 1 and told in done.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{HEAD}\n40,4,13,17,42,25,0\n40,4,14,17,1x2,25,0\n", "row 2, column rh: '1x2' is no num"),
        (f"{HEAD}\n40,4,13,17,142,25,0\n", "row 1, column rh: 142 is not between 0 and 100"),
        (f"{HEAD}\n,4,13,17,42,25,0\n", "row 1, column lat: no value"),
        (f"{HEAD}\n40,4,13,17,42,25,0\n40,4,14,17,42\n", "row 2: has 5 cells, and the head 7"),
        (
            "lat,mon,day,temp,rh,prec\n40,4,13,17,42,0\n",
            "column ws: it is not there, the file has only lat, mon, day, temp, rh, prec: add it, "
            "or give the column that holds it this name: ws (km/h), wind speed at 10 m",
        ),
        ("lat,mon,day,temp\n40,4,13,17\n", "columns rh, ws, prec: they are not there"),
        (
            "lat,mon,day,temp,rh,ws (m/s),prec\n40,4,13,17,42,7,0\n",
            "column ws (m/s): its unit is m/s, and km/h is wanted: convert it, and call it ws (km",
        ),
        (f"{HEAD},fwi\n40,4,13,17,42,25,0,1\n", "column fwi: the model gives a column of this"),
        (f"{HEAD},rh\n40,4,13,17,42,25,0,1\n", "column rh: two columns have this name"),
        (f"{HEAD}\n40,4,13,17,42,25,0\n40,4,13,17,42,25,0\n", "row 2, column day: the same day"),
        (f"{HEAD}\n40,4,14,17,42,25,0\n40,4,13,17,42,25,0\n", "row 2, column day: 4-13 comes"),
        (f"{HEAD}\n40,2,30,17,42,25,0\n", "row 1, column day: 2-30 is no day of a year"),
        (f'{HEAD}\n40,4,13,17,42,25,"0\n', "row 1: a quote is opened and not closed"),
        ("", "the file is empty"),
        (b"PK\x03\x04rest", "an Excel workbook"),
    ],
)
def test_a_fault_is_told_with_its_row_and_column(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    done = fwi(tmp_path, text)
    assert done.exit_code == 1 and told in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(GOOD)
    for out, told in (
        (tmp_path / "none" / "out.csv", "there is no folder"),
        (tmp_path / ("x" * 300 + ".csv"), "cannot be written: File name too long"),
    ):
        done = run("forest-fire", "fwi", "--in", tmp_path / "in.csv", "--out", out)
        assert done.exit_code == 1 and told in done.stderr and ".part" not in done.stderr


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    source, link = tmp_path / "in.csv", tmp_path / "link.csv"
    source.write_text(GOOD)
    link.symlink_to(source)
    for out in (source, link, tmp_path / "." / "in.csv"):
        done = run("forest-fire", "fwi", "--in", source, "--out", out)
        assert done.exit_code == 2 and "is the file that --in names" in done.stderr
        assert "name another" in done.stderr and source.read_text() == GOOD


def test_no_rows_give_no_rows(tmp_path: Path) -> None:
    assert fwi(tmp_path, f"{HEAD}\n").exit_code == 0
    assert (tmp_path / "out.csv").read_text() == f"{HEAD},ffmc,dmc,dc,isi,bui,fwi,dsr\n"


def test_missing_days_are_said(tmp_path: Path) -> None:
    done = fwi(tmp_path, f"{HEAD}\n40,12,30,1,42,25,0\n40,1,2,2,42,25,0\n")
    assert done.exit_code == 0 and "2 days are missing, the first before row 2" in done.stderr


def test_what_is_not_understood_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(GOOD)
    (tmp_path / "in.txt").write_text(GOOD)
    at = ("--in", tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    for words, told in (
        (("forest-fire", *at), "SCENARIO MODEL"),
        (("no-such", "fwi", *at), "there is no scenario no-such"),
        (("forest-fire", "no-such", *at), "it has fwi, hourly"),
        (("forest-fire", "fwi", "dmc=6", *at), "say --param before it"),
        (("forest-fire", "fwi", "--in", tmp_path / "in.txt", "--out", "o.csv"), "name it .csv"),
    ):
        done = run(*words)
        assert done.exit_code == 2 and told in done.stderr, done.output


def test_a_folders_name_and_other_cases_are_understood(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(GOOD)
    at = ("--in", tmp_path / "in.csv", "--out", tmp_path / "out.csv")
    assert run("forest_fire", "FWI", *at).exit_code == 0
    assert "forest-fire fwi" in run("--list", "Forest-Fire", "fwi").stdout


def test_the_list_says_what_each_needs() -> None:
    told = run("--list").stdout
    assert "forest-fire fwi: " in told and "ws (km/h)" in told and "ffmc=85" in told
    models = json.loads(run("--list", "--json").stdout)["models"]
    [one] = [m for m in models if (m["scenario"], m["model"]) == ("forest-fire", "fwi")]
    assert [c["name"] for c in one["needs"]] == HEAD.split(",")
    assert {p["name"]: p["default"] for p in one["parameters"]}["dc"] == "15"
