"""Prediction and how far it is trusted, against plain loops."""

import numpy as np
import pytest
import torch
from rollout_worlds import SPREAD, learner_for, made_up_chunk, round_of
from torch.distributions import Categorical, kl_divergence

from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.calibration import SHARES, Calibration
from marl_comm.learners.mappo.optimiser import Adam
from marl_comm.learners.mappo.past_predictions import PastPredictions
from marl_comm.learners.mappo.probe_states import ProbeStates, _stride


def test_kappa_minimises_the_running_mean_of_relative_divergences():
    random = np.random.default_rng(0)
    rows, lags = 2, 3
    calibration = Calibration.fresh(rows, lags, torch.device("cpu"))
    seen: dict[tuple[int, int], list[np.ndarray]] = {}
    for _ in range(40):
        row, lag = int(random.integers(rows)), int(random.integers(lags))
        divergences = random.random(len(SHARES)).astype(np.float32) * 10 ** random.uniform(-2, 1)
        seen.setdefault((row, lag), []).append(divergences)
        calibration.score(
            torch.tensor([row]), torch.tensor([lag]), torch.from_numpy(divergences)[None]
        )
        earned = calibration.earned()
        for where in np.ndindex(rows, lags):
            past = seen.get(where, [])
            expected = 0.0
            if len(past) >= 3:
                mean = sum(
                    0.95 ** (len(past) - 1 - i) * each / (each[0] + 1e-6)
                    for i, each in enumerate(past)
                )
                expected = SHARES[int(np.argmin(mean))]
            assert earned[where].item() == pytest.approx(expected)
    assert earned.unique().numel() > 2


def test_of_equally_good_shares_the_smallest_is_taken():
    calibration = Calibration.fresh(1, 1, torch.device("cpu"))
    zero = torch.tensor([0])
    for _ in range(4):
        calibration.score(zero, zero, torch.ones((1, len(SHARES))))
    assert calibration.earned().item() == 0


def test_what_lies_beyond_the_farthest_lag_is_neither_scored_nor_trusted():
    calibration = Calibration.fresh(1, 1000, torch.device("cpu"))
    good = torch.tensor([[1.0, 0.5, 0.4, 0.3, 0.2, 0.1]])
    for _ in range(4):
        for lag in (64, 65):
            calibration.score(torch.tensor([0]), torch.tensor([lag]), good)
    assert calibration.earned().shape[1] == 65
    assert calibration.earned()[0, 64] == 1
    learner = learner_for(SPREAD, range(1))
    predicted = learner.networks.actor.unsqueeze(1).expand(-1, 70, -1)
    probes = probes_of(learner)
    trust = calibration.trust(torch.tensor([0]), predicted, probes)
    assert trust[0, 64] == 1  # going nowhere is never too far
    assert (trust[0, 65:] == 0).all()


def probes_of(learner, seed=0):
    chunk = made_up_chunk(learner, SPREAD, seed)
    return ProbeStates.of(chunk, learner.policy.actor, learner.policy.distribution)


def test_a_base_goes_no_farther_than_half_of_the_drift():
    learner = learner_for(SPREAD)
    probes, lags = probes_of(learner), 4
    calibration = Calibration.fresh(2, lags, torch.device("cpu"))
    every = torch.arange(2)
    drift = 0.002
    for lag in range(1, lags):
        for _ in range(3):
            # The longer way was always the better one.
            divergences = drift * torch.tensor([1.0, 0.8, 0.6, 0.4, 0.2, 0.1]).expand(2, -1)
            calibration.score(every, torch.full((2,), lag), divergences)
    start = learner.networks.actor
    direction = torch.randn(start.shape, generator=torch.Generator().manual_seed(0))
    length = torch.tensor([0.01, 0.2])[:, None]
    predicted = prediction.repeated(start, length * direction, lags)
    trust = calibration.trust(every, predicted, probes)
    stays = probes.outputs(start)
    for row in range(2):
        for lag in range(lags):
            best = 0.0
            for share in SHARES[1:] if lag > 0 else ():
                base = torch.lerp(start, predicted[:, lag], share)
                apart = probes.divergence(probes.outputs(base), stays)[row]
                if apart <= 0.5 * drift:
                    best = share
            assert trust[row, lag].item() == pytest.approx(best)
    assert trust.unique().numel() > 2


@pytest.mark.parametrize("predictor", ["momentum", "extrapolate"])
def test_every_earlier_moments_prediction_is_scored(predictor):
    """A plain loop over all pairs of moments gives the calibration's sums."""
    longest = 4
    learner = learner_for(SPREAD, predictor=predictor, longest_round=longest)
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(3)]
    made, losses, drifts = [], {}, {}
    for update in range(8):
        if update % 3 == 0:
            learner.receive(np.arange(2), round_of(learner, SPREAD, chunks))
        reached = learner.networks.actor.clone()
        for ago, (start, step) in enumerate(reversed(made)):
            if not 0 < ago < longest:
                continue
            scores = [
                np.array(
                    plain_divergence(learner, reached, start + s * ago * step, chunks[update % 3])
                )
                for s in SHARES
            ]
            past = losses.get(ago, 0.0)
            losses[ago] = 0.95 * past + np.stack(scores, axis=1) / (scores[0][:, None] + 1e-6)
            drifts[ago] = 0.95 * drifts.get(ago, 0.0) + scores[0]
        learner.update()
        made.append(
            (
                learner.networks.actor.clone(),
                learner.predict(torch.arange(2), 2)[:, 1] - learner.networks.actor,
            )
        )
    calibration = learner.tracked.calibration
    assert sorted(losses) == [1, 2, 3]
    for lag, loss in losses.items():
        np.testing.assert_allclose(calibration.losses[:, lag], loss, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(calibration.drift[:, lag], drifts[lag], rtol=2e-3, atol=1e-6)
    assert (calibration.weight[:, 0] == 0).all()


def test_many_lags_take_turns():
    parameters = learner_for(SPREAD).networks.actor
    learner = learner_for(SPREAD)
    probes, past = probes_of(learner), PastPredictions.fresh(parameters)
    for _ in range(40):
        past.remember(parameters, torch.zeros_like(parameters), 40)
    calibration = Calibration.fresh(2, 40, torch.device("cpu"))
    reached = probes.outputs(parameters)
    for local_step in range(3):
        before = calibration.weight.clone()
        past.score(probes, reached, local_step, calibration)
        assert 0 < ((calibration.weight - before)[0] > 0).sum() <= 16
    assert (calibration.weight[:, 1:] == 1).all()


@pytest.mark.parametrize(("steps", "copies"), [(25, 128), (25, 32), (128, 32), (1, 7), (100, 100)])
def test_probes_come_from_many_times_and_copies(steps, copies):
    stride = _stride(steps * copies, copies)
    chosen = np.arange(0, steps * copies, stride)
    assert len(chosen) >= min(128, steps * copies)
    assert len(np.unique(chosen % copies)) >= min(copies, len(chosen)) * 0.99
    assert len(np.unique(chosen // copies)) == min(steps, len(chosen))


@pytest.mark.parametrize("period", [5, 20, 33, 50, 64])
def test_the_predictions_that_rounds_begin_with_are_scored_too(period):
    class Nowhere:
        def outputs(self, parameters):
            return parameters

        def divergence(self, one, other):
            return torch.zeros(len(one))

    class Notes:
        def score(self, rows, lags, divergences):
            scored.add((position, int(lags[0])))

    scored: set[tuple[int, int]] = set()
    parameters = torch.zeros((1, 1))
    past = PastPredictions.fresh(parameters)
    for local_step in range(9 * period):
        position = local_step % period
        past.score(Nowhere(), parameters, local_step, Notes())
        past.remember(parameters, parameters, period)
    assert {(position, position) for position in range(1, period)} <= scored


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
        predicted = prediction.momentum(adam, 0.01, 7)[row]
        torch.testing.assert_close(predicted, 7 * step, rtol=1e-5, atol=1e-7)


def test_without_a_past_momentum_stays():
    parameters = torch.randn((2, 5))
    step = prediction.momentum(Adam.fresh(parameters, (0.9, 0.9)), 0.1, 3)
    assert (step == 0).all()
    predicted = prediction.repeated(parameters, step, 4)
    torch.testing.assert_close(predicted, parameters.unsqueeze(1).expand(-1, 4, -1))


def test_before_anything_was_learned_nothing_is_predicted():
    for predictor in ("momentum", "rehearse", "extrapolate"):
        learner = learner_for(SPREAD, predictor=predictor)
        predicted = learner.predict(torch.arange(2), 3)
        expected = learner.networks.actor.unsqueeze(1).expand(-1, 3, -1)
        torch.testing.assert_close(predicted, expected)
        assert (learner.trust(torch.arange(2), predicted) == 0).all()


def test_extrapolation_repeats_the_mean_displacement_of_the_last_round():
    learner = learner_for(SPREAD, predictor="extrapolate")
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(3)]
    start = learner.networks.actor.clone()
    learner.receive(np.arange(2), round_of(learner, SPREAD, chunks))
    for _ in range(3):
        learner.update()
    step = (learner.networks.actor - start) / 3
    predicted = learner.predict(torch.tensor([1]), 3)
    for position in range(3):
        expected = learner.networks.actor[1] + position * step[1]
        torch.testing.assert_close(predicted[0, position], expected)


@pytest.mark.parametrize("minibatches", [1, 2])
def test_rehearsal_makes_the_updates_on_the_last_rounds_data(minibatches):
    learners = [
        learner_for(SPREAD, minibatches=minibatches, predictor="rehearse") for _ in range(2)
    ]
    for learner in learners:
        chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(2)]
        learner.receive(np.arange(2), round_of(learner, SPREAD, chunks))
        learner.update()
        learner.update()
    rehearsing, doing = learners
    # The same order of joint steps, so that the copy can be compared with the real thing.
    doing._updater._shuffles = [*rehearsing._updater._rehearsal_shuffles]
    states = [shuffle.bit_generator.state for shuffle in doing._updater._shuffles]
    before = rehearsing.networks.actor.clone()
    predicted = rehearsing.predict(torch.arange(2), 4)
    torch.testing.assert_close(rehearsing.networks.actor, before, atol=0, rtol=0)
    for shuffle, state in zip(doing._updater._shuffles, states, strict=True):
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
    learner = learner_for(SPREAD, predictor="rehearse")
    chunks = [made_up_chunk(learner, SPREAD, seed) for seed in range(2)]
    start = learner.networks.actor.clone()
    predicted = start.unsqueeze(1) + 0.05 * torch.randn((2, 2, start.shape[1]))
    predicted[:, 0] = start
    learner.receive(np.arange(2), round_of(learner, SPREAD, chunks, predicted, trust=0.4))
    learner.update()
    calibration = learner.tracked.calibration
    assert (calibration.weight == 0).all()  # position 0 is no prediction
    assert np.isnan(learner.diagnostics()["kappa"]).all()
    reached = learner.networks.actor.clone()
    learner.update()
    calibration = learner.tracked.calibration
    drift = np.array(plain_divergence(learner, reached, start, chunks[1]))
    for share_index, share in enumerate(SHARES):
        candidate = start + share * (predicted[:, 1] - start)
        expected = plain_divergence(learner, reached, candidate, chunks[1]) / (drift + 1e-6)
        found = calibration.losses[:, 1, share_index]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
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
