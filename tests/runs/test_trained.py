"""Final policies of a run, played by somebody else's loop."""

from pathlib import Path

import numpy as np
import pytest
from mpe2 import simple_spread_v3

import marl_comm
from marl_comm import evaluate
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.runs.session import execute
from marl_comm.runs.trained import NetworkPolicies, TabularPolicies

QUICK = ("num_seeds=2", "seed=4", "max_local_steps=3", "logger=local")


@pytest.mark.parametrize("game", ["coverage", "random_markov"])
def test_tables_are_those_of_the_run_and_actions_follow_them(game: str, tmp_path: Path) -> None:
    execute(compose(*QUICK, f"game={game}", "samples_per_round=80"), tmp_path / "run")
    trained = marl_comm.policies(tmp_path / "run")
    assert isinstance(trained, TabularPolicies)
    with np.load(tmp_path / "run" / "final.npz") as arrays:
        np.testing.assert_array_equal(trained.probabilities, arrays["policy"])
    state = None if game == "coverage" else 1
    generator = np.random.default_rng(0)
    drawn = np.array([trained.act(generator, 5, state) for _ in range(2000)])
    chances = trained.probabilities[1] if state is None else trained.probabilities[1, 0, state]
    for agent, each in enumerate(chances):
        shares = np.bincount(drawn[:, agent], minlength=len(each)) / len(drawn)
        # Five standard errors: once in 100,000 a seed would fail; this one is fixed.
        assert np.abs(shares - each).max() < 5 * np.sqrt(0.25 / len(drawn))
    with pytest.raises(InputError, match="seeds 4 to 5"):
        trained.act(generator, 6, state)


def test_networks_play_in_ones_own_loop_as_in_the_evaluation(tmp_path: Path) -> None:
    small = ("game.copies=1", "game.evaluation_copies=2", "game.max_cycles=5", "game.steps=5")
    execute(compose(*QUICK, "game=mpe/simple_spread", *small), tmp_path / "run")
    trained = marl_comm.policies(tmp_path / "run")
    assert isinstance(trained, NetworkPolicies)
    environment = simple_spread_v3.parallel_env(N=3, max_cycles=5)
    observations, _ = environment.reset(seed=0)
    generator = np.random.default_rng(0)
    while environment.agents:
        greedy = trained.act(observations, 5)
        sampled = trained.act(observations, 5, generator)
        assert greedy.keys() == sampled.keys() == set(environment.agents)
        assert all(environment.action_space(a).contains(int(greedy[a])) for a in greedy)
        observations, *_ = environment.step({agent: int(sampled[agent]) for agent in sampled})
    environment.close()
    # The same numbers as the evaluation's own policies give.
    _, game, own = evaluate.load_run(tmp_path / "run", 1, 0)
    game.close()
    import torch

    observations, _ = simple_spread_v3.parallel_env(N=3).reset(seed=1)
    seen = torch.tensor(np.array(list(observations.values())), dtype=torch.float32)
    wanted = own.act(
        seen[None, :, None].expand(2, -1, -1, -1), torch.zeros(2, 3, 1, 0).bool(), None
    )
    assert [int(each) for each in trained.act(observations, 5).values()] == wanted[1, :, 0].tolist()
    with pytest.raises(InputError, match="agent_0 observes 18 numbers, given are 0"):
        trained.act({}, 5)
