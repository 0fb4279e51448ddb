"""MAPPO stops where its numbers are not finite, and says which; what is on disk stays good."""

import itertools
import json
import sys

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of

from marl_comm import run
from marl_comm.command_line.composition import compose
from marl_comm.errors import NumbersError
from marl_comm.runs.session import execute, resume
from marl_comm.storage.checkpoints import Checkpoints

OUTBREAK = (
    "game=pettingzoo",
    "game.environment=failing:Outbreak",
    "+game.arguments.rarity=41",
    "game.copies=2",
    "game.steps=4",
    "game.evaluation_copies=1",
    "game.evaluation_steps=4",
    "num_seeds=2",
    "learner.hidden=[8]",
    "learner.epochs=2",
    "max_local_steps=20",
    "communication=unlimited",
    "algorithm=full_communication",
    "logger=local",
    "checkpoint_seconds=1e-9",
)


def with_round(change, **settings):
    learner = learner_for(SPREAD, seeds=range(5, 9), **settings)
    chunk = made_up_chunk(learner, SPREAD)
    change(chunk)
    learner.receive(np.arange(learner.rows), round_of(learner, SPREAD, [chunk]))
    return learner


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *itertools.product(["rewards", "observations"], [torch.nan, torch.inf, -torch.inf]),
        ("log_probs", torch.nan),
    ],
)
def test_one_bad_number_in_the_data_stops_its_seed_by_name(name, number):
    def spoil(chunk):
        getattr(chunk, name).flatten(1)[2, 7] = number

    with pytest.raises(NumbersError) as error:
        with_round(spoil).update()
    line = str(error.value)
    assert "\n" not in line
    assert "after local update 1: seed 7: " in line
    assert "value_loss=nan" in line or "of 453 policy parameters" in line
    blamed = {"log_probs": "importance weights"}.get(name, name)
    assert blamed in line.partition("its data hold")[2]
    assert not any(f"seed {other}" in line for other in (5, 6, 8))


def test_good_numbers_pass():
    learner = with_round(lambda chunk: None)
    learner.update()
    assert learner.networks.actor.isfinite().all()


@pytest.mark.parametrize("part", ["actor", "critic"])
def test_parameters_that_are_not_finite_are_counted(part):
    learner = with_round(lambda chunk: None, learning_rate=1e-6, critic_learning_rate=1e-6)
    getattr(learner.networks, part)[1, 3] = torch.inf
    with pytest.raises(NumbersError, match=r"seed 6: .*[1-9]\d* of \d+ (policy|critic) parameters"):
        learner.update()


def test_many_seeds_take_one_line():
    learner = with_round(lambda chunk: chunk.rewards.fill_(torch.nan))
    with pytest.raises(NumbersError, match=r"seed 5: .*; seed 6: .*; seed 7: .*; and 1 more seeds"):
        learner.update()


def test_seeds_that_are_left_keep_their_names():
    learner = with_round(lambda chunk: chunk.rewards[3].fill_(torch.nan))
    learner.keep(np.array([1, 3]))
    with pytest.raises(NumbersError, match=r"after local update 1: seed 8: [^;]*$"):
        learner.update()


def test_a_run_keeps_its_last_good_checkpoint_and_ends_alike_when_resumed(tmp_path):
    """In the first seed, an episode of the twelfth local update has infinite rewards."""
    directory = tmp_path / "run"
    with pytest.raises(NumbersError) as error:
        execute(compose(*OUTBREAK), directory)
    checkpoint = directory / "checkpoints" / "checkpoint_11.bin"
    assert "after local update 12: seed 0: " in str(error.value)
    assert str(error.value).endswith(f"; last good checkpoint: {checkpoint}")
    saved = Checkpoints(directory).load_latest()
    assert saved["loop"]["local_step"] == 11
    assert np.isfinite(saved["learner"]["networks"]["actor"]).all()
    assert not (directory / "summary.json").exists()

    log = (directory / "metrics.jsonl").read_bytes()
    points = [json.loads(line) for line in log.splitlines()]
    assert [point["local_step"] for point in points] == [s for s in range(12) for _ in range(2)]
    assert all(point["value_loss"] is not None for point in points[2:])
    with pytest.raises(NumbersError) as again:
        resume(directory)
    assert str(again.value) == str(error.value)
    assert (directory / "metrics.jsonl").read_bytes() == log


def test_without_a_good_local_update_there_is_no_checkpoint(tmp_path):
    config = compose(*(override.replace("rarity=41", "rarity=1") for override in OUTBREAK))
    with pytest.raises(NumbersError, match=r"update 1: .*; there is no checkpoint before it$"):
        execute(config, tmp_path / "run")


def test_in_a_sweep_the_job_fails_in_one_line_and_the_others_go_on(
    tmp_path, monkeypatch, capsys, new_process
):
    overrides = [override.replace("rarity=41", "rarity=41,1000003") for override in OUTBREAK]
    overrides.append(f"hydra.sweep.dir={tmp_path}")
    monkeypatch.setattr(sys, "argv", ["marl_comm.run", "-m", *overrides])
    assert run.main() == 1
    told = capsys.readouterr().err
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: numbers are not finite after local update ")
    (log,) = tmp_path.glob("*/error.txt")
    assert log.read_text().splitlines()[-1].endswith(line.removeprefix("error: "))
    assert "Traceback" not in told
    assert told.count("│ finished") == 1
    assert told.count("│ failed: ") == 1
