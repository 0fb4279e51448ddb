"""Agents as processes in an environment: the same bytes, own observations only, until a round."""

import filecmp
import json
import pickle
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from agent_tricks import Message

from marl_comm.agents.agreement import REPORT_BYTES, VERDICT_BYTES, Agreement
from marl_comm.agents.chunks import Stage
from marl_comm.agents.measured import Tally
from marl_comm.agents.packing import size_of, unpacked
from marl_comm.agents.world import _environment
from marl_comm.arrays import AnyArray
from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.games.environments.spec import Spec
from marl_comm.runs.session import execute
from marl_comm.storage.checkpoints import decode
from scripts.agent_group import Group

PLAY, ROUNDS = 0, 1
# One speaks, and sees less than the other, which moves: everything is padded.
GAME = ("game=mpe/simple_speaker_listener", "game.copies=2", "game.evaluation_copies=1")
SMALL = (*GAME, "game.steps=4", "game.max_cycles=3", "game.evaluation_every=3")


def test_an_environment_leaves_the_bytes_of_one_process_also_after_a_kill(tmp_path: Path) -> None:
    words = (
        *GAME,
        "game.steps=6",
        "game.max_cycles=3",  # episodes under way would begin anew after a kill
        "game.evaluation_every=10",
        "learner.epochs=2",
        "num_seeds=2",
        "max_local_steps=40",
        "algorithm.predictor=rehearse",
        "communication.max_local_updates=4",
        "checkpoint_seconds=0.05",
    )
    with Group(tmp_path / "group", 2, *words, sized=False) as group:
        group.await_line(30)
        group.send(2, signal.SIGKILL)
        assert group.codes() == [1, 1, -signal.SIGKILL]
    assert group.said(0) == ["error: agent 1 is gone: the connection to it was closed"]
    with Group(tmp_path / "group", 2, *words, sized=False) as group:
        assert group.codes() == [0, 0, 0], group.said(0)
    assert group.said(0)[0].startswith("resuming: ")
    alone = tmp_path / "alone"
    execute(compose("logger=local", *words), alone)
    for name in ("metrics.jsonl", "final.npz", "summary.json", "config.yaml"):
        assert filecmp.cmp(alone / name, group.folder / "run" / name, shallow=False), name
    measured = json.loads((group.folder / "run" / "agents.json").read_text())
    moved = (measured["payload_up"], measured["payload_down"])
    assert moved == (measured["ledger_up"], measured["ledger_down"])
    assert moved[0] > measured["written_by_world"] == 0


def test_policies_of_networks_that_part_are_told_with_the_local_update(tmp_path: Path) -> None:
    words = (*SMALL, "max_local_steps=9", "algorithm=full_communication")
    trick = "agent_tricks:rounds_differently"
    with Group(tmp_path / "group", 2, *words, sized=False, trick=trick) as group:
        assert group.codes() == [1, 1, 1]
    (line,) = group.said(0)
    assert line.startswith(
        "error: the policies that agent 1 computed differ from the world's since local update 6: "
    )


def test_an_agent_sees_what_it_observes_and_all_else_in_rounds(tmp_path: Path) -> None:
    rounds = 2
    words = (*SMALL, f"max_local_steps={rounds}", "algorithm=full_communication")
    with Group(tmp_path / "group", 2, *words, sized=False, trick="agent_tricks:listens") as group:
        assert group.codes() == [0, 0, 0], group.said(0)
    assert pickle.loads((group.folder / "heard_0.pickle").read_bytes())[1], "the world makes it"
    wrote, read = [], []
    for agent in range(2):
        messages, made = pickle.loads((group.folder / f"heard_{agent + 1}.pickle").read_bytes())
        assert made == [], "an agent's process has made the environment"
        start = decode(messages[1][2])
        assert set(start["streams"]) <= {"networks", "minibatches", "rehearsal"}
        stage = Stage.told(start["form"])
        left = messages[2:]
        for _ in range(rounds):
            written, others, left = one_round(stage, agent, left)
            wrote.append((agent, written))
            read.append((agent, others))
        assert [(kind, at) for kind, at, _ in left] == [("sent", PLAY), ("heard", PLAY)]
    # What one has written is what the other has read, and nobody reads what it wrote itself.
    for (writer, written), (reader, others) in zip(
        wrote, read[rounds:] + read[:rounds], strict=True
    ):
        assert writer != reader
        assert written == others


def one_round(
    stage: Stage, agent: int, messages: list[Message]
) -> tuple[bytes, bytes, list[Message]]:
    """Check the messages of an agent's round; return what it wrote, and read, and what follows."""
    steps = stage.steps
    acting = [("heard", PLAY), ("sent", PLAY)] * steps
    kinds = [("heard", PLAY), *acting, *[("heard", PLAY)] * 2, ("sent", ROUNDS), ("heard", ROUNDS)]
    assert [(kind, at) for kind, at, _ in messages[: len(kinds)]] == kinds
    contents = [np.frombuffer(content, "u1") for _, _, content in messages[: len(kinds)]]
    noise, *play, told, final, up, down = contents
    assert noise.nbytes == 4 * steps * stage.copies, "one draw for each of its own actions"
    play[1] = play[1][REPORT_BYTES:]
    columns: list[list[AnyArray]] = []
    for heard, said in zip(play[::2], play[1::2], strict=True):
        seen, acted = stage.seen(agent, 1), stage.acted(agent, 1)
        assert heard.nbytes == size_of(seen)
        assert said.nbytes == size_of(acted)
        columns.append([*unpacked(heard, seen), *unpacked(said, acted)])
    verdict, rest = told[:VERDICT_BYTES], told[VERDICT_BYTES:]
    assert not verdict.any()
    shapes = [*stage.rewards(1), *stage.ends(1)]
    assert rest.nbytes == size_of(shapes)
    rewards, ended, terminated = unpacked(rest, shapes)
    stretches = int(ended.sum() + (~ended[:, -1]).sum())
    assert final.nbytes == size_of(stage.led_to(agent, stretches))
    in_steps = [np.stack(column, axis=1) for column in zip(*columns, strict=True)]
    ends = [ended, terminated] if agent == 0 else []
    own = b"".join(each.tobytes() for each in (*in_steps, rewards, final, *ends))
    assert up.tobytes() == own, "it writes what it has seen, done and earned, and nothing else"
    return own, down.tobytes(), messages[len(kinds) :]


def test_the_world_refuses_environments_that_its_processes_do_not_fit() -> None:
    config = compose("logger=local", *SMALL)
    for agents, masked, line in (
        (3, False, "has 2 agents and needs 3 processes"),
        (2, True, "mask"),
    ):
        channel: Any = SimpleNamespace(agents=agents)
        game: Any = EnvironmentGame.__new__(EnvironmentGame)
        spec = Spec(("a", "b"), (1, 1), (2, 2), discrete=True, masked=masked)
        game._environments = SimpleNamespace(spec=spec)
        agreement, tally = Agreement(channel, 0), Tally()
        with pytest.raises(InputError, match=line):
            _environment(config, game, channel, channel, agreement, tally)
