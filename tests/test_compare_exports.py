"""Tables of a comparison as files, and on a narrow terminal; nothing is overwritten."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fake_runs import environment_points, points, write_environment_run, write_run
from rich.console import Console

from marl_comm import compare
from marl_comm.analysis.sheets import Cell, Row, Sheet, print_sheet


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    rates = np.linspace(0.1, 0.4, 12)
    for name in ("importance_sampling", "base_policy_prediction"):
        record = lambda seed: points(40, rate=rates[seed])  # noqa: E731
        write_run(tmp_path / "runs" / name, name, seeds=range(12), record=record)
    return tmp_path / "runs"


def test_tables_are_exported_as_numbers_with_intervals(runs: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"tables.{name}" for name in ("csv", "json", "latex")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    assert compare.main([str(runs), "--out", str(tmp_path / "out"), *options]) == 0
    lines = list(csv.DictReader(files["csv"].read_text().splitlines()))
    (line,) = (
        line
        for line in lines
        if line["table"] == "Cost to reach a Nash gap"
        and (line["configuration"], line["row"]) == ("importance_sampling", "0.1")
        and line["column"] == "rounds"
    )
    value, low, high = (float(line[name]) for name in ("value", "low", "high"))
    assert line["text"] == f"{value:g} [{low:g}, {high:g}]"
    costs, ratios = json.loads(files["json"].read_text())
    (row,) = (
        row
        for row in costs["rows"]
        if (row["configuration"], row["gap"]["value"]) == ("importance_sampling", 0.1)
    )
    assert row["rounds"] == {"text": line["text"], "value": value, "low": low, "high": high}
    assert ratios["title"] == "Cost relative to the reference"
    latex = files["latex"].read_text()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert r"importance\_sampling & 0.1 & 12/12" in latex


def test_neither_exports_nor_pictures_of_another_comparison_are_overwritten(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "out", tmp_path / "tables.csv"
    arguments = ["--out", str(out)]
    assert compare.main([str(runs), *arguments, "--csv", str(file)]) == 0
    before = file.read_bytes(), (out / "nash_gap.png").read_bytes()
    capsys.readouterr()
    assert compare.main([str(runs), *arguments, "--csv", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"error: --csv {file}: is there already")
    assert compare.main([str(runs), *arguments]) == 0  # the same comparison makes no second file
    assert compare.main([str(runs / "importance_sampling"), *arguments]) == 0
    assert f"picture: {out / 'nash_gap_2.png'}" in capsys.readouterr().out
    assert before == (file.read_bytes(), (out / "nash_gap.png").read_bytes())
    assert len(list(out.iterdir())) == 4


@pytest.mark.parametrize("kind", ["tables", "environments"])
def test_eighty_columns_are_enough_and_no_word_is_broken(
    kind: str,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if kind == "environments":
        runs = tmp_path / "environments"
        for name in ("importance_sampling", "base_policy_prediction"):
            record = lambda seed: environment_points(  # noqa: E731
                final_return=seed - 60.0, predicted=False, kl_per_update=0.1
            )
            write_environment_run(runs / name, name, seeds=range(10), record=record)
    monkeypatch.setattr(compare, "_WIDTH_OF_FILES", 1000)
    assert compare.main([str(runs), "--out", str(tmp_path / "wide")]) == 0
    wide = capsys.readouterr().out
    monkeypatch.setattr(compare, "_WIDTH_OF_FILES", 80)
    assert compare.main([str(runs), "--out", str(tmp_path / "wide")]) == 0
    narrow = capsys.readouterr().out
    assert max(map(len, (line for line in narrow.splitlines() if "picture" not in line))) <= 80
    words = set(re.findall(r"[\w.,/-]+", wide))
    assert set(re.findall(r"[\w.,/-]+", narrow)) <= words


def test_where_columns_do_not_fit_each_entry_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    cells = tuple(Cell(f"{number}.000 [1.000, 2.000]") for number in range(9))
    sheet = Sheet(
        "T", "c", "configuration", tuple(f"column{i}" for i in range(9)), (Row("x", cells),)
    )
    print_sheet(Console(width=40), sheet)
    lines = capsys.readouterr().out.splitlines()
    assert sum("[1.000, 2.000]" in line for line in lines) == 9
    assert max(map(len, lines)) <= 40
