"""Figures about failures, distances and drift, from fake runs or plain loops."""

import itertools

import numpy as np
import pytest
from fake_runs import points, write_run
from legibility import legible

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.estimates import share
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import only, where
from marl_comm.experience.estimators import renyi_divergence
from marl_comm.games.one_shot.coverage import Coverage
from marl_comm.paper import drifted
from marl_comm.paper.figures import (
    ceiling,
    gap_size,
    instability,
    paper_congestion,
    single_agent,
    stages,
)

LINE, ORACLE = {"algorithm.predictor": "line"}, {"algorithm.predictor": "oracle"}
SAMPLING, PREDICTION = "importance_sampling", "base_policy_prediction"


def pooled(root):
    return pool(load_runs([root], print), print)


def write(root, algorithm, settings, record, seeds=6):
    name = "_".join([algorithm, *map(str, settings.values())])
    write_run(root / name, algorithm, seeds=range(seeds), record=record, settings=settings)


def ending_at(gap):
    """Return records that end with a gap: half of the seeds at 1e-6 of it."""

    def record(seed):
        found = points(3)
        return [*found[:-1], found[-1] | {"nash_gap": gap * (1e-6 if seed % 2 else 1.0)}]

    return record


def test_the_share_that_fails_is_counted_by_estimator_and_interval(tmp_path):
    thresholds = {"metrics.gap_thresholds": [0.05, 0.01]}
    for agents, period in itertools.product((8, 20), (50, 100)):
        base = {**thresholds, "game.agents": agents, "communication.period": period}
        for name in ("self_normalised", "ordinary", "truncated", "bounded", "doubly_robust"):
            settings = {**base, "learner.estimator": name}
            gap = 0.5 if name == "self_normalised" and period == 100 else 0.01
            write(tmp_path, SAMPLING, settings, ending_at(gap))
            write(tmp_path, PREDICTION, {**settings, **LINE}, ending_at(gap))
        for name in ("self_normalised", "bounded"):
            settings = {**base, **ORACLE, "learner.estimator": name}
            write(tmp_path, PREDICTION, settings, ending_at(0.01))
        write(tmp_path, "stale", base, ending_at(0.9))
    for agents in (8, 20):
        settings = {**thresholds, "game.agents": agents}
        write(tmp_path, "full_communication", settings, ending_at(0.01))
    configurations = pooled(tmp_path)
    found = {each.setting: each for each in paper_congestion.evidence(configurations)}
    assert found["8 agents, self_normalised"].note == "3 of 6"
    assert found["8 agents, self_normalised"].estimate == share(np.arange(6) % 2 == 0)
    assert found["20 agents, bounded"].estimate.value == 0
    assert found["20 agents, bounded"].estimate.high > 0.2
    assert len(legible(paper_congestion.draw(configurations), paper_congestion.FIGURE).axes) == 12
    table = paper_congestion.finding(configurations)[1]
    assert "| 8 agents, prediction, oracle bases, bounded | 0 | 0 |" in table
    assert "| 20 agents, importance sampling, no reweighing (stale) | 3 | 3 |" in table


def test_growth_is_the_geometric_mean_over_all_seeds_and_knows_convergence():
    gaps, reference = np.array([1e-2, 1e-9, 4e-3] * 3), np.array([1e-3, 1e-12, 1e-3] * 3)
    found = instability.growth(gaps, reference)
    assert found.value == pytest.approx((10.0 * 1.0 * 4.0) ** (1 / 3))
    assert found.low < found.value < found.high


def test_instability_begins_where_the_whole_interval_says_so(tmp_path):
    schedules = [("communication.period", value) for value in (1, 30, 300)]
    schedules += [("communication.probability", value) for value in (0.9, 0.998)]
    games = itertools.product(("coverage", "congestion"), (12, 40))
    for (game, agents), name, (schedule, value) in itertools.product(
        games, ("self_normalised", "bounded"), schedules
    ):
        settings = {
            "game.name": game,
            "game.agents": agents,
            "learner.estimator": name,
            schedule: value,
        }
        bad = name == "self_normalised" and value in (30, 300, 0.998)
        write(tmp_path, SAMPLING, settings, ending_at(0.5 if bad else 0.001))
    configurations = pooled(tmp_path)
    found = {(each.criterion, each.setting): each for each in instability.evidence(configurations)}
    assert len(found) == 16
    assert found["instability_share", "congestion, 40 agents, self_normalised"].note == "3 of 6"
    assert found["instability_gap", "coverage, 12 agents, bounded"].estimate.value == 1
    # Half of the seeds grow from 0.001 to 0.5; the others converge either way.
    grown = found["instability_gap", "coverage, 12 agents, self_normalised"].estimate.value
    assert grown == pytest.approx(500**0.5)
    rows = instability.finding(configurations)[1].split("\n")
    assert rows[2].startswith("| `coverage`, 12 agents, self_normalised | 30: 0.500")
    assert rows[3] == "| `coverage`, 12 agents, bounded | - | - | - | - |"
    assert len(legible(instability.draw(configurations), instability.FIGURE).axes) == 8


def test_each_side_of_the_ceiling_has_its_own_best_interval(tmp_path):
    games = itertools.product(("graph", "coverage", "congestion"), (10, 40), (1000, 8000))
    for (game, agents, samples), period in itertools.product(games, (5, 10, 20, 40)):
        settings = {
            "metrics.gap_thresholds": [0.002],
            "game.name": game,
            "game.agents": agents,
            "samples_per_round": samples,
            "communication.period": period,
        }
        for algorithm, extra, length in (
            (SAMPLING, {}, {5: 3, 10: 10, 20: 5, 40: 3}),
            (PREDICTION, LINE, {5: 3, 10: 4, 20: 20 if samples == 8000 else 10, 40: 3}),
            (PREDICTION, ORACLE, {5: 3, 10: 4, 20: 30, 40: 3}),
        ):
            # The gap is at most 0.002 after 28 local updates.
            write(
                tmp_path,
                algorithm,
                settings | extra,
                lambda seed, each=length[period]: points(30, updates_per_round=each),
            )
    configurations = pooled(tmp_path)
    for run in (run for each in configurations for run in each.seeds):
        run.summary.__dict__["distance_rounds"] = 3.0
    for each in ceiling.cells(configurations):
        assert each.rounds.value == 3
        assert each.reach.value == 3
        ratio = 2 / 3 if each.samples == 8000 else 1
        assert each.ratios["prediction"].value == pytest.approx(ratio)
        assert each.ratios["oracle"].value == pytest.approx(1 / 3)
        assert each.lost == (0, 0, 0)
        assert each.intervals == ("10", "20", "20")
    found = {each.setting: each.estimate.value for each in ceiling.evidence(configurations)}
    assert found == pytest.approx(dict.fromkeys(("graph", "coverage", "congestion"), 2 / 3))
    assert len(legible(ceiling.draw(configurations), ceiling.FIGURE).axes) == 2
    inside = where(configurations, {"communication.period": 5}) + where(
        configurations, {"communication.period": 10}
    )
    for each in ceiling.cells(inside):
        assert each.intervals[0] == "10 (edge)"
        assert np.isnan(each.ratios["prediction"].value)
    assert "best intervals 10 (edge) and 10 (edge)" in ceiling.evidence(inside)[0].note


def test_a_single_agent_is_compared_at_each_ones_best_trigger(tmp_path):
    for game, trigger in itertools.product(("random_potential", "random_markov"), (0.5, 0.1)):
        settings = {
            "metrics.gap_thresholds": [0.01],
            "game.name": game,
            "communication.ess_threshold": trigger,
        }
        length = 5 if trigger == 0.5 else 13
        for algorithm, extra in ((SAMPLING, {}), (PREDICTION, LINE), (PREDICTION, ORACLE)):
            write(
                tmp_path,
                algorithm,
                settings | extra,
                lambda seed, each=length: points(30, updates_per_round=each),
            )
    configurations = pooled(tmp_path)
    assert "2.00 [2.00, 2.00] at 0.1 (edge)" in single_agent.finding(configurations)[1]
    assert len(legible(single_agent.draw(configurations), single_agent.FIGURE).axes) == 2


def test_rounds_by_suboptimality_gap_are_to_a_tenth_of_it_at_each_ones_best_trigger(tmp_path):
    for gap, noise, trigger in itertools.product((0.1, 0.3), (0.0, 0.1), (0.7, 0.5, 0.1)):
        settings = {
            "metrics.gap_thresholds": [0.03, 0.01],
            "game.gap": gap,
            "game.reward_noise": noise,
            "communication.ess_threshold": trigger,
        }
        # The gap is at most 0.03 after 15 local updates, and 0.01 after 20.
        for algorithm, length in ((SAMPLING, 5), (PREDICTION, 10)):
            write(
                tmp_path,
                algorithm,
                settings,
                lambda seed, each=length if trigger == 0.5 else 1: points(
                    30, updates_per_round=each
                ),
            )
    configurations = pooled(tmp_path)
    rows = gap_size.finding(configurations)[1].split("\n")
    assert rows[2].startswith("| 0.1 | 0 | 4.00 [4.00, 4.00] | 2.00 [2.00, 2.00] | 0.500")
    assert rows[5].startswith("| 0.3 | 0.1 | 3.00 [3.00, 3.00] | 2.00 [2.00, 2.00] | 0.667")
    assert len(legible(gap_size.draw(configurations), gap_size.FIGURE).axes) == 2
    edge = where(configurations, {"communication.ess_threshold": 0.5})
    row = gap_size.finding(edge)[1].split("\n")[2]
    assert row.startswith("| 0.1 | 0 | 4.00 [4.00, 4.00] (edge) | 2.00 [2.00, 2.00] (edge) | undef")


def test_errors_of_stages_are_read_and_compared_with_learning_together(tmp_path):
    for samples, how in itertools.product((100, 1000), ("backward", "together")):
        for algorithm in (SAMPLING, PREDICTION):
            settings = {
                "game.name": "random_markov",
                "game.horizon": 3,
                "samples_per_round": samples,
                "learner.stages": how,
            }

            def record(seed, backward=how == "backward"):
                gaps = {f"stage_gap_{step}": 0.01 * (step + 1) for step in range(3)}
                return [point | (gaps if backward else {}) for point in points(10)]

            write(tmp_path, algorithm, settings, record)
    configurations = pooled(tmp_path)
    one = only(
        configurations,
        {"learner.stages": "backward", "samples_per_round": 100, "algorithm.name": SAMPLING},
    )
    assert stages.stage_gaps(one).tolist() == [[0.01, 0.02, 0.03]] * 6
    assert len(legible(stages.draw(configurations), stages.FIGURE).axes) == 2
    assert "| importance sampling, 100 a round | 0.0677" in stages.finding(configurations)[1]


def test_drift_is_measured_at_the_distances_it_names(monkeypatch):
    monkeypatch.setattr(drifted, "SEEDS", 3)
    monkeypatch.setattr(drifted, "SAMPLES", 300)
    seen = []
    real = drifted.importance_weights
    monkeypatch.setattr(
        drifted,
        "importance_weights",
        lambda target, density: seen.append(real(target, density)) or seen[-1],
    )
    found = drifted.drift.__wrapped__("coverage")
    assert len(seen) == len(drifted.GRID)
    for place, weights in enumerate(seen):
        for seed in range(3):
            each = weights[seed]
            assert found.mean_weight[seed, place] == pytest.approx(sum(each) / 300)
            assert found.largest_weight[seed, place] == pytest.approx(max(each) / sum(each))
            assert found.ess[seed, place] == pytest.approx(sum(each) ** 2 / sum(each**2) / 300)
    # Data of the policy itself are all worth the same.
    assert np.all(found.ess[:, 0] == 1)
    assert all(np.all(np.isfinite(errors)) for errors in found.errors.values())


def test_a_drifting_policy_is_as_far_as_it_says():
    game = Coverage(6, 4, range(5))
    base = np.full((5, 6, 4), -np.log(4))
    for nats, policy in zip(drifted.GRID, drifted._path(game, base), strict=True):
        distance = renyi_divergence(policy, base)
        # Six agents that always take one of four actions are 8.3 nats away.
        if nats <= 6:
            assert np.all(distance >= nats)
            assert np.all(distance < nats + 0.4)
