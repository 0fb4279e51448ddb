import pytest
from fake_runs import write_run

from marl_comm.analysis.configurations import pool
from marl_comm.analysis.pairs import pair_with_reference
from marl_comm.analysis.runs import load_runs


def tell_nothing(line):
    raise AssertionError(f"nothing to tell was expected, not: {line}")


def paired(root, reference="importance_sampling", tell=tell_nothing):
    return pair_with_reference(pool(load_runs([root], tell), tell), reference, tell)


def test_only_seeds_and_gaps_of_both_are_paired(tmp_path):
    gaps = {"metrics.gap_thresholds": [0.2, 0.1, 0.05]}
    write_run(tmp_path / "is", seeds=[1, 2, 3, 4])
    write_run(tmp_path / "bpp", "base_policy_prediction", seeds=[3, 4, 5], settings=gaps)
    (pairs,) = paired(tmp_path)
    assert pairs.configuration.algorithm == "base_policy_prediction"
    assert pairs.reference.algorithm == "importance_sampling"
    assert pairs.seeds == (3, 4)
    assert pairs.thresholds == (0.1,)
    for side in (pairs.configuration, pairs.reference):
        assert [summary.seed for summary in pairs.summaries(side)] == [3, 4]


@pytest.mark.parametrize(
    ("seeds", "settings"),
    [
        ([0, 1], {"game.agents": 13}),
        ([0, 1], {"game.seed": 5}),
        ([7, 8], {}),
        ([0, 1], {"metrics.gap_thresholds": [0.3]}),
    ],
)
def test_what_shares_nothing_is_told_not_paired(tmp_path, seeds, settings):
    write_run(tmp_path / "is", seeds=[0, 1])
    write_run(tmp_path / "bpp", "base_policy_prediction", seeds=seeds, settings=settings)
    told = []
    assert paired(tmp_path, tell=told.append) == []
    assert len(told) == 1
    assert told[0].startswith("not paired: base_policy_prediction")


def test_of_several_references_the_one_alike_in_all_else_is_taken(tmp_path):
    for threshold in (0.3, 0.5):
        settings = {"communication.ess_threshold": threshold}
        write_run(tmp_path / f"is{threshold}", settings=settings)
        write_run(tmp_path / f"bpp{threshold}", "base_policy_prediction", settings=settings)
    write_run(tmp_path / "full", "full_communication")
    assert [pairs.label for pairs in paired(tmp_path)] == [
        # None is like full communication in its schedule: both are shown.
        "full_communication / importance_sampling communication.ess_threshold=0.3",
        "full_communication / importance_sampling communication.ess_threshold=0.5",
        "base_policy_prediction communication.ess_threshold=0.3 / "
        "importance_sampling communication.ess_threshold=0.3",
        "base_policy_prediction communication.ess_threshold=0.5 / "
        "importance_sampling communication.ess_threshold=0.5",
    ]


def test_the_reference_may_be_another_algorithm_or_one_label(tmp_path):
    for spacing in (0.3, 0.5):
        settings = {"algorithm.spacing": spacing}
        write_run(tmp_path / f"bpp{spacing}", "base_policy_prediction", settings=settings)
    write_run(tmp_path / "is")
    one, other = (f"base_policy_prediction algorithm.spacing={each}" for each in (0.3, 0.5))
    assert [pairs.label for pairs in paired(tmp_path, one)] == [
        f"importance_sampling / {one}",
        f"{other} / {one}",
    ]
    assert [pairs.label for pairs in paired(tmp_path, "base_policy_prediction")] == [
        f"importance_sampling / {one}",
        f"importance_sampling / {other}",
    ]
