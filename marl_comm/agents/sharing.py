"""Play and communication rounds, from the world's side."""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from marl_comm.agents.agreement import REPORT_BYTES, Agreement
from marl_comm.agents.channel import Channel
from marl_comm.agents.form import Form
from marl_comm.agents.measured import Tally
from marl_comm.agents.packing import Bytes, packed, size_of, unpacked
from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.over_time.player import Choices


class Rounds:
    """What all communication rounds have, from the world's side.

    Attributes:
        play: The channel of play.
        rounds: The channel of rounds.
        agreement: Compares policies in each round.
        verdict: What was found, for agents to hear.
    """

    def __init__(self, play: Channel, rounds: Channel, agreement: Agreement, tally: Tally) -> None:
        """Begin; what rounds move is counted in the tally."""
        self.play, self.rounds, self.agreement = play, rounds, agreement
        self.verdict: Bytes = np.empty(0, np.uint8)
        self._tally = tally

    def on_sockets(self) -> tuple[int, int] | None:
        """Return what the system has counted of all rounds: bytes sent and received."""
        return self.rounds.on_sockets

    def hear_reports(self, sizes: Sequence[int]) -> list[Bytes]:
        """Return the first that agents say in a round, after the reports of their policies."""
        messages = self.play.gather_each([REPORT_BYTES + size for size in sizes])
        self.verdict = self.agreement.compare([each[:REPORT_BYTES] for each in messages])
        return [each[REPORT_BYTES:] for each in messages]

    def count(self, written_here: int) -> None:
        """Count what was moved, and how much of it this process has written."""
        self._tally.written_by_world += written_here
        self._tally.payload_up = self.rounds.received + self._tally.written_by_world
        self._tally.payload_down = self.rounds.sent


class Sharing(Rounds):
    """A communication round of a tabular game, from the world's side."""

    def __init__(
        self,
        play: Channel,
        rounds: Channel,
        form: Form,
        agreement: Agreement,
        tally: Tally,
        seeds: int,
    ) -> None:
        super().__init__(play, rounds, agreement, tally)
        self.form = form
        self._seeds = seeds
        self._arriving: deque[Callable[[], list[Bytes]]] = deque()

    def told(self) -> dict[str, Any]:
        """Return what agents are told of the game at the start."""
        return self.form.plain()

    def deal(self, uniform: AnyArray) -> None:
        """Give each agent the draws that decide its actions; (..., agents)."""
        columns = [packed([uniform[..., agent]]) for agent in range(self.form.agents)]
        self.play.scatter(columns)

    def first_answers(self, size: int) -> list[Bytes]:
        """Return what agents say first in a round, so many bytes each."""
        return self.hear_reports([size] * self.form.agents)

    def exchange(
        self, rows: int, samples: int, once: list[AnyArray], rewards: AnyArray
    ) -> list[list[AnyArray]]:
        """Let all agents write, and hand each what the others and the world have written.

        Args:
            rows: Seeds that communicate.
            samples: Joint actions of each.
            once: What the world writes.
            rewards: What each agent is told alone, (..., agents), in games of own rewards.

        Returns:
            What the agents have written.

        Raises:
            GroupError: Before that: their policies differ.
        """
        form, written_here = self.form, 0
        each = form.written_by_each(1, samples)
        # Hearing that policies agree, an agent knows that all have played.
        told = form.own_rewards(rows, samples)
        self.play.scatter(
            [
                packed([self.verdict, *([rewards[..., agent]] if told else [])])
                for agent in range(form.agents)
            ]
        )
        self.agreement.settle()
        written = [self._arriving.popleft()() for _ in range(rows)]
        self.expect(samples)
        for row, of_row in enumerate(written):
            common = packed([part[row] for part in once])
            written_here += common.nbytes
            self.rounds.scatter([_without(agent, of_row, common) for agent in range(form.agents)])
        self.count(written_here)
        by_agent = zip(*written, strict=True)
        return [stacked([unpacked(data, each) for data in of_agent]) for of_agent in by_agent]

    def expect(self, samples: int) -> None:
        """Get ready for a message of each agent and seed, so that none waits for being asked for.

        A group first asks for what it expects: asked before the round, no time of it is lost.
        """
        size = size_of(self.form.written_by_each(1, samples))
        while len(self._arriving) < self._seeds:
            self._arriving.append(self.rounds.expect_all(size))


def _without(agent: int, written: list[Bytes], common: Bytes) -> Bytes:
    return np.concatenate([common, *written[:agent], *written[agent + 1 :]])


class OneShotPlayers:
    """The agents of a one-shot game, in their processes."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    def choose(self, behaviours: BasePolicies, samples: int, uniforms: Iterable[Array]) -> AnyArray:
        """Deal the draws, and return what the agents do, (rows, samples, agents)."""
        uniform = np.stack(list(uniforms))
        sharing, form = self._sharing, self._sharing.form
        sharing.deal(uniform)
        shapes = form.written_by_each(len(uniform), samples)[:1]
        return np.stack(
            [unpacked(data, shapes)[0] for data in sharing.first_answers(size_of(shapes))], axis=-1
        )

    def share(self, buffer: SharedBuffer) -> SharedBuffer:
        """Hold the round, and return what was written."""
        rows, samples, _ = buffer.joint_actions.shape
        once = [buffer.rewards] if self._sharing.form.common_reward else []
        written = self._sharing.exchange(rows, samples, once, buffer.rewards)
        return SharedBuffer(*together(written, [buffer.rewards]))


class OverTimePlayers:
    """The agents of a Markov game, in their processes."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing

    def choices(self, behaviours: BasePolicies, uniform: Array) -> Choices:
        """Deal the draws, and return what asks all agents what they do in a state."""
        sharing, form = self._sharing, self._sharing.form
        rows, steps, episodes, _ = uniform.shape
        sharing.deal(uniform)
        actions = form.written_by_each(rows, steps * episodes)[0]
        shapes = [dataclasses.replace(actions, sizes=(rows, episodes))]
        kind = form.written_once(rows, steps * episodes)[0].type

        def choose(step: int, state: IntArray) -> IntArray:
            sharing.play.broadcast(packed([state.astype(kind)]))
            hear = sharing.first_answers if step == 0 else sharing.play.gather
            chosen = [unpacked(data, shapes)[0] for data in hear(size_of(shapes))]
            return np.stack(chosen, axis=-1).astype(np.int64)

        return choose

    def share(self, buffer: TrajectoryBuffer) -> TrajectoryBuffer:
        """Hold the round, and return what was written."""
        rows, steps, episodes, _ = buffer.joint_actions.shape
        once = [buffer.states]
        if self._sharing.form.common_reward:
            once.append(buffer.rewards)
        written = self._sharing.exchange(rows, steps * episodes, once, buffer.rewards)
        return TrajectoryBuffer(buffer.states, *together(written, [buffer.rewards]))


def stacked(rows: list[list[AnyArray]]) -> list[AnyArray]:
    """Return the arrays of all rows, of those of each row, (1, ...)."""
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


def together(written: list[list[AnyArray]], common: list[AnyArray]) -> list[AnyArray]:
    """Return joint actions and rewards, (..., agents), of what each agent has written.

    Args:
        written: Of each agent its actions, and where they are its own, its rewards.
        common: The team's rewards, where agents have none of their own.
    """
    columns = [np.stack(parts, axis=-1) for parts in zip(*written, strict=True)]
    return columns if len(columns) > 1 else [*columns, *common]
