import json

import pytest
from fake_runs import environment_points, points, write_environment_run, write_run

from marl_comm.analysis.configurations import inequality, pool
from marl_comm.analysis.runs import load_runs
from marl_comm.errors import InputError


def tell_nothing(line):
    raise AssertionError(f"nothing to tell was expected, not: {line}")


def pooled(root, tell=tell_nothing):
    return pool(load_runs([root], tell), tell)


def labels(root):
    return [configuration.label for configuration in pooled(root)]


def seeds(configuration):
    return [run.summary.seed for run in configuration.seeds]


def test_runs_that_differ_in_seeds_and_logger_only_are_one(tmp_path):
    write_run(tmp_path / "a", seeds=[4, 5], settings={"logger.project": "x"})
    write_run(tmp_path / "b", seeds=[1, 2, 3], settings={"logger.name": "wandb"})
    write_run(tmp_path / "c", seeds=[1], settings={"learner.step_size": 2.0})
    configurations = pooled(tmp_path)
    assert [seeds(each) for each in configurations] == [[1, 2, 3, 4, 5], [1]]
    assert not {"seed", "num_seeds", "logger.name"} & configurations[0].config.keys()


def write_run_of_file(directory, file, digest, seeds):
    game = {"game.name": "payoff", "game.file": file, "game.sha256": digest}
    write_run(directory, seeds=seeds, settings=game)


def test_a_file_is_told_by_its_digest_and_called_by_its_path(tmp_path):
    write_run_of_file(tmp_path / "a", "one.npz", 64 * "a", seeds=[1])
    write_run_of_file(tmp_path / "b", "moved/one.npz", 64 * "a", seeds=[2])
    write_run_of_file(tmp_path / "c", "two.npz", 64 * "c", seeds=[1])
    configurations = pooled(tmp_path)
    assert [seeds(each) for each in configurations] == [[1, 2], [1]]
    files = [each.difference for each in configurations]
    assert files == ["game.file=one.npz", "game.file=two.npz"]
    assert "game.file (one.npz | two.npz): not" in inequality(configurations)
    write_run_of_file(tmp_path / "d", "two.npz", 64 * "d", seeds=[1])
    assert labels(tmp_path)[1].endswith(f"game.file=two.npz game.sha256={64 * 'c'}")


def test_labels_name_only_what_differs(tmp_path):
    write_run(tmp_path / "is", "importance_sampling")
    write_run(tmp_path / "bpp", "base_policy_prediction")
    write_run(tmp_path / "full", "full_communication")
    write_run(tmp_path / "stale", "stale")
    # Spacing belongs to one of them alone, and full communication is always unlimited.
    assert labels(tmp_path) == [
        "full_communication",
        "importance_sampling",
        "base_policy_prediction",
        "stale",
    ]
    write_run(tmp_path / "bpp2", "base_policy_prediction", settings={"algorithm.spacing": 10.0})
    write_run(tmp_path / "bpp3", "base_policy_prediction", settings={"algorithm.spacing": 2.0})
    periodic = {"communication.name": "periodic", "communication.period": 10}
    write_run(tmp_path / "is2", "importance_sampling", settings=periodic)
    # Numbers are in order of size, and every curve says what it has of the key that differs.
    assert labels(tmp_path) == [
        "full_communication",
        "importance_sampling communication=adaptive",
        "importance_sampling communication=periodic",
        "base_policy_prediction algorithm.spacing=0.7 communication=adaptive",
        "base_policy_prediction algorithm.spacing=2.0 communication=adaptive",
        "base_policy_prediction algorithm.spacing=10.0 communication=adaptive",
        "stale communication=adaptive",
    ]


def test_a_key_that_some_runs_of_a_kind_lack_tells_them_apart(tmp_path):
    write_run(tmp_path / "old")
    write_run(tmp_path / "new", settings={"learner.momentum": 0.9})
    assert labels(tmp_path) == ["importance_sampling", "importance_sampling learner.momentum=0.9"]


def test_values_are_written_as_on_the_command_line(tmp_path):
    write_run(tmp_path / "a", settings={"samples_per_round": None})
    write_run(tmp_path / "b", settings={"metrics.gap_thresholds": [0.1], "max_local_steps": 9})
    assert labels(tmp_path) == [
        "importance_sampling samples_per_round=null max_local_steps=500 "
        "metrics.gap_thresholds=[0.1,0.01]",
        "importance_sampling samples_per_round=1000 max_local_steps=9 metrics.gap_thresholds=[0.1]",
    ]


def test_a_seed_with_equal_results_counts_once_and_is_told(tmp_path):
    write_run(tmp_path / "a", seeds=[1, 2, 3])
    write_run(tmp_path / "b", seeds=[2, 3, 4])
    told = []
    (configuration,) = pooled(tmp_path, told.append)
    assert seeds(configuration) == [1, 2, 3, 4]
    assert told == [f"counted once: {tmp_path / 'b'} repeats seed 2, 3 with identical results"]


@pytest.mark.parametrize("differ_in", ["metrics", "summary"])
def test_a_seed_with_two_results_is_refused(tmp_path, differ_in):
    write_run(tmp_path / "a", seeds=[1, 2])
    other = write_run(tmp_path / "b", seeds=[2])
    name = "metrics.jsonl" if differ_in == "metrics" else "summary.json"
    old, new = (
        ('"ess": 1.0', '"ess": 0.9') if differ_in == "metrics" else ('"value": 0.5', '"value": 0.4')
    )
    path = other / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match="seed 2 was run twice") as refusal:
        pooled(tmp_path)
    assert str(tmp_path / "a") in str(refusal.value)
    assert str(tmp_path / "b") in str(refusal.value)


def test_networks_may_round_differently_beside_other_seeds(tmp_path):
    def other(seed):
        return environment_points(evaluation_every=10)

    write_environment_run(tmp_path / "a", seeds=[1, 2])
    write_environment_run(tmp_path / "b", seeds=[2, 3, 4], record=other)
    told = []
    (configuration,) = pooled(tmp_path, told.append)
    assert seeds(configuration) == [1, 2, 3, 4]
    (line,) = told
    assert line.startswith(f"left out: seed 2 of {tmp_path / 'b'}")
    write_environment_run(tmp_path / "c", seeds=[2, 3], record=other)
    with pytest.raises(InputError, match="seed 2 was run twice"):
        pooled(tmp_path, told.append)


def test_returns_are_compared_after_as_many_local_updates(tmp_path):
    write_environment_run(tmp_path / "a", settings={"max_local_steps": 80})
    write_environment_run(
        tmp_path / "b", "base_policy_prediction", settings={"max_local_steps": 40}
    )
    assert "max_local_steps (40 | 80)" in inequality(pooled(tmp_path))


def test_what_makes_the_comparison_unequal_is_one_line(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", "base_policy_prediction", settings={"communication.warmup": 1})
    assert inequality(pooled(tmp_path)) is None
    write_run(tmp_path / "c", settings={"learner.step_size": 0.5, "game.agents": 20})
    line = inequality(pooled(tmp_path))
    assert line == (
        "the compared runs differ in game.agents (12 | 20), learner.step_size (0.5 | 1.0): "
        "not a comparison of like with like"
    )
    write_run(tmp_path / "d", settings={"samples_per_round": 4000})
    write_run(tmp_path / "e", settings={"metrics.gap_thresholds": [0.1]})
    line = inequality(pooled(tmp_path))
    assert "samples_per_round (1000 | 4000)" in line
    assert "metrics.gap_thresholds ([0.1,0.01] | [0.1])" in line
    assert line.endswith("not a comparison at equal samples")
    assert "\n" not in line


def test_thresholds_are_those_recorded_largest_first(tmp_path):
    write_run(tmp_path / "a", settings={"metrics.gap_thresholds": [0.01, 0.3, 0.1]})
    assert pooled(tmp_path)[0].thresholds == [0.3, 0.1, 0.01]
    summary = json.loads((tmp_path / "a" / "summary.json").read_text())
    assert list(summary["seeds"][0]["reached"]) == ["0.01", "0.3", "0.1"]


def test_a_longer_record_is_another_result(tmp_path):
    write_run(tmp_path / "a", seeds=[1], record=lambda seed: points(30))
    write_run(tmp_path / "b", seeds=[1], record=lambda seed: points(31))
    with pytest.raises(InputError, match="seed 1 was run twice"):
        pooled(tmp_path)
