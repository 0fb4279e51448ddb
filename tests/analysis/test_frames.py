"""Finished runs as pandas tables."""

import builtins
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import marl_comm
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute

QUICK = ("max_local_steps=4", "samples_per_round=20", "logger=local")
NETWORKS = ("game=mpe/simple_spread", "game.copies=2", "game.evaluation_copies=2")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    execute(compose(*QUICK, "num_seeds=3", "seed=5", "game.agents=2"), root / "tables")
    small = ("max_local_steps=2", "game.evaluation_every=1")
    execute(compose(*NETWORKS, "logger=local", *small), root / "networks")
    (root / "broken").mkdir()
    (root / "broken" / "metrics.jsonl").touch()
    return root


def test_a_row_of_runs_is_a_seed_with_its_settings_and_what_the_summary_says(root: Path) -> None:
    results = marl_comm.load(root)
    rows = results.runs[results.runs["run"].str.endswith("tables")]
    assert rows["seed"].tolist() == [5, 6, 7]
    assert set(rows["game.agents"]) == {2}
    summary = json.loads((root / "tables" / "summary.json").read_text())["seeds"]
    for name in ("rounds", "samples", "bytes_up", "nash_gap", "value", "stopped_by"):
        assert rows[name].tolist() == [seed[name] for seed in summary]
    for gap in ("0.03", "0.001"):
        reached = [(seed["reached"][gap] or {}).get("round", np.nan) for seed in summary]
        np.testing.assert_equal(rows[f"reached.{gap}.round"].to_numpy(float), reached)
    assert len(results.unfinished) == 1
    assert "broken" in results.unfinished[0]


def test_curves_hold_every_logged_point_with_all_its_fields(root: Path) -> None:
    curves = marl_comm.load(root / "tables").curves
    lines = (root / "tables" / "metrics.jsonl").read_text().splitlines()
    logged = sorted(
        (json.loads(line) for line in lines), key=lambda point: (point["seed"], point["local_step"])
    )
    assert len(curves) == len(logged)
    assert set(curves.columns) == {"run", *logged[0]}
    for name in logged[0]:
        assert curves[name].tolist() == [point[name] for point in logged]
    assert curves["round"].dtype == np.int64


def test_of_environments_the_last_known_return_stands_in_the_row_of_its_seed(root: Path) -> None:
    results = marl_comm.load(str(root / "networks"))
    (row,) = results.runs.to_dict("records")
    known = results.curves["evaluation_sampled_return"].dropna()
    assert row["evaluation_sampled_return"] == known.iloc[-1]
    assert row["learner.name"] == "mappo"


def test_nothing_to_load_and_no_pandas_are_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no finished run"):
        marl_comm.load(tmp_path)
    real = builtins.__import__

    def without_pandas(name: str, *given: Any, **named: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(
        InputError, match=r"needs pandas, which is not installed; pip install '?pan"
    ):
        marl_comm.load(tmp_path)


def test_importing_the_package_loads_next_to_nothing() -> None:
    script = (
        "import sys, marl_comm; heavy = {'pandas', 'numpy', 'torch', 'hydra', 'matplotlib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[]\n"
