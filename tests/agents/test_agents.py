"""Agents as processes: the same bytes as in one process, and nothing known before its time."""

import filecmp
import json
import shutil
import signal
from pathlib import Path

import pytest

from marl_comm.agents import command
from marl_comm.command_line.composition import compose
from marl_comm.runs.session import execute, resume
from scripts.agent_group import Group

SMALL = ("max_local_steps=12", "samples_per_round=60", "algorithm.max_bases=3")
PREDICTION = "algorithm=base_policy_prediction"
LONG = (
    "game=coverage",
    "samples_per_round=100",
    "algorithm=full_communication",
    "max_local_steps=250",
    "checkpoint_seconds=0.05",
)


def same_as_in_one_process(group: Group, agents: int, *overrides: str) -> None:
    """Compare what a group has left with what the same run leaves in this process."""
    alone = group.folder / "alone"
    execute(compose(f"game.agents={agents}", "logger=local", *overrides), alone)
    for name in ("metrics.jsonl", "final.npz", "summary.json", "config.yaml"):
        assert filecmp.cmp(alone / name, group.folder / "run" / name, shallow=False), name


@pytest.mark.parametrize(
    ("agents", "overrides"),
    [
        (3, ("game=coverage", PREDICTION, *SMALL, "num_seeds=2", "learner.reuse=all")),
        (
            2,
            (
                "game=markov_congestion",
                "algorithm=importance_sampling",
                "communication=missing",
                "num_seeds=3",
                "game.reward_noise=0.1",
                "game.episode_steps=5",
                *SMALL[:2],
            ),
        ),
        (
            2,
            (
                "game=random_markov",
                "algorithm=stale",
                "communication=periodic",
                "communication.period=3",
                "metrics.gap_thresholds=[0.05]",
                "metrics.stop_at_smallest_gap=true",
                "num_seeds=3",
                *SMALL[:2],
            ),
        ),
    ],
)
def test_processes_leave_the_bytes_of_one_process(
    agents: int, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    with Group(tmp_path / "group", agents, *overrides) as group:
        assert group.codes() == [0] * (agents + 1), group.said(0)
    same_as_in_one_process(group, agents, *overrides)
    measured = json.loads((group.folder / "run" / "agents.json").read_text())
    booked = (measured["ledger_up"], measured["ledger_down"])
    assert (measured["payload_up"], measured["payload_down"]) == booked
    assert booked[0] > 0
    if measured["socket_up"] is not None:
        assert measured["socket_up"] > measured["payload_up"] - measured["written_by_world"]
        assert measured["socket_down"] > measured["payload_down"]


def test_without_an_agent_the_others_stop_in_a_line_and_a_new_group_goes_on(
    tmp_path: Path,
) -> None:
    with Group(tmp_path / "group", 2, *LONG) as group:
        group.await_line(30)
        group.send(2, signal.SIGKILL)
        assert group.codes() == [1, 1, -signal.SIGKILL]
    assert group.said(0) == ["error: agent 1 is gone: the connection to it was closed"]
    assert group.said(1) == ["error: agent 0: the world is gone: the connection to it was closed"]
    with Group(tmp_path / "group", 2, *LONG) as group:
        group.await_line(120)
        for rank in range(3):
            group.send(rank, signal.SIGTERM)
        assert group.codes()[0] == 128 + signal.SIGTERM
    assert group.said(0)[-1].startswith("interrupted by SIGTERM: saved")
    shutil.copytree(group.folder / "run", tmp_path / "resumed_alone")
    with Group(tmp_path / "group", 2, *LONG) as group:
        assert group.codes() == [0, 0, 0]
    assert group.said(0)[0].startswith("resuming: ")
    same_as_in_one_process(group, 2, *LONG)
    resume(tmp_path / "resumed_alone")
    for name in ("metrics.jsonl", "final.npz"):
        alone = group.folder / "alone" / name
        assert filecmp.cmp(alone, tmp_path / "resumed_alone" / name, shallow=False), name


def test_an_agent_that_does_not_answer_in_time_is_named(tmp_path: Path) -> None:
    with Group(tmp_path / "group", 2, *LONG, "--timeout", "1.5") as group:
        group.await_line(30)
        group.send(1, signal.SIGSTOP)
        assert group.codes(stopped=1) == [1, None, 1]
    assert group.said(0) == ["error: agent 0 has not answered within 1.5 s (--timeout)"]
    assert group.said(2)[0].startswith("error: agent 1: the world ")


def test_an_agent_that_rounds_differently_is_named_with_the_local_update(tmp_path: Path) -> None:
    words = ("game=coverage", *SMALL, "communication=periodic", "communication.period=4")
    with Group(tmp_path / "group", 2, *words, trick="agent_tricks:rounds_differently") as group:
        assert group.codes() == [1, 1, 1]
    (line,) = group.said(0)
    assert line.startswith(
        "error: the policies that agent 1 computed differ from the world's since local update 6: "
    )
    assert group.said(1) == group.said(2) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "game=mpe/simple_spread learner.critic=own learner.actors=separate "
            "algorithm=importance_sampling communication=periodic",
            "agents share nothing but rewards, and cannot follow each other's policies",
        ),
        ("game=mpe/simple_spread learner.device=cuda", "set learner.device=cpu"),
        ("samples_per_round=null", "samples_per_round=null: no agent knows exact action values"),
        ("algorithm.predictor=oracle", "algorithm.predictor=oracle: no agent can ask the game"),
        ("game.agents=1", "1 agents: one alone has no other agent to share with"),
        (
            "game.agents=4",
            "4 agents need 5 processes and there are 4: start it with torchrun --nproc-per",
        ),
        ("start_from=outputs/run", "start_from=outputs/run: agents as processes all begin at"),
        ("game.agents=4 --timeout 0", "--timeout 0: must be more than 0 seconds"),
        ("game.agents=4 game.color=red", "game.color"),
    ],
)
def test_what_cannot_be_played_is_refused_in_one_line_by_one_process(
    words: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setattr("sys.argv", ["marl_comm.agents", *words.split()])
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        assert command.main() == 2
        told = capsys.readouterr().err
        if rank == "0":
            assert line in told
            assert told.count("\n") == 1
        else:
            assert told == ""


def test_a_finished_run_and_a_refusal_of_the_world_end_all_with_one_code(tmp_path: Path) -> None:
    words = ("game=coverage", *SMALL)
    for further, expected, first in (
        ((), 0, "bytes up: payload "),
        ((), 0, "finished before: "),
        (("seed=5",), 2, "error: "),
    ):
        with Group(tmp_path / "group", 2, *words, *further) as group:
            assert group.codes() == [expected] * 3, group.said(0)
        assert group.said(0)[0].startswith(first)
        assert group.said(1) == []
    assert "has seed=0, and this run would have seed=5" in group.said(0)[0]
