"""The figures of MAPPO drawn from fake runs whose answers are known."""

import itertools

import numpy as np
import pytest
from fake_runs import environment_points, write_environment_run

from marl_comm.analysis.configurations import Configuration, pool
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import only
from marl_comm.paper.experiments import jobs_of_experiment
from marl_comm.paper.figures import (
    ablation_mappo,
    mappo_curves,
    missing_data_mappo,
    staleness_mappo,
    where_it_pays_mappo,
)
from marl_comm.paper.regimes import REGIMES
from marl_comm.plots.returns import AXES
from marl_comm.settings import flattened

FINAL = {
    "full_communication": -50.0,
    "importance_sampling": -60.0,
    "base_policy_prediction": -52.0,
    "stale": -70.0,
}


def write(root, algorithm, settings, *, seeds=6, shift=0.5, **record):
    """Write a run in which seed s ends `shift` times s below the algorithm's final return."""
    predicted = algorithm == "base_policy_prediction"
    write_environment_run(
        root / str(len(list(root.iterdir()))),
        algorithm,
        seeds=range(seeds),
        record=lambda seed: environment_points(
            final_return=FINAL[algorithm] - shift * seed, predicted=predicted, **record
        ),
        settings=settings,
    )


def write_curves(root, periods):
    for regime in REGIMES.values():
        write(root, "full_communication", regime, warmup=40)
        for algorithm, period in itertools.product(list(FINAL)[1:], periods):
            schedule = {"communication.period": period, "communication.warmup": period}
            growth = 0.05 if algorithm == "base_policy_prediction" else 0.1
            write(
                root,
                algorithm,
                regime | schedule,
                warmup=period,
                period=period,
                kl_per_update=growth,
            )


def pooled(root):
    return pool(load_runs([root], print), print)


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    root = tmp_path_factory.mktemp("curves")
    write_curves(root, (5, 10, 20))
    return pooled(root)


def test_curves_are_drawn_against_steps_and_rounds_for_every_length(curves):
    figure = mappo_curves.draw(curves)
    assert len(figure.axes) == 12
    labels = [panel.get_xlabel() for panel in figure.axes]
    assert labels.count("joint environment steps") == labels.count("communication rounds") == 6
    assert [panel.get_title() for panel in figure.axes] == ["τ = 5", "τ = 10", "τ = 20"] + [""] * 9
    rows = [figure.axes[3 * row].get_ylabel().partition("\n")[0] for row in range(4)]
    assert rows == ["predictable regime"] * 2 + ["ordinary regime"] * 2
    # Full communication has 40 rounds: its curve is cut off where the longest of the others ends.
    (right,) = {panel.get_xlim()[1] for panel in figure.axes[3:6]}
    assert right < 30
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "full communication",
        "importance sampling",
        "base-policy prediction",
        "stale (no reweighing)",
        "where full communication ends",
        "95 % interval",
    ]
    steps = figure.axes[1].get_lines()[1]
    # An evaluation in the middle of a round has the joint steps of the whole round.
    assert steps.get_xdata().tolist() == [0, 500, 1000, 2000, 3000, 4000]
    assert steps.get_ydata()[-1] == pytest.approx(-61.25)


def test_the_tables_have_a_line_for_each_algorithm_and_length(curves):
    texts = mappo_curves.finding(curves)
    assert len(texts) == 8
    assert "Predictable regime" in texts[0]
    assert "Ordinary regime" in texts[4]
    measures, differences = texts[1].splitlines(), texts[3].splitlines()
    assert len(measures) == 2 + 1 + 9
    assert len(differences) == 2 + 6 + 1
    assert len({line.count("|") for line in measures}) == 1
    cells = [cell.strip() for cell in measures[7].split("|")[1:-1]]
    assert cells[:2] == ["base-policy prediction, τ = 10", "13.0"]
    assert cells[2].startswith("-53.2 [-54")
    assert cells[6] == "0.400"
    cells = [cell.strip() for cell in differences[3].split("|")[1:-1]]
    # Rounds, KL, final return: as many, half, and eight more in every seed.
    assert cells[:4] == ["prediction, τ = 10", "1.00", "0.500", "8.00"]


def test_with_one_length_two_columns_are_the_axes(tmp_path):
    write_curves(tmp_path, (10,))
    configurations = pooled(tmp_path)
    figure = mappo_curves.draw(configurations)
    assert [panel.get_title() for panel in figure.axes] == ["τ = 10", "", "", ""]
    assert [panel.get_xlabel() for panel in figure.axes] == [*AXES.values()] * 2
    assert len(mappo_curves.finding(configurations)) == 8
    assert len(staleness_mappo.draw(configurations).axes) == 4


def test_staleness_is_followed_through_the_longest_rounds(curves):
    figure = staleness_mappo.draw(curves)
    ess, _, kl, _ = figure.axes
    assert [line.get_xdata()[-1] for line in ess.get_lines()] == [19, 19]
    sampling, prediction, unpredicted = (line.get_ydata() for line in kl.get_lines())
    assert sampling == pytest.approx(0.1 * np.arange(1, 20))
    assert prediction == pytest.approx(0.05 * np.arange(1, 20))
    assert unpredicted == pytest.approx(0.1 * np.arange(1, 20))
    (text,) = staleness_mappo.finding(curves)
    assert "after 10 local updates KL 0.500 [0.500, 0.500] times" in text
    difference = np.exp(-0.95) - np.exp(-1.9)
    assert f"after 19 local updates KL 0.500 [0.500, 0.500] times, ESS {difference:.3f} [" in text


def test_missing_data_are_drawn_at_their_mean_round_length(tmp_path):
    for probability, algorithm in itertools.product((0.0, 0.8), list(FINAL)[1:3]):
        length = round(1 / (1 - probability))
        schedule = {"communication.name": "missing", "communication.probability": probability}
        write(tmp_path, algorithm, schedule, period=length)
    configurations = pooled(tmp_path)
    figure = missing_data_mappo.draw(configurations)
    lines = figure.axes[0].get_lines()
    assert lines[0].get_xdata() == pytest.approx([1, 5])
    assert [line.get_ydata()[0] for line in lines] == pytest.approx([-61.25, -53.25])
    # Where no data are missing, none are old.
    assert figure.axes[1].get_lines()[0].get_xdata() == pytest.approx([5])
    (text,) = missing_data_mappo.finding(configurations)
    assert "with prediction 8.00 [8.00, 8.00] more" in text


def test_variants_are_compared_with_sampling_at_their_own_warm_up(tmp_path):
    for warmup in (10, None):
        start = {"communication.warmup": warmup}
        write(tmp_path, "importance_sampling", start, warmup=warmup or 0, kl_per_update=0.2)
        for calibration in (True, False):
            settings = start | {"algorithm.calibration": calibration}
            write(tmp_path, "base_policy_prediction", settings, warmup=warmup or 0)
    configurations = pooled(tmp_path)
    variants = ablation_mappo.run_variants(configurations)
    labels = [variant.label for variant in variants]
    assert len(labels) == 5
    assert not any("predictor" in label for label in labels)
    (kl, _, _) = ablation_mappo._PANELS
    found = [ablation_mappo.compared(configurations, variant, kl).value for variant in variants]
    # Half as much in every round; without warm-up the same rounds, so sampling is as it was.
    assert found == pytest.approx([0.5, 0.5, 0.5, 0.5, 1.0])
    warm = only(configurations, ablation_mappo._SAMPLING)
    assert warm.config["communication.warmup"] == 10
    figure = ablation_mappo.draw(configurations)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == labels
    (text,) = ablation_mappo.finding(configurations)
    assert "**no warm-up**: KL ratio 0.500 [0.500, 0.500]" in text


def test_where_it_pays_compares_on_the_same_updates(tmp_path):
    for copies, beta in itertools.product((16, 64), (0.5, 0.99)):
        settings = {"game.copies": copies, "learner.betas": [beta, 0.999]}
        write(tmp_path, "base_policy_prediction", settings, kl_per_update=0.1)
    configurations = pooled(tmp_path)
    copies, betas, ratios, shares = where_it_pays_mappo.tables_of(configurations)
    assert (copies, betas) == ([16, 64], [0.5, 0.99])
    assert [each.value for row in ratios for each in row] == pytest.approx([0.5] * 4)
    assert [each.value for row in shares for each in row] == pytest.approx([0.4] * 4)
    # Of each round of ten nine updates are predicted, at 0.1, 0.2, ..., 0.9 from their base.
    assert where_it_pays_mappo.means(configurations[0], "kl") == pytest.approx([0.5] * 6)
    figure = where_it_pays_mappo.draw(configurations)
    left, right, *bars = figure.axes
    assert [len(panel.texts) for panel in (left, right)] == [4, 4]
    names = [" ".join(bar.get_ylabel().split()) for bar in bars]
    assert names[0] == "KL to the base policies, with prediction over without"
    assert names[1] == "trusted share κ of the predicted way"
    assert "closer in 4 of 4 cells" in where_it_pays_mappo.finding(configurations)[0]


@pytest.mark.parametrize(
    ("regime", "experiment"),
    [("predictable", "mappo_curves_full"), ("ordinary", "mappo_curves_ordinary_full")],
)
def test_regimes_are_told_apart_as_their_experiments_differ(regime, experiment):
    (job,) = jobs_of_experiment(experiment)
    learner = job.config.learner.model_dump(mode="json")
    assert REGIMES[regime] == {"learner.betas": list(learner["betas"])}


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_at_every_scale_the_ablation_finds_its_variants_and_references(scale):
    figure = ablation_mappo.FIGURE
    configurations = [
        Configuration(flattened(job.config.model_dump(mode="json")), "", ())
        for experiment in figure.experiments
        for job in jobs_of_experiment(experiment, figure.quick[experiment] * (scale == "quick"))
    ]
    variants = ablation_mappo.run_variants(configurations)
    assert len(variants) == {"quick": 3, "full": 7}[scale]
    for variant in variants:
        assert only(configurations, variant.reference)
