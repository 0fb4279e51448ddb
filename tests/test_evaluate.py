"""A finished run's final policies are played again, and drawn."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from test_train_networks import SMALL

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.evaluate import evaluate, summary_line
from marl_comm.runs.playing import load_run
from marl_comm.runs.session import execute


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "run"
    overrides = ["num_seeds=2", "max_local_steps=4", "learner.learning_rate=0.05"]
    execute(compose(*SMALL, *overrides, "game.evaluation_every=2"), directory)
    return directory


def test_the_final_actor_comes_back(run_directory):
    _, game, policies = load_run(run_directory, episodes=3, seed=7)
    with np.load(run_directory / "final.npz") as arrays:
        np.testing.assert_array_equal(policies.parameters, arrays["actor"])
    first = game.play_episodes(policies, sampled=False)["return"]
    assert first.shape == (2,)
    again = load_run(run_directory, episodes=3, seed=7)[1].play_episodes(policies, sampled=False)
    np.testing.assert_array_equal(first, again["return"])
    assert "mean of 2 seeds" in summary_line("greedy", first)


def test_the_command_prints_returns_and_draws_an_episode(run_directory, tmp_path):
    picture = tmp_path / "episode.gif"
    command = [sys.executable, "-m", "marl_comm.evaluate", str(run_directory)]
    done = subprocess.run(
        [*command, "--episodes", "2", "--render", str(picture)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "greedy   return, summed over agents: -" in done.stdout
    assert "sampled  return, summed over agents: -" in done.stdout
    with Image.open(picture) as animation:
        assert animation.size == (700, 700)
        assert 1 < animation.n_frames <= 5


def test_options_are_checked_before_anything_is_played(run_directory, tmp_path, monkeypatch):
    monkeypatch.setattr("marl_comm.runs.playing.load_run", lambda *_, **__: pytest.fail("played"))
    with pytest.raises(InputError, match=r"must end in .gif or .mp4"):
        evaluate(run_directory, 1, 0, tmp_path / "episode.png")


def test_what_was_made_for_evaluating_is_closed(tmp_path, capfd):
    overrides = [part for part in SMALL if not part.startswith(("game=", "game.max_cycles"))]
    config = compose(
        "game=pettingzoo", "game.environment=odd_worlds:Noted", "max_local_steps=1", *overrides
    )
    execute(config, tmp_path / "run")
    written = capfd.readouterr().err
    assert written.count("made") == written.count("closed") == 3 + 3 + 1  # tried, played, evaluated
    with pytest.raises(
        InputError, match=r"gives no pictures; its render\(\) must return one as an array"
    ):
        evaluate(tmp_path / "run", 2, 0, tmp_path / "episode.gif")
    evaluate(tmp_path / "run", 2, 0, None)
    written = capfd.readouterr().err
    assert written.count("made") == written.count("closed") > 0


def test_what_cannot_be_evaluated_is_told(tmp_path, run_directory):
    with pytest.raises(InputError, match="no finished run"):
        load_run(tmp_path, 1, 0)
    for episodes in (0, 100_001):
        with pytest.raises(InputError, match=f"--episodes {episodes}: must be from 1 to 100000"):
            load_run(run_directory, episodes, 0)
    for seed in (-1, 2**32):
        with pytest.raises(InputError, match=f"--seed {seed}: must be from 0 to"):
            load_run(run_directory, 1, seed)
    execute(compose("max_local_steps=1", "logger=local"), tmp_path / "tables")
    with pytest.raises(InputError, match="no environment"):
        load_run(tmp_path / "tables", 1, 0)
