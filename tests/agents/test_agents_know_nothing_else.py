"""Spies on every message: what an agent hears before a round is its own, and nothing else."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from agent_tricks import Message

from marl_comm.agents.agent import AgentGame, SharedStreams
from marl_comm.agents.agreement import REPORT_BYTES, Agreement
from marl_comm.agents.form import Form
from marl_comm.arrays import AnyArray, Array
from marl_comm.randomness import generator
from marl_comm.storage.checkpoints import decode
from scripts.agent_group import Group

SAMPLES = 60
PLAY, ROUNDS = 0, 1
GAMES = ("congestion", "markov_congestion", "random_markov")
TOLD_AT_START = {"form", "loop", "ledger", "algorithm", "learner", "streams"}
VERDICT = bytes(8)


class Conversation:
    """What one agent has said and heard, taken in its order."""

    def __init__(self, messages: list[Message]) -> None:
        self._left = messages

    def next(self, kind: str, channel: int) -> bytes:
        """Return the next message, which must be of this kind, on this channel."""
        (found, at, content), self._left = self._left[0], self._left[1:]
        assert (found, at) == (kind, channel)
        return content

    @property
    def over(self) -> bool:
        """Whether there is nothing more."""
        return not self._left


def columns(draws: np.random.Generator, steps: int, agents: int, rules: str) -> Array:
    """Draw again what the world draws for a round, and return what is the agents', (..., m)."""
    if "markov" not in rules:
        return draws.random((SAMPLES, agents))
    episodes = SAMPLES // steps
    draws.random(episodes)
    own = draws.random((steps, episodes, agents))
    draws.random((steps, episodes))
    return own


@pytest.mark.parametrize("game", GAMES)
def test_an_agent_hears_its_own_draws_and_states_and_all_else_in_rounds(
    game: str, tmp_path: Path
) -> None:
    agents = 2
    words = (
        f"game={game}",
        "algorithm=full_communication",
        "max_local_steps=3",
        f"samples_per_round={SAMPLES}",
        *(["game.episode_steps=5"] if game == "markov_congestion" else []),
    )
    with Group(tmp_path / "group", agents, *words, trick="agent_tricks:listens") as group:
        assert group.codes() == [0] * (agents + 1), group.said(0)
    assert pickle.loads((group.folder / "heard_0.pickle").read_bytes())[1], "the world makes it"
    played: list[list[AnyArray]] = []
    for agent in range(agents):
        messages, rules = pickle.loads((group.folder / f"heard_{agent + 1}.pickle").read_bytes())
        assert rules == [], "an agent's process has made the game"
        conversation, draws = Conversation(messages), generator(0, "collect")
        size = int(np.frombuffer(conversation.next("heard", PLAY), np.int64)[0])
        start = conversation.next("heard", PLAY)
        assert len(start) == size
        told = decode(start)
        assert told.keys() == TOLD_AT_START
        assert (told["streams"], told["learner"]) == ({}, None)
        form = Form(**told["form"])
        once = sum(shape.bytes for shape in form.written_once(1, SAMPLES))
        each = sum(shape.bytes for shape in form.written_by_each(1, SAMPLES))
        own: list[AnyArray] = []
        for _ in range(3):
            uniform = np.frombuffer(conversation.next("heard", PLAY))
            dealt = columns(draws, form.steps, agents, game)[..., agent]
            np.testing.assert_array_equal(uniform, dealt.ravel())
            acted, seen = b"", b""
            for _ in range(form.steps):
                if form.states is not None:
                    seen += conversation.next("heard", PLAY)
                acted += conversation.next("sent", PLAY)
            acted, told = acted[REPORT_BYTES:], conversation.next("heard", PLAY)
            verdict, rewards = told[: len(VERDICT)], told[len(VERDICT) :]
            assert verdict == VERDICT
            assert form.common_reward == (rewards == b"")
            written = conversation.next("sent", ROUNDS)
            assert written == (acted if form.common_reward else acted + rewards)
            read = conversation.next("heard", ROUNDS)
            assert len(read) == once + (agents - 1) * each
            assert read[: len(seen)] == seen, "the states of a round are those it has acted in"
            own.append(np.frombuffer(written, "u1"))
            own.append(np.frombuffer(read[once:], "u1"))
        conversation.next("sent", PLAY)
        assert conversation.next("heard", PLAY) == VERDICT
        assert conversation.over
        played.append(own)
    # What one has written is what the other has read, and nobody reads what it wrote itself.
    for wrote, read in zip(played[0][::2], played[1][1::2], strict=True):
        np.testing.assert_array_equal(wrote, read)


def test_an_agent_that_asks_for_more_is_told_nothing() -> None:
    form = Form(agents=2, actions=3, common_reward=True)
    channel: object = None
    agreement = Agreement(channel, 0)  # type: ignore[arg-type]
    game = AgentGame(1, 0, form, channel, channel, agreement, measures=False)  # type: ignore[arg-type]
    rows, policy = np.array([0]), game.initial_log_policy()
    assert game.evaluate(rows, policy) == {}
    assert game.arrays() == {}
    for ask in (game.action_values, game.potential):
        with pytest.raises(LookupError, match="an agent does not know"):
            ask(rows, policy)
    with pytest.raises(LookupError, match="an agent does not know"):
        game.divergences(rows, policy, policy[None], single_steps=True)
    streams = SharedStreams([0])
    assert len(streams.of("schedule")) == 1
    for purpose in ("collect", "reward_noise", "game"):
        with pytest.raises(LookupError, match="an agent has no random stream"):
            streams.of(purpose)
