"""What figures compute from runs, against plain loops over fake runs."""

import itertools

import numpy as np
import pytest
from fake_runs import points, write_run

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import (
    costs,
    ends_above,
    of_the_same_seeds,
    only,
    paired_costs,
    values_of,
    where,
)
from marl_comm.paper.figures import staleness
from marl_comm.paper.figures.staleness import GAMES, Round, main_round


def pooled(root):
    return pool(load_runs([root], print), print)


def test_staleness_is_measured_after_twenty_updates_and_at_two_nats(tmp_path):
    def record(seed, ours):
        found, last, update = [], 0, 0
        for point in points(60, updates_per_round=25):
            last, update = point["round"], update + 1 if point["round"] == last else 0
            moved = 0.0025 * update**2 if ours else 0.125 * update
            found.append(point | {"divergence": moved, "ess": 1 - update / (100 if ours else 50)})
        return found

    for game, noise, ours in itertools.product(GAMES, (0.0, 0.1), (False, True)):
        write_run(
            tmp_path / f"{game}_{noise}_{ours}",
            "base_policy_prediction" if ours else "importance_sampling",
            seeds=range(6),
            record=lambda seed, ours=ours: record(seed, ours),
            settings={
                "communication.period": 25,
                "game.name": game,
                "game.reward_noise": noise,
            },
        )
    found = staleness.evidence(pooled(tmp_path))
    values = {each.criterion: each.estimate.value for each in found if each.setting == "congestion"}
    # Importance sampling is 2 nats away after 16 local updates.
    assert values == pytest.approx(
        {
            "instability_ess": 1 - 20 / 50,
            "shrink_divergence": 1.0 / 2.5,
            "shrink_ess": 20 / 50 - 20 / 100,
            "shrink_ess_at_distance": 16 / 50 - 16 / 100,
        }
    )
    assert len(found) == 4 * 6


@pytest.fixture
def two_algorithms(tmp_path):
    """Rounds of 5 local updates, the eighth not complete; the third is the one that moves most."""
    random = np.random.default_rng(0)

    def record(seed):
        return [
            point
            | {
                "divergence": float(random.random()) + 5 * (point["round"] == 3 + seed),
                "ess": float(random.random()),
            }
            for point in points(38)
        ]

    for algorithm in ("importance_sampling", "base_policy_prediction"):
        settings = {"communication.period": 5}
        write_run(tmp_path / algorithm, algorithm, record=record, seeds=range(3), settings=settings)
    return pooled(tmp_path)


def test_a_profile_is_of_the_round_in_which_importance_sampling_moves_most(two_algorithms):
    each = Round(two_algorithms, "coverage", 0.0)
    for side, name in enumerate(("importance_sampling", "base_policy_prediction")):
        for seed, run in enumerate(only(two_algorithms, {"algorithm.name": name}).seeds):
            expected = [
                value
                for value, number in zip(run.metrics["ess"], run.metrics["round"], strict=True)
                if number == 3 + seed
            ]
            assert each.ess[side][seed].tolist() == expected


def test_a_round_that_is_not_complete_is_no_candidate(two_algorithms):
    run = only(two_algorithms, {"algorithm.name": "importance_sampling"}).seeds[0]
    run.metrics["divergence"][-1] = 100.0
    assert main_round(run, 5) == 3


def test_samples_at_a_distance_are_those_where_it_is_first_reached(two_algorithms):
    each = Round(two_algorithms, "coverage", 0.0)
    for nats in (5.5, 100.0):
        for side, values in enumerate(each.ess_at_distance(nats)):
            for seed in range(3):
                moved = list(each.moved[seed])
                place = next((i for i, m in enumerate(moved) if m >= nats), moved.index(max(moved)))
                assert values[seed] == each.ess[side][seed][place]


def test_selection_finds_by_settings_and_refuses_what_is_not_unique(tmp_path):
    for index, threshold in enumerate((0.5, 0.1)):
        write_run(tmp_path / str(index), settings={"communication.ess_threshold": threshold})
    configurations = pooled(tmp_path)
    assert values_of(configurations, "communication.ess_threshold") == [0.1, 0.5]
    found = only(configurations, {"communication.ess_threshold": 0.5})
    assert found.config["communication.ess_threshold"] == 0.5
    assert where(configurations, {"communication.period": 3}) == []
    with pytest.raises(LookupError, match="2 configurations"):
        only(configurations, {"game.name": "coverage"})


def test_costs_are_those_at_the_gap_and_pairs_share_seeds(tmp_path):
    write_run(tmp_path / "one", seeds=range(4))
    write_run(tmp_path / "other", "stale", seeds=range(2, 6), record=lambda seed: points(3 + seed))
    one, other = pooled(tmp_path)
    assert costs(one, 0.1, "round").tolist() == [2.0] * 4
    assert costs(one, 0.1, "local_step").tolist() == [9.0] * 4
    assert costs(one, 0.1, "bytes").tolist() == [2000 * 13 * 4] * 4
    assert costs(other, 0.1, "samples").tolist() == [np.inf] * 4
    ours, theirs = paired_costs(one, other, 0.1, "round")
    assert (len(ours), len(theirs)) == (2, 2)


def test_rows_are_pairs_only_where_all_seeds_are_the_same(tmp_path):
    write_run(tmp_path / "one", seeds=range(4))
    write_run(tmp_path / "other", "stale", seeds=range(4))
    alike = pooled(tmp_path)
    assert of_the_same_seeds(alike) == alike
    write_run(tmp_path / "another", "base_policy_prediction", seeds=range(1, 5))
    with pytest.raises(LookupError, match=r"\(0, 1, 2, 3\) and of \(1, 2, 3, 4\)"):
        of_the_same_seeds(pooled(tmp_path))


def test_a_seed_ends_above_a_gap_unless_it_is_known_to_end_at_or_below_it(tmp_path):
    write_run(tmp_path / "one", seeds=range(4))
    (configuration,) = pooled(tmp_path)
    for run, gap in zip(configuration.seeds, (0.04, 0.05, 0.06, np.nan), strict=True):
        run.metrics["nash_gap"][-1] = gap
    assert ends_above(configuration, 0.05).tolist() == [False, False, True, True]
