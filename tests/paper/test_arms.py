"""The long study of MAPPO, drawn and told from fake runs whose answers are known."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_runs import environment_points, write_environment_run
from legibility import legible

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.power import smallest_detectable_effect
from marl_comm.analysis.runs import load_runs
from marl_comm.paper import listener, mpe, spread
from marl_comm.paper.arms import (
    ALL_CHUNKS,
    FULL,
    LARGE_BATCH,
    LARGER_FULL,
    LARGER_SAMPLING,
    PLAIN,
    PREDICTION,
    SAMPLING,
    UNCALIBRATED,
    of_arm,
    played_alike,
    reference_of,
    with_as_many_steps,
)
from marl_comm.paper.arms_shares import reference_for
from marl_comm.paper.arms_tables import RATE, differences_table
from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.experiments import jobs_of_experiment
from marl_comm.paper.figures import paper_mpe, paper_smac
from marl_comm.paper.rules import Claim, Criterion, Evidence, Outcome, judge

FINAL = {
    "full_communication": -40.0,
    "importance_sampling": -44.0,
    "base_policy_prediction": -41.0,
    "large_batch": -50.0,
}
LEARNER = {
    "learner.chunks": "own",
    "learner.reuse": "latest",
    "learner.advantages": "gae",
    "learner.importance_weights": "per_agent",
    "learner.step_scaling": "none",
    "learner.critic": "central",
    RATE: 0.004,
}
LENGTH = {"max_local_steps": 40}
# Half the updates of twice the data.
LARGER = {"max_local_steps": 20, "game.copies": 8, "learner.recompute_advantages": True}


def write(root, algorithm, settings, *, seeds=range(8), updates=40, better=0.0):
    """Write a run in which seed s ends s / 2 below its algorithm's final return."""
    write_environment_run(
        root / str(len(list(root.iterdir()))),
        algorithm,
        seeds=seeds,
        record=lambda seed: environment_points(
            updates,
            evaluation_every=1,
            final_return=FINAL[algorithm] + better - 0.5 * (seed % 10),
            predicted=algorithm == "base_policy_prediction",
        ),
        settings={**LEARNER, **settings},
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    write(root, "full_communication", LENGTH)
    for algorithm, period in itertools.product(list(FINAL)[1:], (5, 20)):
        write(root, algorithm, {**LENGTH, "communication.period": period})
    everything = {"learner.chunks": "all", "communication.period": 20}
    write(root, "importance_sampling", {**LENGTH, **everything}, better=1.0)
    uncalibrated = {"algorithm.calibration": False, "communication.period": 20}
    write(root, "base_policy_prediction", {**LENGTH, **uncalibrated}, better=-15.0)
    by_itself = {"communication": {"name": "adaptive", "ess_threshold": 0.5, "warmup": 5}}
    write(root, "importance_sampling", {**LENGTH, **by_itself}, better=2.0)
    write(root, "full_communication", LARGER, updates=20, better=-1.0)
    write(root, "full_communication", {"max_local_steps": 60}, updates=60, better=5.0)
    for algorithm, rate in itertools.product(FINAL, (0.002, 0.004)):
        settings = {"max_local_steps": 10, RATE: rate}
        better = 3.0 * (rate == 0.002)
        write(root, algorithm, settings, seeds=range(10, 13), updates=10, better=better)
    return pool(load_runs([root], print), print)


def evidence_of(study):
    """Return all evidence, whether a claim asks for it or not."""
    return mpe._evidence(paper_mpe._WORLD, study)


def test_losses_are_shares_of_what_full_communication_learned(study):
    found = {(each.criterion, each.setting): each.estimate for each in evidence_of(study)}
    assert len(found) == 3 * 2 + 1  # without calibration at one of them
    # Returns rise from -80 in a straight line: the last three of 40 evaluations end 1/40 below.
    late = 1 - 1 / 40
    gained = 80 - 40 - 1.75
    for key, loss in (
        ("mappo_near", 1.0),
        ("mappo_sampling_fails", 4.0),
        ("mappo_large_batch_fails", 10.0),
    ):
        for period in (5, 20):
            each = found[key, f"simple_spread, τ = {period}"]
            assert each.value == pytest.approx(loss * late / (gained * late))
            assert each.low <= each.value <= each.high


def test_arms_are_told_apart_by_their_settings(study):
    played = played_alike(study)
    plain, everything = (of_arm(played, arm, 20) for arm in (SAMPLING, ALL_CHUNKS))
    assert plain is not everything
    assert everything.config["learner.chunks"] == "all"
    assert of_arm(played, ALL_CHUNKS, 5) is None
    assert of_arm(played, UNCALIBRATED, 20) is not of_arm(played, PREDICTION, 20)
    assert of_arm(played, PREDICTION, 5).config["algorithm.name"] == "base_policy_prediction"
    with pytest.raises(LookupError, match="4 configurations"):
        of_arm(study, LARGE_BATCH, None)


def test_losses_are_measured_against_full_communication_with_updates_as_large(tmp_path):
    write(tmp_path, "full_communication", LENGTH)
    write(tmp_path, "full_communication", LARGER, updates=20, better=3.0)
    for algorithm, better in (("importance_sampling", 4.0), ("large_batch", 10.0)):
        write(tmp_path, algorithm, {**LENGTH, "communication.period": 20}, better=better)
    again = {**LARGER, "communication.period": 10}
    write(tmp_path, "importance_sampling", again, updates=20, better=5.0)
    study = pool(load_runs([tmp_path], print), print)
    reference, _ = reference_of(played_alike(study))
    assert reference is LARGER_FULL
    found = {each.setting: each.estimate.value for each in evidence_of(study)}
    # Final returns, seed by seed: -40 and -40 with small updates, -37 and -39 with larger ones.
    assert found["simple_spread, larger updates, τ = 10"] == pytest.approx(
        2 / (80 - 38.75), rel=0.01
    )
    # One large update, -40, against the better form.
    small = [each for each in evidence_of(study) if each.setting.endswith("τ = 20")]
    lost = {each.criterion: each.estimate.value for each in small}
    assert lost["mappo_sampling_fails"] == pytest.approx(0, abs=1e-9)
    # What an arm had before it learned plays no part.
    for run in (run for each in study if each.algorithm == "large_batch" for run in each.seeds):
        run.metrics["evaluation_sampled_return"][0] = 0.0
    again = [each for each in evidence_of(study) if each.setting.endswith("τ = 20")]
    assert again == small
    gained = (80 - 38.75) * (1 - 1 / 20)
    expected = (gained - (80 - 41.75) * (1 - 1 / 40)) / gained
    assert lost["mappo_large_batch_fails"] == pytest.approx(expected, rel=0.01)
    _, _, _, differences, *_ = paper_mpe.FIGURE.finding(study)
    assert cells(differences.splitlines()[0])[1] == "minus full communication, larger updates"
    with pytest.raises(LookupError, match="no runs of full communication"):
        reference_of([])


def cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


def rows_of(table):
    """Return the cells of a table's rows, without the name, by it."""
    found = [cells(line) for line in table.splitlines()[2:]]
    return {name: rest for name, *rest in found}


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A study in which one round of ten large updates has the steps of one of 20 small ones."""
    root = tmp_path_factory.mktemp("larger")
    write(root, "full_communication", LENGTH)
    write(root, "full_communication", LARGER, updates=20, better=3.0)
    at_20 = {**LENGTH, "communication.period": 20}
    for algorithm in ("importance_sampling", "base_policy_prediction", "large_batch"):
        write(root, algorithm, at_20)
    once = {**at_20, "learner.recompute_advantages": "never"}
    write(root, "large_batch", once, better=-5.0)
    write(root, "importance_sampling", {**at_20, "learner.chunks": "all"}, better=3.0)
    for algorithm in ("importance_sampling", "base_policy_prediction"):
        again = {**LARGER, "communication.period": 10}
        write(root, algorithm, again, updates=20, better=5.0)
    return pool(load_runs([root], print), print)


def test_plain_mappo_is_told_from_one_large_update(larger):
    played = played_alike(larger)
    assert of_arm(played, LARGE_BATCH, 20) is not of_arm(played, PLAIN, 20)
    assert of_arm(played, PLAIN, 20).config["learner.recompute_advantages"] == "never"
    assert of_arm(played, LARGE_BATCH, 20).config.get("learner.recompute_advantages") is None
    full = reference_for(played, PLAIN)
    assert full is reference_for(played, LARGE_BATCH) is reference_of(played)[1]
    assert reference_for(played, SAMPLING) is of_arm(played, FULL, None)
    assert reference_for(played, LARGER_SAMPLING) is of_arm(played, LARGER_FULL, None)


def test_larger_updates_are_compared_with_arms_of_as_many_joint_steps_a_round(larger):
    played = played_alike(larger)
    ours = of_arm(played, LARGER_SAMPLING, 10)
    assert with_as_many_steps(played, SAMPLING, ours) is of_arm(played, SAMPLING, 20)
    assert with_as_many_steps(played, LARGE_BATCH, ours) is of_arm(played, LARGE_BATCH, 20)
    assert with_as_many_steps(played, SAMPLING, of_arm(played, FULL, None)) is None
    _, _, _, sampled, _, greedy, *_ = paper_mpe.FIGURE.finding(larger)
    # The last three of 20 evaluations end 1/20 below the line, of 40 1/40.
    ours, sampling, batch = (80 - 40.75) * 0.95, (80 - 45.75) * 0.975, (80 - 51.75) * 0.975
    for table in (sampled, greedy):
        row = rows_of(table)["importance sampling, larger updates, τ = 10"]
        assert float(row[2].split()[0]) == pytest.approx(ours - sampling, abs=0.01)
        assert float(row[4].split()[0]) == pytest.approx(ours - batch, abs=0.01)
    assert differences_table(played) == sampled
    assert differences_table(played, "greedy") == greedy


def test_losses_are_told_at_the_end_with_likeliest_actions_and_on_the_way(larger):
    _, _, _, _, _, _, _, losses, _, regained = paper_mpe.FIGURE.finding(larger)
    end, greedy, way = (
        float(cell.split()[0]) for cell in rows_of(losses)["importance sampling, τ = 20"]
    )
    # Lines from -80 to -41.75 and -45.75; the last three of 40 evaluations end 1/40 below, and
    # the mean over a straight line is its middle. Likeliest actions are better by 1.
    gained = (80 - 41.75) * (1 - 1 / 40)
    assert end == pytest.approx(4 * (1 - 1 / 40) / gained, rel=0.01)
    assert greedy == pytest.approx(4 * (1 - 1 / 40) / (gained + 1), rel=0.01)
    assert way == pytest.approx(4 / (80 - 41.75), rel=0.01)
    # Larger updates, -39, against larger ones, -37.
    lost = rows_of(losses)["importance sampling, larger updates, τ = 10"][0]
    assert float(lost.split()[0]) == pytest.approx(2 / (80 - 38.75), rel=0.01)
    # All chunks, -41, have three quarters of what lies between -44 and -40.
    row = rows_of(regained)["importance sampling on all chunks, τ = 20"]
    assert row[0].startswith("0.750 [")
    assert row[1] == row[2] == "0"
    assert "importance sampling, τ = 20" not in rows_of(regained)


def test_what_importance_sampling_does_as_well_is_no_evidence_for_prediction(larger):
    (claim,) = (each for each in CLAIMS if each.key == "5")
    near = [each for each in claim.criteria if each.key.startswith("mappo_near")]
    assert len(near) == 3
    assert all(criterion.has_rival for criterion in near)
    assert not any(each.has_rival for each in claim.criteria if each not in near)
    evidence = {each.setting: each for each in evidence_of(larger) if each.rival}
    assert evidence.keys() == {"simple_spread, τ = 20", "simple_spread, larger updates, τ = 10"}
    for name, each in evidence.items():
        (sampling,) = (
            other
            for other in evidence_of(larger)
            if other.criterion == "mappo_sampling_fails" and other.setting == name
        )
        assert each.rival == sampling.estimate
        criterion = next(found for found in near if found.key == each.criterion)
        lone = Criterion(**{**vars(criterion), "settings": (name,)})
        with pytest.raises(ValueError, match="says nothing of importance sampling"):
            judge([Claim("5", "", (lone,))], [replace(each, rival=None)])
    # Larger updates: the same as importance sampling's, and both better than what they aim at.
    each = evidence["simple_spread, larger updates, τ = 10"]
    assert near[0].outcome(each.estimate, each.rival) is Outcome.NOT_CONTRADICTED
    assert near[0].outcome(each.estimate) is Outcome.MET


def test_tables_tell_final_returns_differences_and_what_could_have_been_found(study):
    _, measures, _, differences, *_, longer, _, grid = paper_mpe.FIGURE.finding(study)
    late = -80 + (80 - 35 - 1.75) * (1 - 1 / 60)
    assert f"6,000 joint steps a seed): {late:.1f} [" in longer
    rows = [cells(line) for line in measures.splitlines()[2:]]
    assert len(rows) == 2 + 3 + 5 + 1
    assert [row[0] for row in rows][-3:] == [
        "importance sampling on all chunks, τ = 20",
        "prediction, not calibrated, τ = 20",
        "importance sampling, a round once ESS is below 0.5",
    ]
    assert rows[1][0] == "full communication, larger updates"
    assert rows[0][:2] == ["full communication", "8"]
    # The middle four of eight seeds end 1.75 below, a straight line's last three 1/40 lower.
    value = -80 + (80 - 40 - 1.75) * (1 - 1 / 40)
    assert rows[0][4].startswith(f"{value:.1f} [")
    assert rows[0][5].startswith(f"{value + 1:.1f} [")
    rows = [cells(line) for line in differences.splitlines()[2:]]
    assert len(rows) == 1 + 3 + 5 + 1
    row = next(row for row in rows if row[0] == "base-policy prediction, τ = 20")
    assert row[1].startswith("-0.975")
    assert row[3].startswith("2.92")
    assert row[5].startswith("8.78")
    spreads = np.array([-0.5 * seed for seed in range(8)])
    assert smallest_detectable_effect(spreads - spreads) == 0
    (full, *_), best = (cells(line) for line in grid.splitlines()[2:4]), grid.count("**")
    assert best == 2 * 4
    assert full[1].startswith("**")
    assert "±" in full[2]


def test_curves_and_final_returns_are_drawn_with_their_reference_lines(study):
    figure = legible(paper_mpe.FIGURE.draw(study), paper_mpe.FIGURE)
    steps, rounds, final = figure.axes
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "full communication",
        "full communication, larger updates",
        "base-policy prediction",
        "importance sampling",
        "one large update",
        "importance sampling on all chunks",
        "prediction, not calibrated",
        "random play",
        "a scripted policy",
        "95 % interval",
    ]
    for panel, axis in ((steps, "steps"), (rounds, "rounds")):
        heights = [line.get_ydata()[0] for line in panel.get_lines()]
        assert spread.RANDOM_PLAY in heights
        assert spread.SCRIPTED in heights
        assert panel.get_title() == f"τ = 20, by {axis}"
    assert [text.get_text() for text in final.get_xticklabels()] == ["5", "20"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (spread.uniform(np.random.default_rng(1)), spread.RANDOM_PLAY),
        (spread.scripted, spread.SCRIPTED),
    ],
)
def test_reference_lines_are_what_is_played(policy, expected):
    # Four standard errors: one failure in some 16,000 draws of the seed, which is fixed.
    found = spread.returns_of(policy, 256, seed=1)
    assert abs(found.mean() - expected) < 4 * found.std(ddof=1) / 16


def test_a_listener_that_hears_nothing_has_what_is_said():
    arguments = {"max_cycles": 25, "continuous_actions": False}
    found = spread.returns_in(
        "simple_speaker_listener", arguments, listener.to_the_middle, 256, seed=1
    )
    assert abs(found.mean() - listener.DEAF) < 4 * found.std(ddof=1) / 16
    assert arguments["max_cycles"] == spread.STEPS


def test_battles_won_are_drawn_and_told_by_scenario(tmp_path):
    def record(seed, less):
        found = environment_points(evaluation_every=10)
        for point in found:
            evaluated = point["evaluation_sampled_return"] is not None
            share = point["local_step"] / 50 + seed / 100 - less
            point["evaluation_sampled_won"] = share if evaluated else None
            point["evaluation_greedy_won"] = share + 0.01 if evaluated else None
        return found

    for scenario, less in (("2s3z", 0.2), ("3m", 0.0)):
        write_environment_run(
            tmp_path / scenario,
            "full_communication",
            record=lambda seed, less=less: record(seed, less),
            settings={**LEARNER, **LENGTH, paper_smac.SCENARIO: scenario},
        )
    configurations = pool(load_runs([tmp_path], print), print)
    _, table = paper_smac.finding(configurations)
    rows = [cells(line) for line in table.splitlines()[2:]]
    # After 20, 30 and 40 of 50 local updates, and the middle four of eight seeds.
    assert [row[0] for row in rows] == ["3m", "2s3z"]
    assert [row[5].split()[0] for row in rows] == ["0.635", "0.435"]
    assert [row[6].split()[0] for row in rows] == ["0.645", "0.445"]
    assert [row[7] for row in rows] == ["0.645", "0.445"]
    panels = legible(paper_smac.draw(configurations), paper_smac.FIGURE).axes
    labels = [panel.get_ylabel().partition("\n")[0] for panel in panels]
    assert labels == ["3m", "", "2s3z", ""]
    for panel, won in zip(panels, (0.835, 0.835, 0.635, 0.635), strict=True):
        curve, aim = panel.get_lines()
        assert curve.get_ydata()[-1] == pytest.approx(won)
        assert set(aim.get_ydata()) == {0.9 if won > 0.8 else 0.8}


def test_the_page_has_the_reference_lines_and_the_rounds_of_the_study():
    page = (Path(__file__).parents[2] / "docs" / "mappo_study.md").read_text()
    for value in (spread.RANDOM_PLAY, spread.SCRIPTED):
        assert f"\N{MINUS SIGN}{-value:.1f}" in page
    (full,) = jobs_of_experiment("paper_mpe_full")
    config = full.config
    assert f"{config.max_local_steps} local updates of {128 * 25:,} joint steps" in page
    assert config.game.copies * config.game.steps == 128 * 25
    assert config.game.evaluation_copies == 512


def test_only_lengths_of_rounds_that_no_claim_asks_for_are_no_evidence(monkeypatch):
    def of(key, setting):
        return Evidence(key, setting, Estimate(0.0), "")

    asked = of("mappo_near", "simple_spread, τ = 5")
    other_length = of("mappo_near_uncalibrated", "simple_spread, τ = 5")
    misspelt = [of("mappo_neer", "simple_spread, τ = 5"), of("mappo_near", "simple_sprad, τ = 5")]
    found = [asked, other_length, *misspelt]
    monkeypatch.setattr(mpe, "_evidence", lambda world, configurations: found)
    assert paper_mpe.FIGURE.evidence([]) == [asked, *misspelt]
