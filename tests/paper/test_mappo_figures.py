"""The figure of MAPPO's parts drawn from fake runs whose answers are known."""

import numpy as np
import pytest
from fake_runs import environment_points, write_environment_run
from legibility import legible
from scipy.stats import ttest_1samp

from marl_comm.analysis.configurations import Configuration, pool
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import only
from marl_comm.paper.arms import PERIOD
from marl_comm.paper.experiments import jobs_of_experiment
from marl_comm.paper.figures import ablation_mappo
from marl_comm.settings import flattened

FINAL = {"importance_sampling": -60.0, "base_policy_prediction": -52.0, "stale": -70.0}


def write(root, algorithm, settings, *, shift=0.5, **record):
    """Write a run in which seed s ends `shift` times s below the algorithm's final return."""
    predicted = algorithm == "base_policy_prediction"
    write_environment_run(
        root / str(len(list(root.iterdir()))),
        algorithm,
        seeds=range(6),
        record=lambda seed: environment_points(
            final_return=FINAL[algorithm] - shift * seed, predicted=predicted, **record
        ),
        settings=settings,
    )


@pytest.fixture(scope="module")
def configurations(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    prediction = {"algorithm.predictor": "momentum", "algorithm.calibration": True}
    five, ten = ({"communication.name": "periodic", PERIOD: period} for period in (5, 10))
    missing = {"communication.name": "missing"}
    for schedule, growth in ((five, 0.2), (ten, 0.4), (missing, 0.1)):
        write(root, "importance_sampling", schedule, kl_per_update=growth)
        write(root, "base_policy_prediction", prediction | schedule, kl_per_update=0.1)
    for part in ({"algorithm.calibration": False}, {"algorithm.predictor": "rehearse"}):
        write(root, "base_policy_prediction", prediction | part | ten, kl_per_update=0.2)
    write(root, "stale", ten, kl_per_update=0.4)
    return pool(load_runs([root], print), print)


def test_each_row_is_compared_with_importance_sampling_of_the_same_rounds(configurations):
    variants = ablation_mappo.run_variants(configurations)
    assert [variant.label for variant in variants] == [
        "prediction, τ = 5",
        "prediction, τ = 10",
        "τ = 10, no calibration",
        "τ = 10, predictor: rehearse",
        "prediction, 90 % of data missing",
        "no reweighing (stale), τ = 10",
    ]
    kl, _, gain = ablation_mappo._PANELS
    found = [ablation_mappo.compared(configurations, variant, kl).value for variant in variants]
    assert found == pytest.approx([1 / 2, 1 / 4, 1 / 2, 1 / 2, 1, 1])
    found = [ablation_mappo.compared(configurations, variant, gain).value for variant in variants]
    assert found == pytest.approx([8] * 5 + [-10])


def test_the_figure_and_its_table_have_a_row_for_each(configurations):
    figure = legible(ablation_mappo.draw(configurations), ablation_mappo.FIGURE)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    _, table = ablation_mappo.finding(configurations)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [row[0] for row in rows] == labels
    assert len({len(row) for row in rows}) == 1
    # Rounds, both returns, KL, effective sample size, return, its mean, κ and cosine.
    assert rows[1][1] == "13.0"
    assert rows[1][2].startswith("-61.2 [")
    assert rows[1][3].startswith("-53.2 [")
    assert rows[1][4] == "0.250 [0.250, 0.250]"
    assert rows[1][6] == "8.00 [8.00, 8.00]"
    assert rows[1][7] == "8.00 [8.00, 8.00]"
    assert rows[1][8].startswith("0.400")
    assert rows[-1][-2:] == ["", ""]
    names = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"prediction", "no reweighing", "as importance sampling"} <= names


@pytest.mark.parametrize("scale", ["quick", "full"])
def test_at_every_scale_every_row_finds_its_runs_and_its_reference(scale):
    figure = ablation_mappo.FIGURE
    configurations = [
        Configuration(flattened(job.config.model_dump(mode="json")), "", ())
        for experiment in figure.experiments
        for job in jobs_of_experiment(experiment, figure.quick[experiment] * (scale == "quick"))
    ]
    variants = ablation_mappo.run_variants(configurations)
    assert len(variants) == {"quick": 6, "full": 8}[scale]
    for variant in variants:
        assert only(configurations, variant.settings)
        assert only(configurations, variant.reference)


def test_the_mean_of_differences_has_students_interval():
    values = np.array([3.0, 1.0, 4.0, 1.0, 5.0, 9.0])
    each = ablation_mappo.mean_difference(values, np.ones(6))
    expected = ttest_1samp(values - 1, 0).confidence_interval(0.95)
    assert (each.value, each.low, each.high) == pytest.approx((17 / 6, *expected))
    assert not ablation_mappo.mean_difference(values[:5], np.ones(5)).has_interval
