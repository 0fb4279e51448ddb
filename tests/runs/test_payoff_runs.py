"""Runs of a game from a file: every algorithm, exact resumption, and files that have changed."""

import contextlib
import json
import re
import sys
from pathlib import Path

import enumeration
import numpy as np
import pytest

from marl_comm import run as command_run
from marl_comm.command_line.composition import compose
from marl_comm.compare import main as compare
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints

SMALL = ("logger=local", "max_local_steps=40", "samples_per_round=64")
FILES = {"team.npz": "team_payoff", "own.npz": "own_payoffs", "pennies.npz": "own_payoffs"}
ALGORITHMS = ("full_communication", "importance_sampling", "base_policy_prediction", "stale")


@pytest.fixture(autouse=True)
def _beside_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    np.savez("team.npz", team_payoff=random.integers(-5, 9, (3, 3, 3)))
    np.savez("own.npz", own_payoffs=random.random((3, 4, 4, 4)))
    np.savez("pennies.npz", own_payoffs=[[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])


def config(file: str, *overrides: str) -> RunConfig:
    return compose("game=payoff", f"game.file={file}", *SMALL, *overrides)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", *arguments])
    return command_run.main()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("file", FILES)
def test_every_algorithm_plays_and_the_file_alone_gives_value_and_gap(
    file: str, algorithm: str
) -> None:
    execute(config(file, f"algorithm={algorithm}", "num_seeds=2"), Path("run"))
    summary = json.loads(Path("run/summary.json").read_text())
    with np.load("run/final.npz") as arrays, np.load(file) as given:
        final, payoffs = dict(arrays), given[FILES[file]].astype(float)
    least, factor = payoffs.min(), np.ptp(payoffs)
    if least >= 0 and payoffs.max() <= 1:
        least, factor = 0.0, 1.0
    assert (final["reward_offset"].tolist(), final["reward_factor"].tolist()) == ([least], [factor])
    scaled = (payoffs - least) / factor

    def own(joint_action: tuple[int, ...]) -> list[float]:
        if file == "team.npz":
            return [float(scaled[joint_action])] * 3
        return [float(scaled[(agent, *joint_action)]) for agent in range(len(scaled))]

    for policy, seed in zip(final["policy"], summary["seeds"], strict=True):
        mean = enumeration.expectation(own, policy).mean()
        assert seed["value"] == pytest.approx(mean, abs=1e-12)
        assert seed["nash_gap"] == pytest.approx(enumeration.nash_gap(own, policy), abs=1e-12)


@pytest.mark.parametrize("algorithm", ["importance_sampling", "base_policy_prediction"])
@pytest.mark.parametrize("game", ["payoff game.file=own.npz", "climbing", "penalty"])
def test_exact_mode_plays_them_too(game: str, algorithm: str) -> None:
    chosen = (f"game={game.split()[0]}", *game.split()[1:], f"algorithm={algorithm}")
    execute(compose(*chosen, *SMALL, "samples_per_round=null"), Path("run"))
    gaps = [
        json.loads(line)["nash_gap"] for line in Path("run/metrics.jsonl").read_text().splitlines()
    ]
    assert np.isfinite(gaps).all()
    with pytest.raises(InputError, match="nothing differs between the seeds"):
        compose(*chosen, *SMALL, "samples_per_round=null", "num_seeds=2")


class EndedError(Exception):
    """In the midst of a run."""


def ended_early(directory: Path, monkeypatch: pytest.MonkeyPatch, file: str = "own.npz") -> None:
    """Leave a run that was killed after its seventh checkpoint."""
    saved, original = [], Checkpoints.save

    def save(self, local_step, state):
        original(self, local_step, state)
        saved.append(local_step)
        if len(saved) == 7:
            raise EndedError

    always = config(file, "game.reward_noise=0.1", "checkpoint_seconds=1e-9")
    with monkeypatch.context() as patch, contextlib.suppress(EndedError):
        patch.setattr(Checkpoints, "save", save)
        execute(always, directory)
    assert not (directory / "summary.json").exists()


def test_an_interrupted_run_ends_as_if_it_had_not_been(monkeypatch: pytest.MonkeyPatch) -> None:
    execute(config("own.npz", "game.reward_noise=0.1", "checkpoint_seconds=1e-9"), Path("whole"))
    ended_early(Path("run"), monkeypatch)
    resume(Path("run"))
    for name in ("config.yaml", "metrics.jsonl", "final.npz", "summary.json"):
        assert (Path("run") / name).read_bytes() == (Path("whole") / name).read_bytes()


def test_another_file_is_not_resumed_with(monkeypatch: pytest.MonkeyPatch) -> None:
    ended_early(Path("run"), monkeypatch)
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    kept = Path("own.npz").read_bytes()
    with np.load("own.npz") as arrays:
        np.savez("own.npz", own_payoffs=1 - arrays["own_payoffs"])
    with pytest.raises(InputError, match=r"^game\.file=own\.npz: its SHA-256 is [0-9a-f]{64}, and"):
        resume(Path("run"))
    Path("own.npz").unlink()
    with pytest.raises(InputError, match=r"own\.npz: there is no such file in /"):
        resume(Path("run"))
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before
    Path("own.npz").write_bytes(kept)
    resume(Path("run"))
    assert Path("run/summary.json").exists()
    Path("own.npz").unlink()
    resume(Path("run"))  # finished: nothing is left to play, and no file to be read


@pytest.mark.parametrize(
    "arguments",
    [
        ["game.file=broken.npz"],
        ["game.file=none.npz"],
        ["game.file=team.npz", "game.actions=4"],
        ["-m", "game.file=team.npz,broken.npz"],
        ["-m", "game.file=team.npz", "game.agents=3,4"],
    ],
)
@pytest.mark.usefixtures("new_process")
def test_a_command_with_a_bad_file_takes_one_line_and_writes_nothing(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.npz").write_text("4 0\n3 2\n")
    before = sorted(Path().rglob("*"))
    assert command(monkeypatch, "game=payoff", *arguments, *SMALL) == 2
    printed = capsys.readouterr()
    assert re.fullmatch(r"error: [^\n]*\n", printed.err)
    assert printed.out == ""
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("new_process")
def test_a_sweep_does_not_go_on_with_another_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ("-m", "game=payoff", "game.file=team.npz,own.npz", *SMALL)
    assert command(monkeypatch, *sweep) == 0
    np.savez("team.npz", team_payoff=np.eye(3))
    capsys.readouterr()
    assert command(monkeypatch, *sweep) == 2
    assert "choose another hydra.sweep.dir" in capsys.readouterr().err


def test_a_game_without_potential_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    execute(config("pennies.npz"), Path("pennies"))
    scale, potential = (record.message for record in caplog.records if "game.file" in record.msg)
    assert "payoffs from -1 to 1 are scaled to [0, 1]" in scale
    assert "not a potential game, the gains of a cycle of deviations add up to 4" in potential
    with np.load("pennies/final.npz") as arrays:
        assert "potential" not in arrays
    caplog.clear()
    np.savez("dilemma.npz", own_payoffs=[[[3, 0], [5, 1]], [[3, 5], [0, 1]]])
    execute(config("dilemma.npz"), Path("dilemma"))
    assert not any("potential" in record.message for record in caplog.records)
    with np.load("dilemma/final.npz") as arrays:
        expected = np.array([[[0, 2], [2, 3]]])
        assert arrays["potential"] * 5 == pytest.approx(expected, abs=1e-12)


def test_runs_of_one_file_are_compared_wherever_it_lay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("copy.npz").write_bytes(Path("team.npz").read_bytes())
    execute(config("team.npz", "algorithm=importance_sampling"), Path("runs/first"))
    execute(config("copy.npz", "algorithm=importance_sampling", "seed=1"), Path("runs/second"))
    Path("team.npz").unlink()
    Path("copy.npz").unlink()
    monkeypatch.setattr(sys, "argv", ["compare", "runs"])
    assert compare() == 0
    printed = capsys.readouterr()
    assert "differ" not in printed.out + printed.err
    assert "copy.npz" not in printed.out + printed.err
