"""A critic for each agent, which sees what it sees: what it learns, and what then travels."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, UNEVEN, learner_for, made_up_chunk, round_of

from marl_comm.command_line.composition import compose
from marl_comm.experience.rollouts import Chunk
from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.networks import OwnCritics
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble

ALONE = Spec(("a",), (4,), (5,), discrete=True)


def of_agent(chunk: Chunk, agent: int) -> Chunk:
    """What one agent has seen and done, its reward the team's."""
    data = dict(vars(chunk))
    for name in ("observations", "legal", "actions", "log_probs", "alive", "final_observations"):
        data[name] = data[name][:, [agent]]
    return Chunk(**{**data, "rewards": chunk.rewards.mean(dim=1, keepdim=True)})


@pytest.mark.parametrize("advantages", ["gae", "vtrace"])
@pytest.mark.parametrize("minibatches", [1, 2])
def test_agents_apart_learn_what_each_learns_alone_with_the_teams_reward(advantages, minibatches):
    """An agent alone with a central critic is the same thing as one of many with its own."""
    changes = {"advantages": advantages, "minibatches": minibatches, "max_gradient_norm": 0.05}
    team = learner_for(SPREAD, actors="separate", critic="own", **changes)
    generator = torch.Generator().manual_seed(0)
    start = team.networks.actor.clone()
    bases = start + 0.2 * torch.randn(start.shape, generator=generator)
    chunks = [made_up_chunk(team, SPREAD, seed=s, bases=bases, leavers=True) for s in range(2)]
    alone = [learner_for(ALONE, actors="separate", **changes) for _ in range(3)]
    for agent, learner in enumerate(alone):
        learner.networks.actor = start.view(2, 3, -1)[:, agent].clone()
        learner.networks.critic = team.networks.critic.view(2, 3, -1)[:, agent].clone()
        own = [of_agent(chunk, agent) for chunk in chunks]
        learner.receive(np.arange(2), round_of(learner, ALONE, own))
    team.receive(np.arange(2), round_of(team, SPREAD, chunks))
    for _ in range(3):
        team.update()
        for learner in alone:
            learner.update()
    for agent, learner in enumerate(alone):
        for name in ("actor", "critic"):
            found = getattr(team.networks, name).view(2, 3, -1)[:, agent]
            expected = getattr(learner.networks, name)
            torch.testing.assert_close(found, expected, rtol=1e-2, atol=2e-4, msg=f"{name} {agent}")
        torch.testing.assert_close(
            team.networks.values.moments[:, agent],
            learner.networks.values.moments,
            rtol=1e-4,
            atol=1e-5,
        )
    explained = np.mean([learner.diagnostics()["explained_variance"] for learner in alone], axis=0)
    np.testing.assert_allclose(
        team.diagnostics()["explained_variance"], explained, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("shared", [True, False])
def test_gradients_of_own_critics_are_those_of_autograd(shared):
    critics = OwnCritics(UNEVEN, [7], "tanh", shared=shared)
    random = torch.Generator().manual_seed(0)
    parameters = torch.randn((2, critics.size), generator=random, dtype=torch.float64)
    parameters.requires_grad_()
    seen = torch.randn((2, 2, 5, 6), generator=random, dtype=torch.float64)
    inputs = critics.inputs(seen, seen[:, :1, :, :0])
    slopes = torch.randn((2, 2, 5), generator=random, dtype=torch.float64)
    gradient = critics.gradient(parameters.detach())
    gradient.forward(inputs)
    gradient.backward(slopes.unsqueeze(1))
    loss = 0.0
    for row in range(2):
        for agent in range(2):
            own = parameters[row] if shared else parameters[row].view(2, -1)[agent]
            size = inputs.shape[-1]
            first, bias, second, last = own.split([7 * size, 7, 7, 1])
            hidden = torch.tanh(inputs[row, agent] @ first.view(size, 7) + bias)
            loss = loss + (slopes[row, agent] * (hidden @ second + last)).sum()
    loss.backward()
    torch.testing.assert_close(gradient.total(), parameters.grad)


def test_a_critic_of_its_own_does_not_see_what_others_see():
    learner = learner_for(SPREAD, critic="own")
    seen = torch.randn(2, 3, 6, 4)
    values = learner._critic(
        learner.networks.critic, learner._critic.inputs(seen, seen[:, :1, :, :0])
    )
    other = seen.clone()
    other[:, 1:] += 1.0
    changed = learner._critic(
        learner.networks.critic, learner._critic.inputs(other, other[:, :1, :, :0])
    )
    assert torch.equal(values[:, 0], changed[:, 0])
    assert not torch.equal(values[:, 1], changed[:, 1])


def test_agents_that_never_act_leave_numbers_finite():
    learner = learner_for(SPREAD, critic="own", actors="separate")
    chunk = made_up_chunk(learner, SPREAD)
    chunk.alive[:, 2] = False
    learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
    learner.update()
    assert learner.networks.actor.isfinite().all()


SIZES = ("game=mpe/simple_spread", "game.copies=3", "game.steps=5", "game.max_cycles=5")
APART = ("learner.critic=own", "learner.actors=separate")
SOME = ("algorithm=importance_sampling", "communication=periodic")


@pytest.mark.parametrize(
    ("overrides", "observations"),
    [
        ((*APART, *SOME), False),
        ((*APART, "algorithm=full_communication"), False),
        ((*APART, "algorithm=importance_sampling", "communication=missing"), False),
        ((*APART, "algorithm=importance_sampling", "communication=adaptive"), True),
        ((*APART, "communication=periodic"), True),
        ((*APART, *SOME, "learner.importance_weights=joint"), True),
        ((*APART, *SOME, "learner.step_scaling=effective_sample_size"), True),
        (("learner.critic=own", *SOME), True),
        (("learner.actors=separate", *SOME), True),
    ],
)
def test_rewards_alone_travel_where_nothing_else_is_read(overrides, observations):
    parts = assemble(compose(*SIZES, *overrides, "logger=local"), Streams(range(1)))
    rows = np.arange(1)
    moved = parts.game.collect(rows, parts.learner.behaviours_for(parts.plan(rows)), None).traffic
    samples = int(moved.samples[0])
    if observations:
        per_chunk = 15 * (3 * (4 * 18 + 1 + 4 + 1) + 2) + 3 * 3 * 4 * 18
        assert moved.bytes_up[0] == samples // 15 * per_chunk
    else:
        assert moved.bytes_up[0] == samples * (3 * 4 + 2)
    assert moved.bytes_down[0] == 2 * moved.bytes_up[0]
    parts.game.close()
