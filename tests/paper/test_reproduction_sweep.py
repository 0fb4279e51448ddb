"""What is there is reused, what is broken is made again, what is unfinished never counts."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.paper.experiments import _NOT_IDENTITY, Job, command_of, jobs_of_experiment
from marl_comm.paper.figure import paper_figures
from marl_comm.paper.workers import finished_run, run_job, run_jobs
from marl_comm.runs import session
from marl_comm.storage.files import CONFIG, METRICS, SUMMARY

SMALL = (
    "game.agents=3",
    "samples_per_round=50",
    "max_local_steps=6",
    "logger=local",
    "num_seeds=2",
)


def job(*overrides: str) -> Job:
    return Job(compose(*SMALL, *overrides))


def content(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in (METRICS, SUMMARY, CONFIG)}


def test_equal_configurations_have_one_name_and_others_another() -> None:
    assert job().name == job("logger=wandb", "checkpoint_seconds=1.0").name
    names = {job(*change).name for change in [(), ("seed=1",), ("learner.step_size=1.0",)]}
    assert len(names) == 3


def test_keys_that_the_first_runs_did_not_have_name_runs_only_where_they_say_something() -> None:
    key = "learner.recompute_advantages"
    plain, anew = (
        Job(compose("game=mpe/simple_spread", f"{key}={value}")) for value in ("false", "true")
    )
    assert plain.name != anew.name
    identity = plain.config.model_dump(mode="json", exclude=_NOT_IDENTITY)
    del identity["start_from"], identity["learner"]["recompute_advantages"]
    text = json.dumps(identity, sort_keys=True)
    assert plain.name.endswith(hashlib.sha256(text.encode()).hexdigest()[:12])


def test_jobs_run_in_two_processes_and_are_used_again(tmp_path: Path) -> None:
    jobs = [job(), job("algorithm=importance_sampling"), job("samples_per_round=60")]
    told: list[str] = []
    first = run_jobs(jobs, {}, tmp_path, 2, told.append)
    assert (first.computed, first.failed, len(first.runs)) == (3, {}, 3)
    there = {each.name: run for each in jobs if (run := finished_run(each, tmp_path))}
    times = {each.name: (tmp_path / each.name / SUMMARY).stat().st_mtime_ns for each in jobs}
    second = run_jobs(jobs, there, tmp_path, 2, told.append)
    assert (second.computed, len(second.runs)) == (0, 3)
    assert times == {
        each.name: (tmp_path / each.name / SUMMARY).stat().st_mtime_ns for each in jobs
    }


def test_a_deleted_run_is_made_again(tmp_path: Path) -> None:
    each, directory, whole = finished(tmp_path)
    shutil.rmtree(directory)
    assert finished_run(each, tmp_path) is None
    assert run_job(each.config, directory) == ""
    assert content(directory) == whole


def test_a_job_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    good, bad = job(), job("seed=1")
    (tmp_path / bad.name).write_text("in the way")
    told: list[str] = []
    sweep = run_jobs([good, bad], {}, tmp_path, 1, told.append)
    assert list(sweep.runs) == [good.name]
    assert list(sweep.failed) == [bad.name]
    assert any("failed" in line for line in told)


def finished(tmp_path: Path) -> tuple[Job, Path, dict[str, bytes]]:
    each = job()
    directory = tmp_path / each.name
    assert run_job(each.config, directory) == ""
    return each, directory, content(directory)


def test_an_unfinished_run_is_not_counted_and_is_completed(tmp_path: Path) -> None:
    each, directory, whole = finished(tmp_path)
    (directory / SUMMARY).unlink()
    (directory / METRICS).write_bytes(whole[METRICS][:300])
    assert finished_run(each, tmp_path) is None
    assert run_job(each.config, directory) == ""
    assert content(directory) == whole


def test_an_interrupted_run_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each, _, whole = finished(tmp_path / "whole")
    directory = tmp_path / each.name

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(session.RunDirectory, "write_summary", stop)
        with pytest.raises(KeyboardInterrupt):
            run_job(each.config, directory)
    assert finished_run(each, tmp_path) is None
    resumed: list[Path] = []
    real = session.resume
    monkeypatch.setattr(session, "resume", lambda path: (resumed.append(path), real(path)))
    assert run_job(each.config, directory) == ""
    assert resumed == [directory]
    assert content(directory) == whole


@pytest.mark.parametrize("file", [METRICS, SUMMARY, CONFIG])
def test_a_torn_file_makes_the_run_again(tmp_path: Path, file: str) -> None:
    each, directory, whole = finished(tmp_path)
    (directory / file).write_bytes(whole[file][:40])
    assert finished_run(each, tmp_path) is None
    assert run_job(each.config, directory) == ""
    assert content(directory) == whole


def test_a_run_of_another_configuration_is_not_taken_for_the_job(tmp_path: Path) -> None:
    _, directory, _ = finished(tmp_path)
    other = job("seed=5")
    directory.rename(tmp_path / other.name)
    assert finished_run(other, tmp_path) is None
    assert run_job(other.config, tmp_path / other.name) == ""
    summary = json.loads((tmp_path / other.name / SUMMARY).read_text())
    assert [seed["seed"] for seed in summary["seeds"]] == [5, 6]


def test_an_experiment_is_all_its_jobs_and_narrowed_by_overrides() -> None:
    jobs = jobs_of_experiment("staleness", ("num_seeds=3",))
    assert {(each.config.game.name, each.config.algorithm.name) for each in jobs} == {
        (game, algorithm)
        for game in ("coverage", "congestion", "random_potential")
        for algorithm in ("importance_sampling", "base_policy_prediction")
    }
    assert all(each.config.num_seeds == 3 for each in jobs)
    narrow = jobs_of_experiment("staleness", ('hydra.sweeper.params.game="coverage,congestion"',))
    assert len(narrow) == 8
    assert command_of("staleness", ("num_seeds=3",)) == (
        "python -m marl_comm.run -m experiment=staleness num_seeds=3"
    )


def test_costs_grow_with_what_is_played() -> None:
    assert job("samples_per_round=100000").seconds > job().seconds
    assert job("max_local_steps=9000").seconds > 5 * job().seconds


def test_the_cost_of_networks_grows_with_what_they_play_and_learn() -> None:
    def seconds(*changes: str) -> float:
        settings = ("game=mpe/simple_spread", "algorithm=full_communication", "logger=local")
        return Job(compose(*settings, "num_seeds=8", *changes)).seconds

    # 80 updates of 3200 joint steps and 4 epochs took 8 seeds some 6 minutes on an idle core.
    usual = ("max_local_steps=80", "game.copies=128", "learner.epochs=4")
    assert 200 < seconds(*usual) < 600
    assert seconds(*usual, "num_seeds=16") > 1.9 * seconds(*usual)
    assert seconds(*usual, "learner.epochs=40") > 1.5 * seconds(*usual)
    assert seconds(*usual, "game.evaluation_every=1") > 1.2 * seconds(*usual)


def test_all_figures_at_quick_scale_take_as_long_as_the_readme_says_and_less_than_20_minutes():
    every = {
        job.name: job.seconds
        for figure in paper_figures().values()
        for experiment in figure.experiments
        for job in jobs_of_experiment(experiment, figure.quick.get(experiment, ()))
    }
    minutes = sum(every.values()) / 2 / 60  # on two cores
    assert minutes < 20
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text().split())
    assert f"for all at quick scale, {minutes:.0f} minutes on 2 idle cores" in readme
