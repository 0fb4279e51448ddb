"""A run that starts from what a finished one has learned."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from test_train_networks import SMALL

from marl_comm.command_line.composition import compose
from marl_comm.config.loading import load_saved
from marl_comm.config.run import RunConfig
from marl_comm.errors import DamagedError, InputError
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble
from marl_comm.runs.interruption import Interrupted
from marl_comm.runs.session import Session, execute, resume
from marl_comm.runs.start import Start, refuse_unfit
from marl_comm.storage.arrays import Arrays

QUICK = ("num_seeds=3", "max_local_steps=4", "logger=local", "quiet=true", "samples_per_round=200")
FILES = ("metrics.jsonl", "final.npz")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tables") / "run"
    execute(compose(*QUICK), directory)
    return directory


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("networks") / "run"
    execute(compose(*SMALL, "num_seeds=2", "max_local_steps=3", "logger=local"), directory)
    return directory


def starting(origin: Path, *overrides: str, base: tuple[str, ...] = QUICK) -> RunConfig:
    return compose(*base, *overrides, f"start_from={origin}")


def points(directory: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").open()]


def files(directory: Path) -> list[bytes]:
    return [(directory / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("more", [(), ("game=random_markov", "learner.stages=backward")])
def test_tables_go_on_where_they_ended_and_the_ledger_starts_at_zero(
    more: tuple[str, ...], tmp_path: Path
) -> None:
    execute(compose(*QUICK, *more), tmp_path / "first")
    execute(starting(tmp_path / "first", *more), tmp_path / "second")
    ends, begins = points(tmp_path / "first")[-3:], points(tmp_path / "second")[:3]
    for end, begin in zip(ends, begins, strict=True):
        assert begin["nash_gap"] == pytest.approx(end["nash_gap"], abs=1e-12)
        assert begin["value"] == pytest.approx(end["value"], abs=1e-12)
        assert (begin["round"], begin["samples"], begin["bytes_up"]) == (0, 0, 0)
        assert begin["distance"] == pytest.approx(0, abs=1e-12)
    origin = json.loads((tmp_path / "second" / "origin.json").read_text())["start_from"]
    assert origin["directory"] == str(tmp_path / "first")
    assert [seed["rounds"] for seed in origin["seeds"]] == [end["round"] for end in ends]


def test_networks_go_on_with_actor_critic_and_the_units_of_returns(
    networks: Path, tmp_path: Path
) -> None:
    same = (*SMALL, "num_seeds=2", "max_local_steps=1", "logger=local")
    execute(starting(networks, base=same), tmp_path / "second")
    ends, begins = points(networks)[-2:], points(tmp_path / "second")[:2]
    assert [begin["round"] for begin in begins] == [0, 0]
    assert ends[0]["local_step"] == 3
    with np.load(networks / "final.npz") as final, np.load(tmp_path / "second/start.npz") as start:
        assert {*final} == {"actor", "critic", "return_moments"} == {*start} - {"life"}
        for name in final:
            np.testing.assert_array_equal(final[name], start[name])
    assert np.isfinite(begins[0]["evaluation_greedy_return"])


def test_what_seeds_begin_with_does_not_depend_on_the_others(tables: Path, tmp_path: Path) -> None:
    execute(starting(tables), tmp_path / "all")
    execute(starting(tables), tmp_path / "again")
    assert files(tmp_path / "all") == files(tmp_path / "again")
    execute(starting(tables, "seed=1", "num_seeds=1"), tmp_path / "one")
    assert points(tmp_path / "one") == [
        point for point in points(tmp_path / "all") if point["seed"] == 1
    ]


def test_a_run_of_one_seed_serves_every_seed(tmp_path: Path) -> None:
    execute(compose(*QUICK, "num_seeds=1", "seed=7"), tmp_path / "first")
    execute(starting(tmp_path / "first", "game.seed=7"), tmp_path / "second")
    (end,) = points(tmp_path / "first")[-1:]
    gaps = [point["nash_gap"] for point in points(tmp_path / "second")[:3]]
    assert gaps == pytest.approx([end["nash_gap"]] * 3, abs=1e-12)


def test_chance_is_another_one_in_each_run_that_follows(tables: Path, tmp_path: Path) -> None:
    """Else policies would be tried on the draws that they were learned from."""
    execute(starting(tables), tmp_path / "second")
    third = Start.chosen_by(starting(tmp_path / "second"))
    assert third is not None
    assert third.life == 2
    drawn = {Streams([3], life).of("collect")[0].random() for life in range(3)}
    assert len(drawn) == 3


def test_it_is_resumed_without_the_run_that_it_started_from(
    tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(tables, origin)
    execute(starting(origin), tmp_path / "whole")

    def killed(*_: object, **__: object) -> None:
        raise Interrupted(signal.SIGTERM, "killed")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "train", killed)  # before there is a checkpoint
        with pytest.raises(Interrupted):
            execute(starting(origin), tmp_path / "at_once")
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_summary", killed)  # when only checkpoints are there
        with pytest.raises(Interrupted):
            execute(starting(origin), tmp_path / "late")
    shutil.rmtree(origin)
    for name in ("at_once", "late"):
        resume(tmp_path / name)
        assert files(tmp_path / name) == files(tmp_path / "whole")


def test_what_does_not_fit_is_told_in_one_line_before_anything_is_written(
    tables: Path, networks: Path, tmp_path: Path
) -> None:
    def told(origin: Path, *overrides: str, base: tuple[str, ...] = QUICK) -> str:
        with pytest.raises(InputError) as caught:
            execute(starting(origin, *overrides, base=base), tmp_path / "run")
        assert not (tmp_path / "run").exists()
        return str(caught.value).removeprefix(f"start_from={origin}: ")

    assert told(tmp_path) == "holds no finished run (no summary.json)"
    other = "has game=coverage, and this run game=congestion; set game=coverage"
    assert told(tables, "game=congestion") == other
    assert told(tables, "game.agents=5").endswith("policies are (3, 12, 6), and must be (3, 5, 6)")
    assert told(tables, "seed=2").startswith("has the seeds 0 to 2, and this run 2 to 4; set seed")
    wide = told(networks, "learner.hidden=[16]", base=(*SMALL, "num_seeds=2"))
    assert wide.startswith("has learner.hidden=[")
    assert wide.endswith(", and this run learner.hidden=[16]; set " + wide.split(", ")[0][4:])


@pytest.mark.parametrize("kind", ["tables", "networks"])
def test_what_a_learner_begins_with_is_all_that_it_leaves(
    kind: str, request: pytest.FixtureRequest
) -> None:
    directory = request.getfixturevalue(kind)
    run = load_saved(directory / "config.yaml")
    parts = assemble(run, Streams(run.seeds))
    rows = np.arange(run.num_seeds)
    assert set(run.learner.begins_with) == set(parts.learner.final_arrays(rows))


def test_a_start_that_lacks_an_array_of_the_learners_is_refused_by_its_name(
    networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Arrays.of(networks / "final.npz")
    monkeypatch.setattr(Arrays, "of", lambda file: {"actor": kept["actor"]})
    with pytest.raises(
        InputError, match=r"lacks critic, return_moments, which learner=mappo begin"
    ):
        execute(starting(networks, base=(*SMALL, "num_seeds=2")), tmp_path / "run")


def test_a_sweep_is_refused_before_its_first_job(tables: Path) -> None:
    with pytest.raises(InputError, match="and this run game=graph"):
        refuse_unfit(starting(tables, "game=graph"))


@pytest.mark.parametrize("name", ["final.npz", "start.npz"])
def test_a_start_that_was_changed_is_refused(name: str, tables: Path, tmp_path: Path) -> None:
    execute(starting(tables), tmp_path / "second")
    file = tmp_path / "second" / name
    content = bytearray(file.read_bytes())
    content[-200] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedError, match=name):
        execute(starting(tmp_path / "second"), tmp_path / "third")
