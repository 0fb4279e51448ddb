"""Any PettingZoo environment: uneven agents, agents that leave, both kinds of actions."""

import numpy as np
import pytest
import torch
from leavers import Leavers
from pettingzoo.test import parallel_api_test

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.environments.pettingzoo.environments import ParallelEnvironments
from marl_comm.randomness import Streams, generator
from marl_comm.runs.assemble import assemble

SEEDS, COPIES = (1, 5), 2


def adapter_of(path="leavers:Leavers", **arguments):
    randoms = [generator(seed, "environment") for seed in SEEDS]
    return ParallelEnvironments(path, arguments, randoms, COPIES)


def test_the_made_up_environment_is_one_of_pettingzoos():
    parallel_api_test(Leavers(), num_cycles=20)


def test_uneven_agents_are_padded():
    spec = adapter_of().spec
    assert spec.observation_sizes == (4, 2, 4)
    assert spec.action_sizes == (2, 3, 4)
    assert spec.discrete


@pytest.mark.parametrize("truncate", [False, True])
def test_steps_are_those_of_the_environment_and_leavers_stay_away(truncate):
    environments = adapter_of(truncate=truncate)
    rows = np.arange(2)
    random = np.random.default_rng(0)
    draws = {row: generator(seed, "environment") for row, seed in enumerate(SEEDS)}
    worlds = {}
    for _ in range(2):
        situation = environments.situation(rows)
        assert situation.began.all()
        for place in np.ndindex(2, COPIES):
            worlds[place] = Leavers(truncate=truncate)
            seed = int(draws[place[0]].integers(2**31))
            seen, _ = worlds[place].reset(seed=seed)
            check(situation, place, seen)
        for time in range(1, 5):
            alive = [time <= i + 2 for i in range(3)]
            situation = environments.situation(rows)
            np.testing.assert_array_equal(situation.alive[0, :, 0], alive)
            assert not situation.began.any()
            actions = np.stack([random.integers(i + 2, size=(2, COPIES)) for i in range(3)], 1)
            outcome = environments.step(rows, torch.from_numpy(actions))
            for (row, copy), world in worlds.items():
                moves = {a: int(actions[row, int(a[1:]), copy]) + int(a[1:]) for a in world.agents}
                seen, rewards, *_ = world.step(moves)
                for i in range(3):
                    expected = rewards.get(f"a{i}", 0.0)
                    assert outcome.rewards[row, i, copy].item() == pytest.approx(expected)
            acting = [i for i in range(3) if alive[i]]
            given = {"info_time": time, "info_first": float(0 in acting) / len(acting)}
            if time > 1:
                given["info_stayed"] = time / 8
            assert outcome.info.keys() == given.keys()
            for name, figures in outcome.info.items():
                np.testing.assert_allclose(figures, np.full((2, COPIES), given[name]))
            assert bool(outcome.ended.all()) == (time == 4)
            assert bool(outcome.ended.any()) == (time == 4)
            assert bool(outcome.terminated.any()) == (time == 4 and not truncate)


def check(situation, place, seen):
    row, copy = place
    one_hot = np.eye(4)[seen["a0"]]
    np.testing.assert_array_equal(situation.observations[row, 0, copy], one_hot)
    for i in (1, 2):
        flat = seen[f"a{i}"].ravel()
        found = situation.observations[row, i, copy].numpy()
        np.testing.assert_array_equal(found[: len(flat)], flat)
        assert not found[len(flat) :].any()


def test_numbers_are_scaled_to_their_range_and_clipped():
    environments = adapter_of(agents=2, continuous=True)
    assert not environments.spec.discrete
    assert environments.spec.action_sizes == (1, 2)
    environments.situation(np.array([0]))
    actions = torch.tensor([[[[0.5, 9.0], [-1.0, 0.0]], [[0.0, 3.0], [1.0, -4.0]]]])
    rewards = environments.step(np.array([0]), actions).rewards
    # From [-1, 1] to [-2, 6]; the padding of agent 0 is left out.
    np.testing.assert_allclose(rewards[0], [[4.0, -2.0], [10 * (2 + 6), 10 * (6 - 2)]])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module", "cannot be imported"),
        ("math:no_such_function", "cannot be imported"),
        (":", "cannot be imported"),
    ],
)
def test_bad_paths_are_told_in_one_line(path, words):
    with pytest.raises(InputError, match=words):
        adapter_of(path)


def test_bad_arguments_are_told_in_one_line():
    with pytest.raises(InputError, match="colour"):
        adapter_of(colour=3)


def test_figures_are_those_of_the_latest_round():
    config = compose(
        "game=pettingzoo",
        "game.environment=leavers:Leavers",
        "game.steps=1",
        "game.copies=2",
        "algorithm=full_communication",
        "learner.minibatches=1",
    )
    parts = assemble(config, Streams(range(1)))
    game, learner = parts.game, parts.learner
    rows, stayed = np.arange(1), []
    for _ in range(6):
        behaviours = learner.behaviours_for(parts.plan(rows))
        learner.receive(rows, game.collect(rows, behaviours, None))
        figures = game.evaluate(rows, learner.policy)
        assert np.isfinite(figures["info_time"]).all()
        stayed.append(figures.get("info_stayed", [-1.0])[0])
    # Agents leave after steps 2, 3 and 4; then an episode begins.
    np.testing.assert_array_equal(stayed, [-1.0, 2 / 8, 3 / 8, 4 / 8, np.nan, 2 / 8])
