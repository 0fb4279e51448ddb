"""Prediction and how far it is trusted, against plain loops."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of
from torch.distributions import Categorical, kl_divergence

from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.calibration import SHARES, Calibration
from marl_comm.learners.mappo.optimiser import Adam


def test_trust_minimises_the_running_mean_of_what_each_share_led_to():
    random = np.random.default_rng(0)
    rows, positions = 2, 3
    calibration = Calibration.fresh(rows, positions, torch.device("cpu"))
    means = {}
    for _ in range(6):
        row, position = random.integers(rows), random.integers(positions)
        divergences = random.random(len(SHARES)).astype(np.float32)
        calibration.score(
            torch.tensor([row]), torch.tensor([position]), torch.from_numpy(divergences)[None]
        )
        past = means.get((row, position))
        means[row, position] = divergences if past is None else 0.5 * past + 0.5 * divergences
        trust = calibration.trust(torch.arange(rows))
        for where in np.ndindex(rows, positions):
            best = SHARES[int(np.argmin(means[where]))] if where in means else 0.0
            assert trust[where].item() == pytest.approx(best)
    assert 0 < len(means) < rows * positions


def test_of_equally_good_shares_the_smallest_is_taken():
    calibration = Calibration.fresh(1, 1, torch.device("cpu"))
    zero = torch.tensor([0])
    calibration.score(zero, zero, torch.ones((1, len(SHARES))))
    assert calibration.trust(zero).item() == 0


def test_momentum_goes_on_as_the_optimiser_would():
    parameters = torch.randn((2, 5), dtype=torch.float64)
    adam = Adam.fresh(parameters, (0.9, 0.999))
    reference = [torch.nn.Parameter(row.clone()) for row in parameters]
    optimisers = [torch.optim.Adam([row], 0.01, eps=1e-5) for row in reference]
    for _ in range(5):
        gradients = torch.randn((2, 5), dtype=torch.float64)
        adam.step(parameters, gradients, 0.01)
        for row, optimiser, gradient in zip(reference, optimisers, gradients, strict=True):
            row.grad = gradient.clone()
            optimiser.step()
    for row in range(2):
        torch.testing.assert_close(parameters[row], reference[row].data, rtol=1e-5, atol=1e-6)
        state = optimisers[row].state[reference[row]]
        mean, square = state["exp_avg"] / (1 - 0.9**5), state["exp_avg_sq"] / (1 - 0.999**5)
        step = -0.01 * mean / (square.sqrt() + 1e-5)
        predicted = prediction.momentum(parameters, adam, 0.01, 7, 4)[row]
        for position in range(4):
            expected = parameters[row] + position * 7 * step
            torch.testing.assert_close(predicted[position], expected, rtol=1e-5, atol=1e-6)


def test_without_a_past_momentum_stays():
    parameters = torch.randn((2, 5))
    predicted = prediction.momentum(parameters, Adam.fresh(parameters, (0.9, 0.9)), 0.1, 3, 4)
    torch.testing.assert_close(predicted, parameters.unsqueeze(1).expand(-1, 4, -1))


def test_extrapolation_repeats_the_mean_displacement_of_the_last_round():
    learner = learner_for(SPREAD)
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(3)]
    start = learner.networks.actor.clone()
    learner.receive(np.arange(2), round_of(learner, SPREAD, chunks))
    for _ in range(3):
        learner.update()
    step = (learner.networks.actor - start) / 3
    predicted = learner.predict(torch.tensor([1]), "extrapolate", 3)
    for position in range(3):
        expected = learner.networks.actor[1] + position * step[1]
        torch.testing.assert_close(predicted[0, position], expected)


@pytest.mark.parametrize("minibatches", [1, 2])
def test_rehearsal_makes_the_updates_on_the_last_rounds_data(minibatches):
    learners = [learner_for(SPREAD, minibatches=minibatches) for _ in range(2)]
    for learner in learners:
        chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(2)]
        learner.receive(np.arange(2), round_of(learner, SPREAD, chunks))
        learner.update()
        learner.update()
    rehearsing, doing = learners
    # The same order of joint steps, so that the copy can be compared with the real thing.
    doing._shuffles = [*rehearsing._rehearsal_shuffles]
    states = [shuffle.bit_generator.state for shuffle in doing._shuffles]
    before = rehearsing.networks.actor.clone()
    predicted = rehearsing.predict(torch.arange(2), "rehearse", 4)
    torch.testing.assert_close(rehearsing.networks.actor, before, atol=0, rtol=0)
    for shuffle, state in zip(doing._shuffles, states, strict=True):
        shuffle.bit_generator.state = state
    doing.updates.zero_()
    for position in range(4):
        torch.testing.assert_close(predicted[:, position], doing.networks.actor)
        doing.update()


def plain_divergence(learner, parameters, other, chunk):
    """KL of joint policies, mean over all joint steps, of each row."""
    policy = learner.policy
    inputs = policy.actor.inputs(chunk.observations.flatten(2, 3))
    first, second = (
        Categorical(logits=policy.actor(mine, inputs).movedim(1, -1))
        for mine in (parameters, other)
    )
    divergence = kl_divergence(first, second).numpy()
    rows, agents, samples = divergence.shape
    return [
        sum(divergence[row, i, n] for i in range(agents) for n in range(samples)) / samples
        for row in range(rows)
    ]


def test_every_share_is_scored_by_the_divergence_it_led_to():
    learner = learner_for(SPREAD)
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(2)]
    start = learner.networks.actor.clone()
    predicted = start.unsqueeze(1) + 0.05 * torch.randn((2, 2, start.shape[1]))
    predicted[:, 0] = start
    learner.receive(np.arange(2), round_of(learner, SPREAD, chunks, predicted, trust=0.4))
    learner.update()
    assert not learner.calibration.scored.any()  # position 0 is no prediction
    assert np.isnan(learner.diagnostics()["kappa"]).all()
    reached = learner.networks.actor.clone()
    learner.update()
    for share_index, share in enumerate(SHARES):
        candidate = start + share * (predicted[:, 1] - start)
        expected = plain_divergence(learner, reached, candidate, chunks[1])
        found = learner.calibration.divergences[:, 1, share_index]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    figures = learner.diagnostics()
    base = start + 0.4 * (predicted[:, 1] - start)
    np.testing.assert_allclose(
        figures["kl"], plain_divergence(learner, reached, base, chunks[1]), rtol=1e-4, atol=1e-6
    )
    unpredicted = plain_divergence(learner, reached, start, chunks[1])
    np.testing.assert_allclose(figures["kl_unpredicted"], unpredicted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(figures["kappa"], 0.4, rtol=1e-6)
    for row in range(2):
        first, second = (predicted[row, 1] - start[row]), (reached[row] - start[row])
        cosine = torch.dot(first, second) / (first.norm() * second.norm())
        assert figures["cosine"][row] == pytest.approx(cosine.item(), rel=1e-4)
