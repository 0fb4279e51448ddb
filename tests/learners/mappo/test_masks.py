"""Masked policies against plain loops over the choices that are legal."""

import itertools
import math

import numpy as np
import pytest
import torch
from rollout_worlds import MASKED, SEVERAL, drawn_masks, learner_for, made_up_chunk
from test_train_networks import SMALL, play

from marl_comm.learners.mappo.distributions import permitted
from marl_comm.learners.mappo.families import distribution_for
from marl_comm.learners.mappo.probe_states import ProbeStates

ROWS, SAMPLES = 2, 40
SPECS = pytest.mark.parametrize("spec", [MASKED, SEVERAL], ids=["one", "several"])


def probabilities(spec, outputs, legal):
    """Return for each action of each (row, agent, sample) its probability, zeros left out."""
    found = {}
    for row, agent, sample in np.ndindex(outputs.shape[0], *outputs.shape[2:]):
        own, allowed = outputs[row, :, agent, sample], legal[row, agent, sample]
        largest = spec.choices.shape[2]
        parts = []
        for part, size in enumerate((spec.parts or [(n,) for n in spec.action_sizes])[agent]):
            logits = {
                choice: float(own[part * largest + choice])
                for choice in range(size)
                if allowed[part * largest + choice]
            }
            highest = max(logits.values())
            total = sum(math.exp(logit - highest) for logit in logits.values())
            parts.append({c: math.exp(logit - highest) / total for c, logit in logits.items()})
        found[row, agent, sample] = {
            action: math.prod(part[choice] for part, choice in zip(parts, action, strict=True))
            for action in itertools.product(*parts)
        }
    return found


def drawn(spec, seed=0, scale=2.0):
    """Outputs of two policies, 64 bits, masks, and the family that they are of."""
    random = np.random.default_rng(seed)
    distribution = distribution_for(spec, torch.device("cpu"))
    shape = (2, ROWS, distribution.outputs, len(spec.agents), SAMPLES)
    outputs = scale * torch.from_numpy(random.standard_normal(shape))
    legal = drawn_masks(spec, random, (ROWS, len(spec.agents), SAMPLES))
    return distribution, *outputs, legal


def played(spec, actions, place):
    """Return an agent's action, padding left out."""
    row, agent, sample = place
    parts = np.atleast_1d(actions[row, agent, sample].numpy())
    return tuple(parts[: spec.numbers_per_action[agent]].tolist())


@SPECS
def test_log_probabilities_entropies_and_divergences_are_those_of_loops(spec):
    distribution, outputs, others, legal = drawn(spec)
    masked, others_masked = permitted(outputs, legal), permitted(others, legal)
    noise = distribution.noise(np.random.default_rng(1), (ROWS, len(spec.agents), SAMPLES))
    actions = distribution.sample(masked, noise)
    log_probs, entropies, _ = distribution.differentiable(masked, actions)
    divergences = distribution.kl(masked, others_masked)
    greedy = distribution.greedy(masked)
    mine, theirs = (probabilities(spec, own, legal) for own in (outputs, others))
    for place, likely in mine.items():
        assert log_probs[place] == pytest.approx(math.log(likely[played(spec, actions, place)]))
        assert entropies[place] == pytest.approx(-sum(p * math.log(p) for p in likely.values()))
        apart = sum(p * math.log(p / theirs[place][action]) for action, p in likely.items())
        assert divergences[place] == pytest.approx(apart)
        assert played(spec, greedy, place) == max(likely, key=likely.get)
    torch.testing.assert_close(distribution.log_prob(masked, actions), log_probs)


@SPECS
def test_derivatives_are_those_of_differences(spec):
    distribution, outputs, _, legal = drawn(spec, seed=2)
    random = np.random.default_rng(3)
    noise = distribution.noise(random, (ROWS, len(spec.agents), SAMPLES))
    actions = distribution.sample(permitted(outputs, legal), noise)
    factors = torch.from_numpy(random.standard_normal((2, ROWS, len(spec.agents), SAMPLES)))

    def objective(outputs):
        log_prob, entropy, _ = distribution.differentiable(permitted(outputs, legal), actions)
        return factors[0] * log_prob + factors[1] * entropy

    pullback = distribution.differentiable(permitted(outputs, legal), actions)[2]
    slopes = pullback(*factors)
    for output in range(distribution.outputs):
        nudge = torch.zeros_like(outputs)
        nudge[:, output] = 1e-5
        change = (objective(outputs + nudge) - objective(outputs - nudge)) / 2e-5
        torch.testing.assert_close(slopes[:, output], change, atol=1e-8, rtol=1e-6)
    assert (slopes[~legal.movedim(-1, 1)] == 0).all()


@SPECS
@pytest.mark.parametrize("scale", [0.0, 1.0, 50.0])
def test_no_illegal_choice_is_ever_drawn(spec, scale):
    for seed in range(20):
        distribution, outputs, _, legal = drawn(spec, seed, scale)
        masked = permitted(outputs.float(), legal)
        size = (ROWS, len(spec.agents), SAMPLES)
        noise = distribution.noise(np.random.default_rng(seed), size)
        noise.view(-1)[::3] = 0.0
        noise.view(-1)[1::3] = 1 - 2**-24  # the largest that can be drawn
        possible = probabilities(spec, torch.zeros_like(outputs), legal)
        for actions in (distribution.sample(masked, noise), distribution.greedy(masked)):
            assert all(played(spec, actions, place) in likely for place, likely in possible.items())


@SPECS
def test_choices_come_as_often_as_they_are_likely(spec):
    # About 60 shares of 20,000 draws each; five standard errors, exceeded once in 10^4 runs.
    distribution, outputs, _, legal = drawn(spec, seed=4, scale=1.0)
    samples = 20_000
    outputs, legal = outputs[..., :1], legal[:, :, :1]
    wide = permitted(outputs, legal).expand(-1, -1, -1, samples)
    noise = distribution.noise(np.random.default_rng(5), (ROWS, len(spec.agents), samples))
    actions = distribution.sample(wide, noise)
    for place, likely in probabilities(spec, outputs, legal).items():
        row, agent, _ = place
        taken = [played(spec, actions, (row, agent, sample)) for sample in range(samples)]
        for action, expected in likely.items():
            error = 5 * math.sqrt(expected * (1 - expected) / samples)
            assert abs(taken.count(action) / samples - expected) <= error


@SPECS
def test_importance_weights_stay_unbiased_under_masks(spec):
    """What weighted data of other policies say of the current one, against enumeration.

    Every state has masks of its own, under which behaviour and target are scaled differently.
    """
    learner = learner_for(spec, range(1))
    generator = torch.Generator().manual_seed(0)
    here = learner.networks.actor
    here += 0.3 * torch.randn(here.shape, generator=generator)
    bases = here + 0.15 * torch.randn(here.shape, generator=generator)
    chunk = made_up_chunk(learner, spec, seed=1, steps=100, copies=100, bases=bases)
    weighed = learner._updater.weigh(here, chunk)
    outputs = learner._actor(here, weighed.actor_inputs)
    legal = chunk.legal.flatten(2, 3)
    likely = probabilities(spec, outputs.double(), legal)
    worth = {}  # of each agent's actions, some number
    random = np.random.default_rng(2)
    gains, expected = [], []
    for sample in range(10_000):
        weight, gain, mean = float(weighed.joint[0, sample]), 0.0, 0.0
        for agent in range(len(spec.agents)):
            place = (0, agent, sample)
            for action, probability in likely[place].items():
                value = worth.setdefault((agent, action), random.standard_normal())
                mean += probability * value
            gain += worth[agent, played(spec, weighed.actions, place)]
        gains.append((weight, weight * gain))
        expected.append((1.0, mean))
    # Four figures, of which each leaves five standard errors less than once in 10^6 runs.
    error = np.array(gains) - np.array(expected)
    assert (abs(error.mean(axis=0)) <= 5 * error.std(axis=0) / 100).all()
    # The policies differ enough for weights to matter.
    assert np.std([weight for weight, _ in gains]) > 0.2
    unmasked = learner._distribution.log_prob(outputs, weighed.actions) - chunk.log_probs.flatten(
        2, 3
    )
    assert abs(unmasked.sum(dim=1).exp().mean() - 1) > 0.1


@SPECS
def test_predictions_are_compared_under_the_masks_of_their_states(spec):
    learner = learner_for(spec, range(2))
    generator = torch.Generator().manual_seed(0)
    here = learner.networks.actor
    other = here + 0.5 * torch.randn(here.shape, generator=generator)
    chunk = made_up_chunk(learner, spec, steps=3, copies=4, leavers=True)
    probes = ProbeStates.of(chunk, learner._actor, learner._distribution)
    found = probes.divergence(probes.outputs(here), probes.outputs(other))
    inputs = learner._actor.inputs(chunk.observations.flatten(2, 3))
    legal, alive = chunk.legal.flatten(2, 3), chunk.alive.flatten(2, 3)
    mine, theirs = (
        probabilities(spec, learner._actor(policy, inputs).double(), legal)
        for policy in (here, other)
    )
    expected = np.zeros(2)
    for (row, agent, sample), likely in mine.items():
        if alive[row, agent, sample]:
            for action, p in likely.items():
                expected[row] += p * math.log(p / theirs[row, agent, sample][action]) / 12
    np.testing.assert_allclose(found, expected, rtol=1e-4)


ALGORITHMS = [
    ["algorithm=full_communication"],
    ["algorithm=importance_sampling", "communication.period=3"],
    ["algorithm=base_policy_prediction", "algorithm.predictor=momentum", "communication.period=3"],
    ["algorithm=base_policy_prediction", "algorithm.predictor=rehearse", "communication.period=3"],
]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Masked", ["+game.arguments.inside=true"]),
        ("Masked", ["+game.arguments.inside=false"]),
        ("MaskedParts", ["+game.arguments.as_tuple=true"]),
        ("MaskedParts", ["+game.arguments.as_tuple=false"]),
    ],
    ids=["in_observations", "in_infos", "part_by_part", "joined"],
)
@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=["full", "weights", "momentum", "rehearse"])
def test_environments_that_raise_at_illegal_actions_are_played(name, arguments, algorithm):
    small = [part for part in SMALL if not part.startswith(("game=", "game.max_cycles"))]
    overrides = [
        f"game.environment=odd_worlds:{name}",
        "game.evaluation_steps=5",
        "game.evaluation_every=2",
        "learner.learning_rate=0.05",
        "communication.warmup=1" if len(algorithm) > 1 else "communication=unlimited",
    ]
    if len(algorithm) > 1:
        overrides.append("communication=periodic")
    trace, _, rounds = play(
        *overrides, *arguments, *algorithm, local_steps=6, small=["game=pettingzoo", *small]
    )
    assert np.isfinite(trace.steps[-1]["policy"]).all()
    legal = rounds[-1].rollouts.chunks.legal
    assert 0.3 < legal.float().mean() < 0.9
