"""Final policies of a run, played by somebody else's loop."""

import io
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from mpe2 import simple_spread_v3
from test_train_networks import SMALL

import marl_comm
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.rows import take
from marl_comm.runs.playing import load_run
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
    _, game, own = load_run(tmp_path / "run", 1, 0)
    game.close()
    observations, _ = simple_spread_v3.parallel_env(N=3).reset(seed=1)
    seen = torch.tensor(np.array(list(observations.values())), dtype=torch.float32)
    wanted = own.act(
        seen[None, :, None].expand(2, -1, -1, -1), torch.zeros(2, 3, 1, 0).bool(), None
    )
    assert [int(each) for each in trained.act(observations, 5).values()] == wanted[1, :, 0].tolist()
    with pytest.raises(InputError, match="agent_0 observes 18 numbers, given are 0"):
        trained.act({}, 5)


@pytest.mark.parametrize("actors", ["shared", "separate"])
def test_networks_for_other_programs_say_what_the_trained_ones_say(
    actors: str, tmp_path: Path
) -> None:
    small = [part for part in SMALL if not part.startswith("game=")]
    speakers = "game=mpe/simple_speaker_listener"  # whose two agents differ in all sizes
    execute(
        compose(speakers, *small, f"learner.actors={actors}", "num_seeds=2", "max_local_steps=1"),
        tmp_path / "run",
    )
    trained = marl_comm.policies(tmp_path / "run")
    assert isinstance(trained, NetworkPolicies)
    random = np.random.default_rng(0)
    seen = {
        agent: random.normal(size=size).astype(np.float32)
        for agent, size in zip(trained.agents, trained.observation_sizes, strict=True)
    }
    choices = dict(zip(trained.agents, trained._spec.action_sizes, strict=True))
    padded = np.zeros((1, 2, 1, max(trained.observation_sizes)), np.float32)
    for position, agent in enumerate(trained.agents):
        padded[0, position, 0, : len(seen[agent])] = seen[agent]
    policies = take(trained._policies, np.array([1]))
    wanted = policies.actor(policies.parameters, policies.actor.inputs(torch.from_numpy(padded)))
    for position, (agent, network) in enumerate(trained.networks(seed=1).items()):
        example = torch.from_numpy(seen[agent])
        torch.testing.assert_close(network(example), wanted[0, :, position, 0])
        greedy = network(example)[: choices[agent]].argmax()
        assert greedy == trained.act(seen, 1)[agent]
    with pytest.raises(InputError, match="seed 5: the run has the seeds 0 to 1"):
        trained.networks(seed=5)
    kept = tmp_path / "agent.safetensors"
    safetensors.torch.save_model(network, str(kept))
    torch.testing.assert_close(
        safetensors.torch.load_file(str(kept)), dict(network.state_dict()), rtol=0, atol=0
    )
    if actors == "separate":  # once is enough: it takes seconds
        return
    exported = io.BytesIO()
    torch.export.save(torch.export.export(network, (example,)), exported)
    exported.seek(0)
    again = torch.export.load(exported).module()
    torch.testing.assert_close(again(example), network(example))
