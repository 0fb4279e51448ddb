"""Local updates that each have a base policy, and samples, of their own."""

from typing import get_args

import numpy as np
import pytest
from test_reuse import ROWS, WORLDS, play_round, policies
from worlds import estimation, learner_for, play, prediction

from marl_comm.algorithms.current_policy import CurrentPolicy
from marl_comm.command_line.composition import compose
from marl_comm.communication.periodic import Periodic
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies, Estimation
from marl_comm.experience.estimators import MODELLING, Estimator
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.rows import take

PLAIN = sorted(set(get_args(Estimator)) - set(MODELLING))


def own(estimator: str) -> Estimation:
    return estimation(estimator, 1.5, own_base=True)


def alone(data, kind: str, row: int, base: int):
    """The same data of one row, as if one base had played all there is: its own samples."""
    mixture = data._mixture
    first = int(mixture.samples[row, :base].sum())
    part = slice(first, first + int(mixture.samples[row, base]))
    buffer = take(data._buffer, np.array([row]))
    axis = 1 if kind == "one_shot" else 2
    for name in vars(buffer):
        array = getattr(buffer, name)
        setattr(buffer, name, array[(slice(None),) * axis + (part,)])
    bases = BasePolicies.current(data.behaviours.log_policies[[row], base])
    return type(data)(buffer, bases, *(() if kind == "one_shot" else (data._discount,)))


@pytest.mark.parametrize(
    ("kind", "estimator"),
    [
        (kind, estimator)
        for kind in WORLDS
        for estimator in PLAIN
        # The joint regression is of one reward for all, and discounted agents have their own.
        if (kind, estimator) != ("discounted", "joint")
    ],
)
def test_estimates_are_those_of_the_bases_own_samples_alone(kind, estimator):
    world = WORLDS[kind]()
    data, policy = play_round(world, 3, samples=100), policies(world, 9)[:, 0]
    data.prepare(own(estimator))
    # The second row has one base, which serves all its updates.
    for update, base in ((0, [0, 0, 0]), (1, [1, 0, 1]), (7, [1, 0, 1])):
        staleness = data.weigh(policy, np.full(ROWS, update))
        values, value = data.action_values(policy), data.value(policy)
        variances = data.signal(policy).noise
        for row in range(ROWS):
            single = alone(data, kind, row, base[row])
            single.prepare(estimation(estimator, 1.5))
            expected = single.weigh(policy[[row]])
            assert values[row] == pytest.approx(single.action_values(policy[[row]])[0], abs=1e-12)
            assert value[row] == pytest.approx(single.value(policy[[row]])[0], abs=1e-12)
            assert variances[row] == pytest.approx(single.signal(policy[[row]]).noise[0])
            assert staleness.ess[row] == pytest.approx(expected.ess[0])
            assert staleness.mean_weight[row] == pytest.approx(expected.mean_weight[0])
            assert staleness.divergence[row] == pytest.approx(
                data.divergences(
                    np.array([row]), policy[[row]], data.behaviours.log_policies[[row]]
                )[0, base[row]]
            )
        assert staleness.nearest.tolist() == base


def test_exact_data_are_as_old_as_the_updates_own_base():
    world = WORLDS["one_shot"]()
    bases = BasePolicies(policies(world, 1, 3), np.array([3, 1, 2]))
    data = world.collect(np.arange(ROWS), bases, None)
    data.prepare(own("bounded"))
    far, near = bases.log_policies[:, 0], bases.log_policies[:, 2]
    assert data.weigh(near, np.array([2, 2, 1])).nearest.tolist() == [2, 0, 1]
    assert data.weigh(near, np.array([2, 2, 1])).divergence[0] < 1e-12
    assert data.weigh(far, np.array([1, 0, 0])).divergence[0] > 0.1
    assert (data.action_values(far) == world.action_values(np.arange(ROWS), far)).all()


@pytest.mark.parametrize("samples", [None, 600])
def test_a_round_has_one_base_for_each_of_its_local_updates(samples):
    plan = prediction(
        spacing=1,
        spacing_unit="local_updates",
        max_bases=6,
        horizon="fixed",
        predictor="last_gradient",
        weights="own_base",
        longest_round=6,
    )
    trace = play(
        Coverage(4, 3, [1]),
        Periodic(6),
        plan,
        seeds=range(1),
        local_steps=33,
        samples=samples,
        warmup=3,
        own_base=True,
    )
    assert [step["bases"] for step in trace.of(0)[1:]] == [1] * 3 + [6] * 30
    assert trace.of(0)[-1]["nash_gap"] < 0.05


def test_base_t_is_where_t_repetitions_of_the_last_update_lead():
    """And so local update t looks at the policy it is at, while gradients stay as they were."""
    world = WORLDS["one_shot"]()
    learner = learner_for(world)
    rows = np.arange(ROWS)
    learner.receive(rows, world.collect(rows, CurrentPolicy(reweighs=True).plan(learner, rows), 99))
    before = learner.log_policy
    learner.update()
    step = learner.log_policy - before
    plan = prediction(
        spacing=1,
        spacing_unit="local_updates",
        max_bases=4,
        horizon="fixed",
        predictor="last_gradient",
        weights="own_base",
        longest_round=4,
    ).plan(learner, rows)
    assert plan.count.tolist() == [4] * ROWS
    for base in range(4):
        logits = learner.log_policy + base * step
        expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        assert plan.log_policies[:, base] == pytest.approx(expected, abs=1e-12)


def test_the_preset_is_the_papers_and_still_the_users():
    chosen = compose("algorithm/prediction=paper", "communication=periodic").algorithm
    assert (chosen.predictor, chosen.weights, chosen.horizon) == (
        "last_gradient",
        "own_base",
        "fixed",
    )
    assert (chosen.spacing, chosen.spacing_unit) == (1, "local_updates")
    changed = compose("algorithm/prediction=paper", "algorithm.weights=mixture").algorithm
    assert (changed.predictor, changed.weights) == ("last_gradient", "mixture")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("algorithm.weights=own_base",), "algorithm/prediction=paper sets"),
        (("algorithm/prediction=paper", "algorithm.spacing=2"), "algorithm.spacing=2"),
        (("algorithm/prediction=paper", "learner.reuse=3"), "learner.reuse=latest"),
        (
            ("algorithm/prediction=paper", "samples_per_round=50", "communication=periodic"),
            None,  # ten local updates a round need ten bases, not the 100 that are allowed
        ),
        (("algorithm/prediction=paper", "samples_per_round=50"), "set samples_per_round to 100"),
        (("algorithm.prediction=paper",), "did you mean algorithm/prediction?"),
    ],
)
def test_what_own_bases_cannot_have_is_told_in_one_line(overrides, told):
    if told is None:
        compose(*overrides)
        return
    with pytest.raises(InputError) as refused:
        compose(*overrides)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
