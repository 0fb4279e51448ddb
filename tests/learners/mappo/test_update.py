"""One local update against MAPPO written out for one seed with torch's own parts."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from rollout_worlds import (
    MASKED,
    NUMBERS,
    SEVERAL,
    SPREAD,
    UNEVEN,
    learner_for,
    made_up_chunk,
    round_of,
)
from torch import nn


def network_of(parameters, sizes, activation):
    """The same network as torch's own module."""
    layers, start = [], 0
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs)
        weights = parameters[start : start + inputs * outputs].view(inputs, outputs)
        start += inputs * outputs
        layer.weight.data = weights.T.clone()
        layer.bias.data = parameters[start : start + outputs].clone()
        start += outputs
        layers += [layer, {"relu": nn.ReLU, "tanh": nn.Tanh}[activation]()]
    return nn.Sequential(*layers[:-1])


def flat(network):
    return torch.cat(
        [
            part
            for layer in network
            if isinstance(layer, nn.Linear)
            for part in (layer.weight.data.T.ravel(), layer.bias.data)
        ]
    )


class Choices:
    """Masked choices by torch's own categorical distributions, one for each part."""

    def __init__(self, spec, logits, legal):
        agents, parts, largest = spec.choices.shape
        existing = torch.from_numpy(spec.choices.reshape(agents, 1, -1))
        allowed = existing if legal is None else existing & legal
        logits = torch.where(allowed, logits, -torch.inf).unflatten(-1, (parts, largest))
        self.parts = [
            torch.distributions.Categorical(logits=logits[..., p, :]) for p in range(parts)
        ]
        self.single = not spec.parts

    def log_prob(self, actions):
        actions = actions.unsqueeze(-1) if self.single else actions
        return sum(part.log_prob(actions[..., p]) for p, part in enumerate(self.parts))

    def entropy(self):
        return sum(part.entropy() for part in self.parts)


def plain_mappo(learner, spec, chunk, passes):
    """MAPPO's update of the first row by torch's own parts, one agent and step at a time."""
    options = learner._updater._settings
    steps, copies = chunk.rewards.shape[2:]
    agents, size = chunk.observations.shape[1], chunk.observations.shape[-1]
    outputs = learner._distribution.outputs
    layers = [size + agents, 16, 16, outputs]
    actor = network_of(learner.networks.actor[0], layers, options.activation)
    seen = torch.from_numpy(spec.observation_mask.ravel() > 0)
    layers = [int(seen.sum()), 16, 16, 1]
    critic = network_of(learner.networks.critic[0], layers, options.activation)
    actor_adam = torch.optim.Adam(actor.parameters(), options.learning_rate, eps=1e-5)
    critic_adam = torch.optim.Adam(critic.parameters(), options.critic_learning_rate, eps=1e-5)
    observations = chunk.observations[0].flatten(1, 2)  # (agents, N, size)
    samples = observations.shape[1]
    inputs = torch.stack(
        [
            torch.cat([observations[i], torch.eye(agents)[i].expand(samples, -1)], dim=1)
            for i in range(agents)
        ]
    )
    joint = torch.cat(list(observations), dim=1)[:, seen]
    legal = chunk.legal[0].flatten(1, 2) if spec.masked else None
    actions = chunk.actions[0].flatten(1, 2).long()
    with torch.no_grad():
        old = Choices(spec, actor(inputs), legal).log_prob(actions)
    own = (old - chunk.log_probs[0].flatten(1, 2)).exp()
    together = own.prod(dim=0)

    weights = {
        "per_agent": own.clamp_max(options.truncation),
        "joint": together.clamp_max(options.truncation).expand(agents, -1),
        "separate": own.clamp_max(options.truncation)
        * (together / own).clamp_max(options.others_truncation),
    }[options.importance_weights]
    if learner._updater._rule._anchored:
        weights, old = torch.ones_like(own), chunk.log_probs[0].flatten(1, 2)
    weights = weights / weights.mean()
    shares = weights.mean(dim=0) / weights.mean(dim=0).sum()
    corrects = options.advantages == "vtrace"
    rho, c = (
        together.view(steps, copies).clamp_max(largest) if corrects else torch.ones(steps, copies)
        for largest in (options.delta_truncation, options.trace_truncation)
    )
    counting = torch.full((samples,), 1 / samples) if corrects else shares

    def estimates(mean, square):
        """Advantages, returns and what they exceed values by, in the critic's present units."""
        deviation = (square - mean**2) ** 0.5
        with torch.no_grad():
            values = (mean + deviation * critic(joint)[:, 0]).view(steps, copies)
        advantages, excess = torch.zeros(steps, copies), torch.zeros(steps, copies)
        following = torch.zeros(copies)
        for step in reversed(range(steps)):
            for copy in range(copies):
                over = bool(chunk.ended[0, step, copy])
                if over or step == steps - 1:
                    stretch = int(chunk.ended[0, :step, copy].sum())
                    final = chunk.final_observations[0, :, stretch, copy].ravel()
                    with torch.no_grad():
                        after = mean + deviation * critic(final[None, seen])[0, 0]
                else:
                    after = values[step + 1, copy]
                after = 0.0 if chunk.terminated[0, step, copy] else after
                error = chunk.rewards[0, :, step, copy].mean() + options.discount * after
                error = error - values[step, copy]
                carried = 0.0 if over else options.discount * options.trace * following[copy]
                advantages[step, copy] = error + carried
                following[copy] = rho[step, copy] * error + c[step, copy] * carried
            excess[step] = following.clone()
        return advantages.ravel(), (excess + values).ravel(), excess.ravel()

    figures = {}
    mean, square = 0.0, 1.0  # the test makes them so, that the critic's values count
    for number, of_rows in enumerate(passes):
        if number == 0 or options.recompute_advantages:
            advantages, returns, excess = estimates(mean, square)
            middle = (shares * advantages).sum()
            advantages = advantages - middle
            advantages = advantages / (shares * advantages**2).sum().sqrt()
            unexplained, variance = (
                (counting * (x - (counting * x).sum()) ** 2).sum() for x in (excess, returns)
            )
            figures.setdefault("explained_variance", [1 - unexplained / variance])
            mean = 0.99 * mean + 0.01 * (counting * returns).sum()
            square = 0.99 * square + 0.01 * (counting * returns**2).sum()
            targets = (returns - mean) / (square - mean**2).sqrt()
        for chosen in of_rows:
            chosen = torch.arange(samples) if chosen is None else chosen[0]
            allowed = None if legal is None else legal[:, chosen]
            distribution = Choices(spec, actor(inputs[:, chosen]), allowed)
            ratio = (distribution.log_prob(actions[:, chosen]) - old[:, chosen]).exp()
            gain = torch.min(
                ratio * advantages[chosen],
                ratio.clamp(1 - options.clip, 1 + options.clip) * advantages[chosen],
            )
            loss = (
                -(weights[:, chosen] * gain).mean()
                - options.entropy_bonus * distribution.entropy().mean()
            )
            losses = nn.functional.huber_loss(
                critic(joint[chosen])[:, 0],
                targets[chosen],
                delta=options.huber_delta,
                reduction="none",
            )
            critic_loss = (counting[chosen] * samples * losses).mean()
            outside = (ratio < 1 - options.clip) | (ratio > 1 + options.clip)
            for name, figure in {
                "entropy": distribution.entropy().mean(),
                "clip_fraction": outside.float().mean(),
                "approximate_kl": (ratio - 1 - ratio.log()).mean(),
                "value_loss": critic_loss,
                "policy_loss": -(weights[:, chosen] * gain).mean(),
            }.items():
                figures.setdefault(name, []).append(figure)
            for network, adam, objective in (
                (actor, actor_adam, loss),
                (critic, critic_adam, critic_loss),
            ):
                adam.zero_grad()
                objective.backward()
                nn.utils.clip_grad_norm_(network.parameters(), options.max_gradient_norm)
                adam.step()
    means = {name: torch.stack(steps).mean().item() for name, steps in figures.items()}
    return flat(actor), flat(critic), means


@pytest.mark.parametrize(
    ("spec", "minibatches", "activation", "weights", "away", "advantages", "large", "anew"),
    [
        (SPREAD, 1, "tanh", "per_agent", 0.0, "gae", False, False),
        (SPREAD, 2, "relu", "per_agent", 0.0, "gae", False, False),
        (SPREAD, 2, "tanh", "per_agent", 0.3, "gae", False, False),
        (SPREAD, 1, "relu", "joint", 0.3, "gae", False, False),
        (SPREAD, 2, "tanh", "separate", 0.3, "gae", False, False),
        (SPREAD, 1, "tanh", "separate", 0.3, "vtrace", False, False),
        (SPREAD, 2, "tanh", "per_agent", 0.3, "gae", True, False),
        (MASKED, 1, "tanh", "per_agent", 0.3, "gae", False, False),
        (MASKED, 2, "tanh", "joint", 0.3, "gae", False, False),
        (MASKED, 2, "relu", "per_agent", 0.3, "vtrace", False, False),
        (SEVERAL, 2, "tanh", "per_agent", 0.3, "gae", False, False),
        (SEVERAL, 1, "relu", "joint", 0.3, "gae", False, False),
        (SPREAD, 1, "tanh", "per_agent", 0.0, "gae", False, True),
        (SPREAD, 2, "relu", "separate", 0.3, "vtrace", False, True),
        (MASKED, 2, "tanh", "per_agent", 0.3, "gae", True, True),
    ],
)
def test_an_update_is_that_of_plain_mappo(
    spec, minibatches, activation, weights, away, advantages, large, anew
):
    learner = learner_for(
        spec,
        minibatches=minibatches,
        activation=activation,
        importance_weights=weights,
        entropy_bonus=0.05,
        clip=0.005,
        truncation=1.1,
        advantages=advantages,
        recompute_advantages=anew,
        delta_truncation=1.2,
        trace_truncation=0.9,
        weighted=not large,
        one_large_update=large,
        longest_round=1,
    )
    learner.networks.values.moments = torch.tensor([[1.0, 0.0, 1.0]] * 2, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    bases = learner.networks.actor
    bases = bases + away * torch.randn(bases.shape, generator=generator)
    chunk = made_up_chunk(learner, spec, bases=bases)
    updater = learner._updater
    before = learner.networks.actor.clone(), learner.networks.critic.clone()
    learner.receive(np.arange(2), round_of(learner, spec, [chunk]))
    # The reference reads the learner's parameters, so it goes first, with the orders to come.
    shuffles = [shuffle.bit_generator.state for shuffle in updater._shuffles]
    foretold = updater._passes(updater._shuffles, 20, 1)
    for shuffle, state in zip(updater._shuffles, shuffles, strict=True):
        shuffle.bit_generator.state = state
    actor, critic, expected = plain_mappo(learner, spec, chunk, foretold)
    learner.update()
    assert (learner.networks.actor - before[0]).abs().max() > 1e-3
    torch.testing.assert_close(learner.networks.actor[0], actor, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(learner.networks.critic[0], critic, atol=2e-5, rtol=1e-4)
    figures = learner.diagnostics()
    assert figures["clip_fraction"][0] > 0.05
    for name, figure in expected.items():
        assert figures[name][0] == pytest.approx(figure, rel=1e-3, abs=1e-6), name
    assert (figures["truncated_fraction"][0] > 0) == (away > 0 and not large)


@pytest.mark.parametrize("actors", ["shared", "separate"])
@pytest.mark.parametrize(
    "spec",
    [SPREAD, UNEVEN, NUMBERS, MASKED, SEVERAL],
    ids=["even", "uneven", "numbers", "masked", "several"],
)
def test_seeds_together_learn_what_they_learn_alone(spec, actors):
    together = learner_for(spec, range(3), minibatches=2, actors=actors)
    away = together.networks.actor + 0.02 * torch.randn(together.networks.actor.shape)
    chunks = [made_up_chunk(together, spec, seed=s, bases=away, leavers=True) for s in range(3)]
    alone = [learner_for(spec, [seed], minibatches=2, actors=actors) for seed in range(3)]
    together.receive(np.arange(3), round_of(together, spec, chunks))
    for seed, single in enumerate(alone):
        own = [
            type(chunk)(**{name: data[[seed]] for name, data in vars(chunk).items()})
            for chunk in chunks
        ]
        single.receive(np.arange(1), round_of(single, spec, own))
    for _ in range(4):
        together.update()
        for seed, single in enumerate(alone):
            single.update()
            torch.testing.assert_close(
                together.networks.actor[seed], single.networks.actor[0], atol=3e-5, rtol=1e-3
            )
            for name, value in single.diagnostics().items():
                found = together.diagnostics()[name][seed]
                np.testing.assert_allclose(found, value[0], atol=2e-4, rtol=2e-3, err_msg=name)


def test_blocks_change_nothing(monkeypatch):
    from marl_comm.learners.mappo import batch

    ends = []
    for rows_per_block in (9600, 1):
        monkeypatch.setattr(batch, "_ROWS_PER_BLOCK", rows_per_block)
        learner = learner_for(SPREAD, minibatches=2)
        chunk = made_up_chunk(learner, SPREAD, steps=10, copies=10, leavers=True)
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        learner.update()
        ends.append((learner.networks.actor, learner.diagnostics()))
    assert batch.steps_per_block(2, 3) == 32  # so 50 joint steps of a minibatch were cut
    torch.testing.assert_close(ends[0][0], ends[1][0], atol=1e-5, rtol=1e-4)
    for name, value in ends[0][1].items():
        np.testing.assert_allclose(ends[1][1][name], value, atol=1e-5, rtol=1e-4, err_msg=name)


def test_stale_data_count_as_fresh():
    chunk_seed = 3
    ends = {}
    for weighted in (True, False):
        learner = learner_for(SPREAD, weighted=weighted)
        away = learner.networks.actor + 0.5 * torch.ones_like(learner.networks.actor).normal_(
            generator=torch.Generator().manual_seed(0)
        )
        chunk = made_up_chunk(learner, SPREAD, chunk_seed, bases=away)
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        learner.update()
        ends[weighted] = learner.networks.actor.clone(), learner.diagnostics()
    assert (ends[True][0] - ends[False][0]).abs().max() > 1e-4
    assert ends[True][1]["truncated_fraction"].max() > 0
    assert ends[False][1]["truncated_fraction"].max() == 0
    # How stale the data are is measured in both.
    np.testing.assert_array_equal(ends[True][1]["ess"], ends[False][1]["ess"])


def test_absent_agents_change_nothing():
    ends = []
    for garbage in (0.0, 7.0):
        learner = learner_for(SPREAD)
        chunk = made_up_chunk(learner, SPREAD, leavers=True)
        absent = ~chunk.alive
        assert absent.any()
        chunk.log_probs[absent] -= garbage
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        learner.update()
        ends.append(learner.networks.actor)
    torch.testing.assert_close(ends[0], ends[1], atol=0, rtol=0)


def test_what_absent_agents_still_gain_is_the_teams():
    ends = []
    for gained, absent_gains in ((0.0, 7.0), (7.0, 0.0)):
        learner = learner_for(SPREAD)
        chunk = made_up_chunk(learner, SPREAD, leavers=True)
        absent = ~chunk.alive
        assert absent.any()
        assert chunk.alive[:, 0].all()
        chunk.rewards[:] = 0.0
        chunk.rewards[absent] += absent_gains
        chunk.rewards[:, 0] += gained * absent.sum(dim=1)
        learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
        learner.update()
        ends.append(learner.networks.actor)
    torch.testing.assert_close(ends[0], ends[1])


@pytest.mark.parametrize("exponent", [-40, -20, 20, 40])
def test_the_unit_of_rewards_changes_nothing(exponent):
    """Units that are powers of two, lest rounding tells them apart."""
    ends = []
    for unit in (1.0, 2.0**exponent):
        learner = learner_for(SPREAD)
        for seed in range(3):
            chunk = made_up_chunk(learner_for(SPREAD), SPREAD, seed=seed)
            chunk.rewards[:] *= unit
            learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
            learner.update()
        ends.append((learner.networks.actor, learner.networks.critic, learner.diagnostics()))
    torch.testing.assert_close(ends[0][:2], ends[1][:2], atol=1e-6, rtol=1e-5)
    for name, figure in ends[0][2].items():
        np.testing.assert_allclose(ends[1][2][name], figure, atol=1e-5, rtol=1e-4, err_msg=name)


def test_without_rewards_nothing_is_learned():
    learner = learner_for(SPREAD, entropy_bonus=0.0)
    before = learner.networks.actor.clone()
    chunk = made_up_chunk(learner, SPREAD)
    chunk.rewards[:] = 0.0
    learner.receive(np.arange(2), round_of(learner, SPREAD, [chunk]))
    learner.update()
    torch.testing.assert_close(learner.networks.actor, before, atol=0, rtol=0)


def test_learning_rates_fall_to_zero():
    learner = learner_for(SPREAD, learning_rate_decay=True)
    assert learner._updater._learning_rates() == (3e-3, 2e-3)
    learner._updater.local_step = 75
    assert learner._updater._learning_rates() == pytest.approx((0.25 * 3e-3, 0.25 * 2e-3))
    assert learner._updater._learning_rates(ahead=30) == (0.0, 0.0)
