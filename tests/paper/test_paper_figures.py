"""The figures drawn from fake runs whose answers are known."""

import itertools

import numpy as np
import pytest
from fake_runs import points, write_run
from legibility import legible

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import only
from marl_comm.paper.figures import (
    fair_baseline,
    joint_actions,
    markov_gap,
    potential_gap,
    rates,
    where_it_pays,
)

THRESHOLDS = [0.1, 0.03, 0.01, 0.003]
ALGORITHMS = ("full_communication", "importance_sampling", "base_policy_prediction")
UPDATES_PER_ROUND = {
    "full_communication": 1,
    "importance_sampling": 5,
    "base_policy_prediction": 10,
}


def write(root, algorithm, settings, rate=0.2):
    write_run(
        root / "_".join([algorithm, *map(str, settings.values())]),
        algorithm,
        seeds=range(6),
        record=lambda seed: points(60, updates_per_round=UPDATES_PER_ROUND[algorithm], rate=rate),
        settings={"metrics.gap_thresholds": THRESHOLDS, **settings},
    )


def pooled(root):
    return pool(load_runs([root], print), print)


@pytest.fixture(scope="module")
def one_trigger(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for game, noise, algorithm in itertools.product(potential_gap.GAMES, (0.0, 0.1), ALGORITHMS):
        settings = {"game.name": game, "game.reward_noise": noise}
        write(root, algorithm, settings, rate=0.1 if noise else 0.2)
    return pooled(root)


def test_ratios_at_one_trigger_are_those_of_the_runs(one_trigger):
    found = {each.setting: each for each in potential_gap.evidence(one_trigger)}
    # The gap 0.5 exp(-0.2 t) is at most 0.003 after 26 local updates: 3 rounds of 10, 6 of 5.
    assert len(found) == 6
    assert found["coverage"].estimate.value == 0.5
    # With noise after 52: 6 rounds of 10, 11 of 5.
    assert found["coverage, reward noise 0.1"].estimate.value == pytest.approx(6 / 11)
    assert found["coverage"].note == "never arrived: 0 and 0 of 6 pairs"


def test_gaps_are_drawn_against_named_costs_for_every_game(one_trigger):
    figure = legible(potential_gap.draw(one_trigger), potential_gap.FIGURE)
    assert len(figure.axes) == 9
    labels = [panel.get_xlabel() for panel in figure.axes]
    for words in ("communication rounds", "samples (joint actions", "bytes written and read"):
        assert sum(words in label for label in labels) == 3
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "full communication",
        "importance sampling",
        "base-policy prediction",
        "gap of 0.003, as in the claims",
        "95 % interval",
    ]
    in_bytes = figure.axes[6].get_lines()[0].get_xdata()
    assert in_bytes[0] == 1000 * 13 * 4


def test_the_phase_diagram_has_a_cell_for_each_gap_and_number_of_samples(tmp_path):
    for algorithm, samples, threshold in itertools.product(ALGORITHMS[1:], (100, 1000), (0.5, 0.1)):
        settings = {"samples_per_round": samples, "communication.ess_threshold": threshold}
        write(tmp_path, algorithm, settings)
    configurations = pooled(tmp_path)
    samples, epsilons, tables = where_it_pays.tables_of(configurations)
    assert (samples, epsilons) == ([100, 1000], THRESHOLDS)
    assert np.shape(tables) == (3, 4, 2)
    assert {each.value for each in tables[0][3]} == {0.5}
    figure = legible(where_it_pays.draw(configurations), where_it_pays.FIGURE)
    *panels, bar = figure.axes
    assert [len(panel.texts) for panel in panels] == [8, 8, 8]
    assert bar.get_ylabel() == "rounds, prediction over\nimportance sampling"
    marks = [text.get_text() for text in figure.legends[0].get_texts()]
    assert marks[0] == "95 % interval excludes 1"
    assert marks[1].startswith("∞, 0: ")
    found = where_it_pays.finding(configurations)
    assert "`coverage`, both at 0.5: fewer rounds in 8 of 8 cells" in found[0]
    assert "not to be compared in 8." in found[2]


def test_exponents_of_geometric_convergence_are_those_of_a_logarithm(tmp_path):
    for family, algorithm, samples in itertools.product(
        rates.FAMILIES, ALGORITHMS[1:], (None, 100)
    ):
        write(tmp_path, algorithm, {"game.name": family, "samples_per_round": samples})
    configurations = pooled(tmp_path)
    assert len(legible(rates.draw(configurations), rates.FIGURE).axes) == 9
    # As if samples grew by another 1 / ε, which rounds do not.
    for run in (run for each in configurations for run in each.seeds):
        for epsilon, reached in run.summary.reached.items():
            reached.__dict__["samples"] /= epsilon
    found = {(each.criterion, each.setting): each for each in rates.evidence(configurations)}
    arrivals = [next(t for t in range(61) if 0.5 * np.exp(-0.2 * t) <= e) for e in THRESHOLDS]
    rounds = [-(-t // 10) for t in arrivals]
    expected = np.polyfit(-np.log(THRESHOLDS), np.log(rounds), 1)[0]
    each = found["exponent_rounds", "coverage, sampled"]
    assert each.estimate.value == pytest.approx(expected)
    assert each.note.endswith("ε from 0.1 to 0.003; never arrived at 0.003: 0 of 6")
    assert each.rival.value > 0
    each = found["exponent_samples", "coverage"]
    assert each.estimate.value == pytest.approx(expected + 1)


def test_samples_that_grow_as_a_power_are_not_taken_for_an_exponential(tmp_path):
    for game, algorithm, agents in itertools.product(
        joint_actions.GAMES, ALGORITHMS[1:], (2, 4, 8, 16)
    ):
        # A round at each local update, and so many of them: agents^2, or 2^(agents / 4).
        power = (game == "coverage") == (algorithm == "base_policy_prediction")
        updates = agents**2 if power else round(8 * 2 ** (agents / 4))
        write_run(
            tmp_path / f"{game}_{algorithm}_{agents}",
            algorithm,
            seeds=range(6),
            record=lambda seed, n=updates: points(n, updates_per_round=1, rate=5.2 / n),
            settings={
                "metrics.gap_thresholds": [0.01, 0.003],
                "game.name": game,
                "game.agents": agents,
            },
        )
    configurations = pooled(tmp_path)
    found = {each.setting: each for each in joint_actions.evidence(configurations)}
    assert found["coverage"].estimate.low > 1
    assert found["random_potential"].estimate.high < -1
    assert found["coverage"].rival.high < -1
    assert found["random_potential"].rival.low > 1
    assert len(legible(joint_actions.draw(configurations), joint_actions.FIGURE).axes) == 2


def test_the_share_of_arrivals_is_not_certain_with_few_seeds(tmp_path):
    for game in markov_gap.GAMES:
        rate = 0.01 if game == "random_markov" else 0.2
        write(tmp_path, "base_policy_prediction", {"game.name": game}, rate)
        write(tmp_path, "importance_sampling", {"game.name": game}, 0.2)
    configurations = pooled(tmp_path)
    chain = {"game.name": "climbing_chain", "algorithm.name": "base_policy_prediction"}
    for run in only(configurations, chain).seeds:
        run.metrics["nash_gap"][-1] = 0.01  # the gap itself is near enough
    found = {each.setting: each.estimate for each in markov_gap.evidence(configurations)}
    assert (found["random_markov"].value, found["random_markov"].low) == (0, 0)
    assert 0.2 < found["random_markov"].high < 0.5
    assert (found["climbing_chain"].value, found["climbing_chain"].high) == (1, 1)
    assert found["climbing_chain"].low > 0.5


@pytest.mark.parametrize("best_step", [20, 40])
def test_a_best_at_the_edge_of_its_grid_is_no_evidence(tmp_path, best_step):
    for algorithm, step, threshold in itertools.product(
        ALGORITHMS[1:], (10, 20, 40), (0.5, 0.1, 0.01)
    ):
        settings = {"learner.step_size": step, "communication.ess_threshold": threshold}
        rate = 0.2 if (step, threshold) == (best_step, 0.1) else 0.1
        write(tmp_path, algorithm, {"samples_per_round": 100} | settings, rate)
    configurations = pooled(tmp_path)
    (found,) = fair_baseline.evidence(configurations)
    (words,) = fair_baseline.finding(configurations)
    assert len(legible(fair_baseline.draw(configurations), fair_baseline.FIGURE).axes) == 3
    if best_step == 20:
        assert found.estimate.value == 0.5
        assert "step size 20, threshold 0.1. Ratio 0.500" in words
    else:
        assert not found.estimate.has_interval
        assert "edge of its grid: importance sampling" not in found.note
        assert "base-policy prediction at step size 40; importance" in found.note
        assert "threshold 0.1 (at the edge of its grid). No ratio" in words
