"""Whole runs, through the command line or one call below it."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import yaml
from enumeration import expectation

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.experience.estimators import Estimator
from marl_comm.runs.session import execute

SMALL = ("logger=local", "samples_per_round=50", "max_local_steps=20", "game.agents=3")


def run(directory, *overrides):
    execute(compose(*SMALL, *overrides), directory)
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    summary = json.loads((directory / "summary.json").read_text())
    return [json.loads(line) for line in lines], summary


def command(directory, *overrides):
    return [sys.executable, "-m", "marl_comm.run", *overrides, f"hydra.run.dir={directory}"]


@pytest.mark.parametrize("schedule", ["adaptive", "periodic", "missing"])
@pytest.mark.parametrize(
    "game",
    [
        "coverage game.actions=2",
        "congestion game.actions=2",
        "random_potential game.actions=2",
        "unanimous_failure game.actions=2",
        "saddle_chain game.actions=2",
        "random_markov game.actions=2 game.states=1 game.horizon=1",
        "markov_congestion game.episode_steps=1",
        "climbing_chain game.actions=2 game.states=1 game.horizon=1",
    ],
)
def test_the_smallest_games_are_played(tmp_path, game, schedule):
    smallest = ("game.agents=2", "samples_per_round=2", "algorithm.max_bases=2", "num_seeds=2")
    choices = [f"game={game.split()[0]}", *game.split()[1:], f"communication={schedule}"]
    lines, _ = run(tmp_path / "run", *choices, *smallest)
    assert len(lines) == 2 * 21
    assert all(np.isfinite(line["nash_gap"]) for line in lines)


@pytest.mark.parametrize(
    "algorithm",
    ["full_communication", "importance_sampling", "base_policy_prediction", "stale"],
)
@pytest.mark.parametrize(
    "game",
    [
        "game=coverage",
        "game=congestion",
        "game=random_potential",
        "game=random_markov samples_per_round=80",
        "game=markov_congestion samples_per_round=320",
        "game=climbing_chain samples_per_round=100",
        "game=congestion learner.reuse=3",
        "game=markov_congestion learner.reuse=all samples_per_round=320",
    ],
)
def test_same_configuration_same_bytes_and_a_seed_is_itself_among_others(tmp_path, game, algorithm):
    overrides = (*game.split(), f"algorithm={algorithm}", "game.reward_noise=0.1")
    for name in ("first", "again"):
        run(tmp_path / name, *overrides, "seed=5", "num_seeds=4")
    first, again = tmp_path / "first", tmp_path / "again"
    for file in ("metrics.jsonl", "final.npz", "summary.json"):
        assert (first / file).read_bytes() == (again / file).read_bytes()

    alone, summary = run(tmp_path / "alone", *overrides, "seed=7")
    lines = (first / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines if json.loads(line)["seed"] == 7] == alone
    among_others = json.loads((first / "summary.json").read_text())["seeds"][2]
    assert among_others == summary["seeds"][0]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("game", "estimator"),
    [
        (game, estimator)
        for game in ("coverage", "random_markov", "markov_congestion")
        for estimator in get_args(Estimator)
        if game == "coverage" or estimator != "model"  # of one-shot games alone
        if game != "markov_congestion" or estimator != "joint"  # of one reward for all
    ],
)
def test_a_learner_that_leaps_into_corners_logs_only_finite_numbers(tmp_path, game, estimator):
    """The largest step and the smallest floor that can be configured."""
    points, summary = run(
        tmp_path / "run",
        f"game={game}",
        f"learner.estimator={estimator}",
        "learner.step_size=1000",
        "learner.policy_floor=1e-300",
        "learner.truncation=1e12",
        "samples_per_round=320",
        "communication=periodic",
        "num_seeds=3",
    )
    assert not any(number is None for point in points for number in point.values())
    assert np.isfinite([seed["nash_gap"] for seed in summary["seeds"]]).all()
    with np.load(tmp_path / "run" / "final.npz") as final:
        np.testing.assert_allclose(final["policy"].sum(axis=-1), 1.0)


def test_metrics_and_summary_agree(tmp_path):
    points, summary = run(
        tmp_path / "run",
        "num_seeds=3",
        "metrics.every=7",
        "metrics.gap_thresholds=[1.0,0.05,1e-9]",
        "communication.max_rounds=4",
    )
    for seed in summary["seeds"]:
        mine = [point for point in points if point["seed"] == seed["seed"]]
        last = mine[-1]
        assert last["round"] == seed["rounds"]
        assert last["local_step"] == seed["local_steps"]
        for key in ("samples", "bytes_up", "bytes_down", "value", "nash_gap"):
            assert last[key] == seed[key]
        assert seed["samples"] == 50 * seed["rounds"]
        # 3 agents' actions of one byte and one reward of four bytes are written; each agent reads
        # the two actions that are not its own, and the reward.
        assert seed["bytes_up"] == seed["samples"] * (3 * 1 + 4)
        assert seed["bytes_down"] == seed["samples"] * 3 * (2 * 1 + 4)
        for before, after in itertools.pairwise(mine):
            for key in ("round", "local_step", "samples", "bytes_up", "bytes_down"):
                assert after[key] >= before[key]
        assert seed["reached"]["1"] == {
            "round": 0,
            "local_step": 0,
            "samples": 0,
            "bytes_up": 0,
            "bytes_down": 0,
        }
        assert seed["reached"]["1e-09"] is None
        assert seed["stopped_by"] in ("communication_budget", "local_steps")


def test_the_first_arrival_is_reported_to_the_local_step(tmp_path):
    points, summary = run(tmp_path / "run", "num_seeds=5", "metrics.gap_thresholds=[0.05,0.02]")
    arrived = 0
    for seed in summary["seeds"]:
        for threshold, arrival in seed["reached"].items():
            mine = [point for point in points if point["seed"] == seed["seed"]]
            there = [point for point in mine if point["nash_gap"] <= float(threshold)]
            assert (arrival is None) == (not there)
            if arrival:
                arrived += 1
                for key in ("round", "local_step", "samples", "bytes_up"):
                    assert arrival[key] == there[0][key]
    assert arrived > 0


def test_seeds_end_at_the_smallest_gap_if_told_to(tmp_path):
    _, summary = run(
        tmp_path / "run",
        "num_seeds=5",
        "samples_per_round=null",
        "max_local_steps=2000",
        "metrics.gap_thresholds=[0.02,0.01]",
        "metrics.stop_at_smallest_gap=true",
    )
    for seed in summary["seeds"]:
        assert seed["stopped_by"] == "goal"
        assert seed["reached"]["0.01"]["local_step"] == seed["local_steps"]


@pytest.mark.parametrize("game_seed", ["null", "3"])
def test_value_and_gap_can_be_recomputed_from_the_saved_arrays(tmp_path, game_seed):
    _, summary = run(tmp_path / "run", "num_seeds=2", f"game.seed={game_seed}", "game.actions=3")
    with np.load(tmp_path / "run" / "final.npz") as final:
        policy, value, hit = final["policy"], final["target_value"], final["hit_probability"]
    assert policy.shape == (2, 3, 3)
    assert len(value) == len(hit) == (2 if game_seed == "null" else 1)
    for row, seed in enumerate(summary["seeds"]):
        w, q = value[row % len(value)], hit[row % len(hit)]

        def reward(actions, w=w, q=q):
            missed = np.ones(3)
            for agent, target in enumerate(actions):
                missed[target] *= 1 - q[agent, target]
            return float((w * (1 - missed)).sum())

        expected = expectation(reward, policy[row])
        gap = 0.0
        for agent in range(3):
            for action in range(3):
                deviation = policy[row].copy()
                deviation[agent] = np.eye(3)[action]
                gap = max(gap, expectation(reward, deviation) - expected)
        assert seed["value"] == pytest.approx(expected, abs=1e-12)
        assert seed["nash_gap"] == pytest.approx(gap, abs=1e-12)


@pytest.mark.parametrize("game_seed", ["null", "3"])
def test_the_documented_program_recomputes_a_markov_run(tmp_path, monkeypatch, game_seed):
    overrides = ("game=random_markov", "num_seeds=2", "samples_per_round=80")
    directory = tmp_path / "run"
    _, summary = run(directory, *overrides, f"game.seed={game_seed}", "game.agents=2")
    page = (Path(__file__).parents[2] / "docs" / "run_directory.md").read_text()
    program = page.split("```python\n")[2].split("```")[0]
    monkeypatch.setattr(sys, "argv", ["program", str(directory)])
    names = {}
    exec(compile(program, "docs/run_directory.md", "exec"), names)
    assert names["policy"].shape == (2, 4, 5, 2, 3)
    assert len(names["transition"]) == len(names["reward"]) == (2 if game_seed == "null" else 1)
    for key in ("value", "nash_gap"):
        np.testing.assert_allclose(names[key], [seed[key] for seed in summary["seeds"]], atol=1e-12)


def test_a_markov_congestion_run_can_be_recomputed_from_its_rules(tmp_path):
    """Every joint action, stationary values by iteration, with nothing but what was saved."""
    sizes = ("game.agents=4", "game.actions=2", "game.weights=[1,3]", "game.penalty=6")
    directory = tmp_path / "run"
    _, summary = run(
        directory, "game=markov_congestion", *sizes, "game.discount=0.8", "samples_per_round=320"
    )
    with np.load(directory / "final.npz") as saved:
        policy = saved["policy"][0, 0]
        weights, (penalty,), (discount,) = saved["weights"][0], saved["penalty"], saved["discount"]
        (start,) = saved["initial_distribution"]
    lowest, highest = weights.min() - penalty, 4 * weights.max()

    def solve(agent, best):
        values = np.zeros(2)
        for _ in range(150):
            own = np.zeros((2, 2))
            for state, joint_action in itertools.product(range(2), np.ndindex(2, 2, 2, 2)):
                load = np.bincount(joint_action, minlength=2)
                pay = weights[joint_action[agent]] * load[joint_action[agent]] - penalty * state
                following = int(load.max() > (1 if state else 2))
                likely = policy[state, range(4), joint_action]
                others = np.delete(likely, agent).prod()
                gain = (pay - lowest) / (highest - lowest) + discount * values[following]
                own[state, joint_action[agent]] += others * gain
            values = own.max(axis=1) if best else (policy[:, agent] * own).sum(axis=1)
        return start @ values

    values = [solve(agent, best=False) for agent in range(4)]
    gaps = [solve(agent, best=True) - value for agent, value in enumerate(values)]
    assert summary["seeds"][0]["value"] == pytest.approx(np.mean(values), abs=1e-12)
    assert summary["seeds"][0]["nash_gap"] == pytest.approx(max(gaps), abs=1e-12)


def test_the_configuration_is_saved_resolved(tmp_path):
    run(tmp_path / "run", "learner.step_size=0.25", "seed=11")
    saved = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    assert saved["learner"]["step_size"] == 0.25
    assert saved["seed"] == 11
    assert "${" not in (tmp_path / "run" / "config.yaml").read_text()


def test_a_finished_run_is_never_overwritten(tmp_path):
    run(tmp_path / "run")
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    with pytest.raises(InputError, match="already holds a run"):
        run(tmp_path / "run", "seed=1")
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


def test_an_interrupted_run_leaves_whole_lines(tmp_path):
    directory = tmp_path / "run"
    process = subprocess.Popen(
        command(directory, "logger=local", "max_local_steps=1000000", "num_seeds=3"),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    metrics = directory / "metrics.jsonl"
    deadline = time.monotonic() + 30
    while not (metrics.exists() and metrics.stat().st_size > 10_000):
        assert time.monotonic() < deadline, "the run did not start"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    lines = metrics.read_text().splitlines()
    assert all("nash_gap" in json.loads(line) for line in lines)
    assert not (directory / "summary.json").exists()


def test_the_command_without_arguments_plays_and_logs(tmp_path):
    """The default logger is W&B, offline: no account, no network."""
    finished = subprocess.run(
        command(tmp_path / "run"), capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert finished.returncode == 0, finished.stderr
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["status"] == "finished"
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_a_hundred_agents_fit_in_a_gigabyte(tmp_path):
    # Not getrusage: its maximum is inherited from the process that runs the tests.
    script = (
        "import sys; from marl_comm.run import main; code = main(); "
        "status = open('/proc/self/status').read(); "
        "print(status.partition('VmHWM:')[2].split()[0]); sys.exit(code)"
    )
    for game in ("coverage", "congestion"):
        finished = subprocess.run(
            [
                sys.executable,
                "-c",
                script,
                f"game={game}",
                "game.agents=100",
                "game.actions=20",
                "max_local_steps=5",
                "logger=local",
                f"hydra.run.dir={tmp_path / game}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(finished.stdout.splitlines()[-1]) < 2**20  # KiB


def own_rewards(name, arrays, row):
    """Return the function from a joint action to each agent's reward, from saved arrays."""
    of = {key: value[row % len(value)] for key, value in arrays.items() if key != "policy"}
    agents = arrays["policy"].shape[1]
    if name == "random_potential":
        return lambda actions: [float(of["payoff"][tuple(actions)])] * agents

    def congestion(actions):
        loads = np.bincount(actions, minlength=len(of["costs"]))
        return [1 - of["costs"][action, loads[action] - 1] for action in actions]

    return congestion


def own_value(rewards, agent, policy):
    return expectation(lambda actions: rewards(actions)[agent], policy)


@pytest.mark.parametrize("game", ["random_potential", "congestion"])
@pytest.mark.parametrize("game_seed", ["null", "3"])
def test_the_other_games_can_be_recomputed_too(tmp_path, game, game_seed):
    _, summary = run(
        tmp_path / "run", f"game={game}", f"game.seed={game_seed}", "num_seeds=2", "game.actions=3"
    )
    with np.load(tmp_path / "run" / "final.npz") as final:
        arrays = dict(final)
    for row, seed in enumerate(summary["seeds"]):
        rewards, policy = own_rewards(game, arrays, row), arrays["policy"][row]
        values = [own_value(rewards, agent, policy) for agent in range(3)]
        gap = 0.0
        for agent in range(3):
            for action in range(3):
                deviation = policy.copy()
                deviation[agent] = np.eye(3)[action]
                gained = own_value(rewards, agent, deviation)
                gap = max(gap, gained - values[agent])
        assert seed["value"] == pytest.approx(np.mean(values), abs=1e-12)
        assert seed["nash_gap"] == pytest.approx(gap, abs=1e-12)
