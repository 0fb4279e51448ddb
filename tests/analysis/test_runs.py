import json
import time
from pathlib import Path

import numpy as np
import pytest
from fake_runs import environment_points, points, write_environment_run, write_run

from marl_comm.analysis.metrics import read_metrics
from marl_comm.analysis.runs import find_run_directories, load_run, load_runs
from marl_comm.errors import InputError
from marl_comm.loggers.local import FIELDS


def tell_nothing(line):
    raise AssertionError(f"nothing to tell was expected, not: {line}")


def test_a_run_is_read_back_as_it_was_written(tmp_path):
    rates = {3: 0.15, 4: 0.3, 5: 0.2}
    directory = write_run(
        tmp_path / "run", seeds=rates, record=lambda seed: points(10 + seed, rate=rates[seed])
    )
    run = load_run(directory)
    assert run.directory == directory
    assert run.config["game.name"] == "coverage"
    assert run.config["game.seed"] is None
    assert run.config["metrics.gap_thresholds"] == [0.1, 0.01]
    assert [each.summary.seed for each in run.seeds] == [3, 4, 5]
    for each in run.seeds:
        expected = points(10 + each.summary.seed, rate=rates[each.summary.seed])
        for name in FIELDS[1:]:
            np.testing.assert_array_equal(each.metrics[name], [point[name] for point in expected])
        assert (each.metrics["seed"] == each.summary.seed).all()
        first = next(point for point in expected if point["nash_gap"] <= 0.1)
        assert each.summary.reached[0.1].local_step == first["local_step"]
        assert each.summary.reached[0.1].bytes_up == first["bytes_up"]
    assert run.seeds[0].summary.reached[0.01] is None


def test_seeds_are_in_ascending_order_whatever_the_order_in_the_summary(tmp_path):
    run = load_run(write_run(tmp_path / "run", seeds=[7, 5, 6]))
    assert [each.summary.seed for each in run.seeds] == [5, 6, 7]


def test_blocks_of_lines_are_joined(tmp_path, monkeypatch):
    directory = write_run(tmp_path / "run", seeds=range(3))
    whole = read_metrics(directory)
    monkeypatch.setattr("marl_comm.analysis.metrics._LINES_PER_BLOCK", 7)
    parts = read_metrics(directory)
    assert parts.keys() == whole.keys()
    for seed, columns in whole.items():
        for name, column in columns.items():
            np.testing.assert_array_equal(parts[seed][name], column)
    change_point(30, ess="high")(directory)
    with pytest.raises(InputError, match="line 31 is torn"):
        read_metrics(directory)


def test_null_is_not_a_number(tmp_path):
    record = points(3)
    record[2]["ess"] = None
    run = load_run(write_run(tmp_path / "run", seeds=[0], record=lambda seed: record))
    np.testing.assert_array_equal(run.seeds[0].metrics["ess"], [1, 1, np.nan, 1])


def test_a_run_of_an_environment_has_all_that_was_logged(tmp_path, monkeypatch):
    # The first block has no point with figures of an update yet.
    monkeypatch.setattr("marl_comm.analysis.metrics._LINES_PER_BLOCK", 2)
    record = environment_points(12, warmup=2, period=5, predicted=True)
    directory = write_environment_run(
        tmp_path / "run", "base_policy_prediction", seeds=[5, 4], record=lambda seed: record
    )
    run = load_run(directory)
    assert [each.summary.seed for each in run.seeds] == [4, 5]
    for each in run.seeds:
        assert (each.summary.rounds, each.summary.local_steps) == (4, 12)
        assert (each.summary.samples, each.summary.reached) == (1200, {})
        assert each.summary.nash_gap is None
        names = {name for point in record for name in point}
        assert each.metrics.keys() == names | {"seed"}
        for name in names:
            expected = [point.get(name) for point in record]
            np.testing.assert_array_equal(
                each.metrics[name], np.array(expected, dtype=float), strict=True
            )
    assert np.isnan(run.seeds[0].metrics["evaluation_sampled_return"]).sum() == 10


ENVIRONMENT_DAMAGES = {
    "no returns": ('"evaluation_sampled_return"', '"score"', "line 1 lacks 'evaluation_sampled"),
    "text": ('"ess": 1.0', '"ess": "much"', "line 1 is torn"),
    "a torn line": ('"seed": 0, "round": 0', '"seed": 0, "rou', "line 1 is torn"),
    "a further figure is text": ('"kl": 0.0', '"kl": []', "is torn"),
    "an early end": ('"local_step": 40', '"local_step": 39', "incomplete, seed 0 ends"),
}


@pytest.mark.parametrize(
    ("old", "new", "message"), ENVIRONMENT_DAMAGES.values(), ids=ENVIRONMENT_DAMAGES.keys()
)
def test_damaged_runs_of_environments_are_refused_in_one_line(tmp_path, old, new, message):
    directory = write_environment_run(tmp_path / "run", seeds=range(2))
    load_run(directory)
    rewrite("metrics.jsonl", lambda text: text.replace(old, new))(directory)
    with pytest.raises(InputError, match=message) as refusal:
        load_run(directory)
    assert "\n" not in str(refusal.value)


def test_runs_are_found_at_any_depth_and_only_where_they_are(tmp_path):
    first = write_run(tmp_path / "a" / "b" / "run")
    second = write_run(tmp_path / "run", finished=False)
    (first / "wandb" / "inner").mkdir(parents=True)
    (first / "wandb" / "inner" / "summary.json").write_text("{}")
    write_run(tmp_path / ".trash" / "run")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("seed: 0")
    assert find_run_directories(tmp_path) == [first, second]
    assert find_run_directories(first) == [first]


def test_a_directory_given_twice_is_loaded_once(tmp_path):
    directory = write_run(tmp_path / "run")
    roots = [tmp_path, directory, directory / ".." / "run"]
    assert [run.directory for run in load_runs(roots, tell_nothing)] == [directory]


def test_unfinished_runs_are_told_once_and_left_out(tmp_path):
    finished = write_run(tmp_path / "finished")
    unfinished = write_run(tmp_path / "unfinished", finished=False)
    told = []
    runs = load_runs([tmp_path, tmp_path], told.append)
    assert [run.directory for run in runs] == [finished]
    assert len(told) == 1
    assert str(unfinished) in told[0]


def test_a_torn_last_line_is_ignored_in_an_unfinished_run_only(tmp_path):
    directory = write_run(tmp_path / "run", seeds=[0], finished=False)
    whole = read_metrics(directory)[0]
    with (directory / "metrics.jsonl").open("a") as file:
        file.write('{"seed":0,"round":7,"local_st')
    np.testing.assert_array_equal(read_metrics(directory)[0]["nash_gap"], whole["nash_gap"])
    (directory / "summary.json").write_text("{}")
    with pytest.raises(InputError, match=f"line {len(whole['seed']) + 1} is torn"):
        read_metrics(directory)


def test_a_torn_line_in_the_middle_is_refused_also_in_an_unfinished_run(tmp_path):
    directory = write_run(tmp_path / "run", seeds=[0], finished=False)
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    lines[4] = lines[4][:20]
    (directory / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="line 5 is torn"):
        read_metrics(directory)


def test_an_unfinished_run_without_a_point_has_no_seeds(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b"")
    assert read_metrics(tmp_path) == {}


def rewrite(name, change):
    def damage(directory):
        path = directory / name
        path.write_text(change(path.read_text()))

    return damage


def change_summary(change):
    def rewritten(text):
        summary = json.loads(text)
        change(summary)
        return json.dumps(summary)

    return rewrite("summary.json", rewritten)


def change_point(index, **values):
    def rewritten(text):
        lines = text.splitlines()
        lines[index] = json.dumps(json.loads(lines[index]) | values)
        return "\n".join(lines) + "\n"

    return rewrite("metrics.jsonl", rewritten)


DAMAGES = {
    "no config": (lambda directory: (directory / "config.yaml").unlink(), "config.yaml: No such"),
    "config is not YAML": (rewrite("config.yaml", lambda text: "a: [1"), "not valid YAML"),
    "config is not text": (
        lambda directory: (directory / "config.yaml").write_bytes(b"\xff\xfe\x00"),
        "not valid YAML",
    ),
    "config is empty": (rewrite("config.yaml", lambda text: ""), "must map names to values"),
    "config lacks a key": (
        rewrite("config.yaml", lambda text: text.replace("samples_per_round", "samples")),
        "lacks samples_per_round",
    ),
    "thresholds are no numbers": (
        rewrite("config.yaml", lambda text: text.replace("- 0.01", "- small")),
        "gap_thresholds",
    ),
    "summary is torn": (rewrite("summary.json", lambda text: text[:-30]), "summary.json"),
    "summary is empty": (rewrite("summary.json", lambda text: ""), "summary.json"),
    "summary lacks a field": (
        change_summary(lambda summary: summary["seeds"][1].pop("samples")),
        "seeds.1.samples",
    ),
    "summary has no seeds": (
        change_summary(lambda summary: summary["seeds"].clear()),
        r"its seeds are \[\]",
    ),
    "summary repeats a seed": (
        change_summary(lambda summary: summary["seeds"][1].update(seed=0)),
        r"its seeds are \[0, 0\]",
    ),
    "summary has other gaps": (
        change_summary(lambda summary: summary["seeds"][0]["reached"].pop("0.1")),
        r"has gaps \[0.01\] for seed 0",
    ),
    "no metrics": (lambda directory: (directory / "metrics.jsonl").unlink(), "metrics.jsonl: No"),
    "metrics are empty": (rewrite("metrics.jsonl", lambda text: ""), "incomplete.* nowhere"),
    "metrics end early": (
        rewrite("metrics.jsonl", lambda text: "".join(text.splitlines(keepends=True)[:-2])),
        "incomplete, seed 0 ends",
    ),
    "metrics lack a seed": (
        rewrite("metrics.jsonl", lambda text: text.replace('"seed": 1', '"seed": 2')),
        "incomplete, seed 1 ends at local_step nowhere",
    ),
    "a line is torn": (rewrite("metrics.jsonl", lambda text: text[:-10]), "line 62 is torn"),
    "a line is no object": (rewrite("metrics.jsonl", lambda text: "3\n" + text), "line 1 is torn"),
    "a value is text": (change_point(5, ess="high"), "line 6 is torn"),
    "a field is missing": (
        rewrite("metrics.jsonl", lambda text: text.replace("nash_gap", "gap", 1)),
        "line 1 lacks 'nash_gap'",
    ),
    "a gap is not a number": (change_point(5, nash_gap=None), "nash_gap is not a finite number"),
    "a count falls": (change_point(8, samples=10**6), "samples of seed 0 falls"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, damage, message):
    directory = write_run(tmp_path / "run", seeds=range(2))
    load_run(directory)
    damage(directory)
    with pytest.raises(InputError, match=message) as refusal:
        load_run(directory)
    assert str(directory) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_roots_without_a_finished_run_are_refused(tmp_path):
    write_run(tmp_path / "good" / "run")
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "unfinished" / "run", finished=False)
    for name, message in {
        "missing": "missing is not a directory",
        "good/run/summary.json": "is not a directory",
        "empty": "no finished run found in",
        "unfinished": "no finished run found in",
    }.items():
        with pytest.raises(InputError, match=message):
            load_runs([tmp_path / "good", tmp_path / name], lambda line: None)


def test_fifty_thousand_lines_load_within_a_second(tmp_path):
    directory = write_run(tmp_path / "run", seeds=range(20), record=lambda seed: points(2500))
    # Processor time: other processes on the machine do not count.
    begin = time.process_time()
    run = load_run(Path(directory))
    seconds = time.process_time() - begin
    assert sum(len(each.metrics["seed"]) for each in run.seeds) == 20 * 2501
    assert seconds < 1
