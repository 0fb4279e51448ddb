"""A run that is started again in its own directory, through the command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.again import play_on
from marl_comm.runs.objective import objective_of
from marl_comm.runs.session import execute

QUICK = ("logger=local", "samples_per_round=20", "max_local_steps=20", "game.agents=3")
FILES = ("metrics.jsonl", "final.npz", "summary.json", "config.yaml")


def run(directory: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "marl_comm.run", *QUICK, *overrides, f"hydra.run.dir={directory}"]
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)


def test_a_finished_run_is_left_alone_and_counts_as_success(tmp_path: Path) -> None:
    execute(compose(*QUICK), tmp_path / "run")
    before = {name: (tmp_path / "run" / name).stat().st_mtime_ns for name in FILES}
    again = run(tmp_path / "run")
    assert again.returncode == 0
    assert "finished before" in again.stderr
    assert {name: (tmp_path / "run" / name).stat().st_mtime_ns for name in FILES} == before


def test_an_unfinished_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    execute(compose(*QUICK), tmp_path / "run")
    expected = {name: (tmp_path / "run" / name).read_bytes() for name in FILES}
    (tmp_path / "run" / "summary.json").unlink()  # as if it had been killed at the very end
    (tmp_path / "run" / "final.npz").unlink()
    play_on(compose(*QUICK), tmp_path / "run", "run")
    assert {name: (tmp_path / "run" / name).read_bytes() for name in FILES} == expected


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_another_configuration_is_refused(tmp_path: Path, finished: bool) -> None:
    execute(compose(*QUICK), tmp_path / "run")
    if not finished:
        (tmp_path / "run" / "summary.json").unlink()
    with pytest.raises(InputError, match=r"has seed=0, and this run would have seed=4"):
        play_on(compose(*QUICK, "seed=4"), tmp_path / "run", "run")


def test_a_run_from_before_there_were_objectives_is_the_same_run(tmp_path: Path) -> None:
    config = compose(*QUICK)
    gap = execute(config, tmp_path / "run")
    saved = tmp_path / "run" / "config.yaml"
    text = saved.read_text()
    assert "  objective: null\n" in text
    saved.write_text(text.replace("  objective: null\n", ""))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    del summary["digests"]  # which they did not have either
    (tmp_path / "run" / "summary.json").write_text(json.dumps(summary))
    assert play_on(config, tmp_path / "run", "run") == gap


SEEDS = [
    {
        "nash_gap": 0.1,
        "value": 0.5,
        "reached": {"0.1": {"round": 3, "bytes_up": 5, "bytes_down": 7}, "0.01": None},
    },
    {
        "nash_gap": 0.3,
        "value": 0.7,
        "reached": {"0.1": {"round": 6, "bytes_up": 1, "bytes_down": 2}, "0.01": None},
    },
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, 0.2),
        (["nash_gap"], 0.2),
        (["return"], -0.6),
        (["rounds_to:0.1"], 4.5),
        (["rounds_to:1e-1"], 4.5),
        (["bytes_to:0.10"], 7.5),
        (["rounds_to:0.01"], float("inf")),
        (["return", "rounds_to:0.1"], [-0.6, 4.5]),
    ],
)
def test_an_objective_is_read_off_the_summary(wanted: list[str], expected: object) -> None:
    found = objective_of(SEEDS, wanted)
    assert found == pytest.approx(expected)


def test_environments_have_their_return_as_objective() -> None:
    seeds = [{"evaluation_sampled_return": -3.0}, {"evaluation_sampled_return": 1.0}]
    assert objective_of(seeds, None) == objective_of(seeds, ["return"]) == 1.0
    assert (
        objective_of([{"evaluation_sampled_won": 0.25}, {"evaluation_sampled_won": 0.75}], ["won"])
        == -0.5
    )


@pytest.mark.parametrize("deep", ["[" * 100_000, "- " * 30_000 + "1", "a: {" * 30_000])
def test_an_endlessly_nested_configuration_is_told_and_does_not_end_the_process(
    tmp_path: Path, deep: str
) -> None:
    execute(compose(*QUICK), tmp_path / "run")
    file = tmp_path / "run" / "config.yaml"
    file.write_text(deep + file.read_text())
    again = run(tmp_path / "run")
    assert again.returncode == 2, again.stderr
    assert again.stderr.startswith("error: ")
    assert again.stderr.count("\n") == 1
