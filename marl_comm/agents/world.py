"""The process of the world: it plays the game's part, keeps the shared buffer, and measures.

It holds the game and all private chance. Like every agent it follows all policies from the shared
buffer, in order to log exact figures of them; what agents compute is compared with its own.
"""

import dataclasses
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marl_comm.agents.agreement import Agreement
from marl_comm.agents.channel import Channel
from marl_comm.agents.form import Form
from marl_comm.agents.measured import Tally
from marl_comm.agents.packing import Bytes, packed, size_of, unpacked
from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.config.run import RunConfig
from marl_comm.experience import BasePolicies, Experience
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.game import Evaluation
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.player import Choices, MarkovFormGame
from marl_comm.learners.learner import Trained
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import PartsOfTables, assemble
from marl_comm.storage.checkpoints import encode
from marl_comm.train import LoopState, Parts, Recorder

SHARED_PURPOSE = "schedule"
"""The one purpose whose random streams all agents have: when there is a round."""


class World:
    """The world's side of a run: makes the parts of a run whose agents are other processes.

    Attributes:
        started: Whether agents were told to begin.
        tally: What the rounds have moved.
    """

    def __init__(self, play: Channel, rounds: Channel) -> None:
        """Use two channels: for play, and for what is communicated in rounds."""
        self.started = False
        self.tally = Tally()
        self._play, self._rounds = play, rounds

    def assemble(self, config: RunConfig, streams: Streams) -> PartsOfTables:
        """Return the parts of a run, in which the agents play."""
        parts = assemble(config, streams)
        assert isinstance(parts.game, NormalFormGame | MarkovFormGame)
        agreement = Agreement(self._play, 0)
        share = _Sharing(
            self._play,
            self._rounds,
            Form.of(parts.game),
            agreement,
            self.tally,
            config.num_seeds,
        )
        parts.game.players = (
            _OneShotPlayers(share) if isinstance(parts.game, NormalFormGame) else _Players(share)
        )
        values = {field.name: getattr(parts, field.name) for field in dataclasses.fields(parts)}
        return _WorldParts(**values, world=self, config=config, streams=streams, sharing=share)

    def start(self, message: dict[str, Any]) -> None:
        """Tell all agents to begin."""
        self.started = True
        self._tell(message)

    def dismiss(self, code: int) -> None:
        """Tell all agents that there is nothing to play, and with which exit code to end."""
        self._tell({"code": code})

    def _tell(self, message: dict[str, Any]) -> None:
        content = np.frombuffer(encode(message), "u1")
        self._play.broadcast(packed([np.array([len(content)], dtype=np.int64)]))
        self._play.broadcast(content)

    def tell_goals(self, reached: BoolArray) -> None:
        """Tell all agents which seeds have reached their goal, which only the world can see."""
        self._play.broadcast(packed([reached]))


@dataclass(frozen=True)
class _WorldParts(Parts[BasePolicies, BasePolicies, Experience, Array]):
    """The parts of a run, of which agents hold copies."""

    world: World
    config: RunConfig
    streams: Streams
    sharing: "_Sharing"

    def train(self, recorder: Recorder[Array], state: LoopState, after_step: Any) -> None:
        """Train together with the agents, from wherever the run stands."""
        tally, before = self.world.tally, self._booked()
        self.sharing.agreement = Agreement(self.sharing.play, state.local_step)
        begun = state.local_step > 0
        self.world.start(
            {
                "form": self.sharing.form.plain(),
                "loop": state.state(),
                "ledger": self.ledger.state(),
                "algorithm": self.algorithm.state(),
                "learner": self.learner.state() if begun else None,
                "streams": {
                    purpose: positions
                    for purpose, positions in self.streams.state().items()
                    if purpose == SHARED_PURPOSE
                },
            }
        )
        clock = time.perf_counter()
        super().train(_Telling(self, recorder), state, after_step)
        self.sharing.agreement.compare()
        tally.seconds = time.perf_counter() - clock
        tally.cpu_seconds = self.sharing.agreement.cpu_seconds
        after, told = self._booked(), self.sharing.on_sockets()
        if told is not None:
            tally.socket_down, tally.socket_up = told
        tally.ledger_up, tally.ledger_down = (
            int(b - a) for a, b in zip(before, after, strict=True)
        )
        # The first comparison is before the first round, each later one knows the round before.
        tally.round_seconds = self.sharing.agreement.round_seconds[1:]

    def _booked(self) -> tuple[int, int]:
        return int(self.ledger.bytes_up.sum()), int(self.ledger.bytes_down.sum())


class _Telling:
    """A recorder that also notes digests, and tells agents which seeds end early."""

    def __init__(self, parts: _WorldParts, recorder: Recorder[Array]) -> None:
        self._parts, self._recorder = parts, recorder

    def record(
        self, seed_rows: IntArray, local_step: int, evaluation: Evaluation, learner: Trained
    ) -> BoolArray:
        """Record, note and tell."""
        parts = self._parts
        reached = self._recorder.record(seed_rows, local_step, evaluation, learner)
        parts.sharing.agreement.note(seed_rows, local_step, parts.learner.policy)
        if parts.config.metrics.stop_at_smallest_gap:
            parts.world.tell_goals(reached)
        return reached

    def stop(self, seed_rows: IntArray, reason: str, policy: Array) -> None:
        """Take note of final policies."""
        self._recorder.stop(seed_rows, reason, policy)


class _Sharing:
    """A communication round, from the world's side."""

    def __init__(
        self,
        play: Channel,
        rounds: Channel,
        form: Form,
        agreement: Agreement,
        tally: Tally,
        seeds: int,
    ) -> None:
        self.play, self.form, self.agreement = play, form, agreement
        self._rounds, self._tally, self._seeds = rounds, tally, seeds
        self._arriving: deque[Callable[[], list[Bytes]]] = deque()

    def on_sockets(self) -> tuple[int, int] | None:
        """Return what the system has counted of all rounds: bytes sent and received."""
        return self._rounds.on_sockets

    def deal(self, uniform: AnyArray, samples: int) -> None:
        """Give each agent the draws that decide its actions; (..., agents)."""
        self.agreement.compare()
        self._expect(samples, self._seeds)
        columns = [packed([uniform[..., agent]]) for agent in range(self.form.agents)]
        self.play.scatter(columns)

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
        """
        form, tally = self.form, self._tally
        each = form.written_by_each(1, samples)
        # Hearing its own rewards, or one byte, an agent knows that all have played.
        told = form.own_rewards(rows, samples)
        self.play.scatter(
            [
                packed([rewards[..., agent]]) if told else np.zeros(1, np.uint8)
                for agent in range(form.agents)
            ]
        )
        written = [self._arriving.popleft()() for _ in range(rows)]
        self._expect(samples, self._seeds)
        for row, of_row in enumerate(written):
            common = packed([part[row] for part in once])
            tally.written_by_world += common.nbytes
            self._rounds.scatter([_without(agent, of_row, common) for agent in range(form.agents)])
        tally.payload_up = self._rounds.received + tally.written_by_world
        tally.payload_down = self._rounds.sent
        by_agent = zip(*written, strict=True)
        return [stacked([unpacked(data, each) for data in of_agent]) for of_agent in by_agent]

    def _expect(self, samples: int, messages: int) -> None:
        """Get ready for so many messages of each agent, so that none waits for being asked for.

        A group first asks for what it expects: asked before the round, no time of it is lost.
        """
        size = size_of(self.form.written_by_each(1, samples))
        while len(self._arriving) < messages:
            self._arriving.append(self._rounds.expect_all(size))


def _without(agent: int, written: list[Bytes], common: Bytes) -> Bytes:
    return np.concatenate([common, *written[:agent], *written[agent + 1 :]])


class _OneShotPlayers:
    """The agents of a one-shot game, in their processes."""

    def __init__(self, sharing: _Sharing) -> None:
        self._sharing = sharing

    def choose(self, behaviours: BasePolicies, samples: int, uniforms: Iterable[Array]) -> AnyArray:
        """Deal the draws, and return what the agents do, (rows, samples, agents)."""
        uniform = np.stack(list(uniforms))
        sharing, form = self._sharing, self._sharing.form
        sharing.deal(uniform, samples)
        shapes = form.written_by_each(len(uniform), samples)[:1]
        return np.stack(
            [unpacked(data, shapes)[0] for data in sharing.play.gather(size_of(shapes))], axis=-1
        )

    def share(self, buffer: SharedBuffer) -> SharedBuffer:
        """Hold the round, and return what was written."""
        rows, samples, _ = buffer.joint_actions.shape
        once = [buffer.rewards] if self._sharing.form.common_reward else []
        written = self._sharing.exchange(rows, samples, once, buffer.rewards)
        return SharedBuffer(*together(written, [buffer.rewards]))


class _Players:
    """The agents of a game over time, in their processes."""

    def __init__(self, sharing: _Sharing) -> None:
        self._sharing = sharing

    def choices(self, behaviours: BasePolicies, uniform: Array) -> Choices:
        """Deal the draws, and return what asks all agents what they do in a state."""
        sharing, form = self._sharing, self._sharing.form
        rows, steps, episodes, _ = uniform.shape
        sharing.deal(uniform, steps * episodes)
        actions = form.written_by_each(rows, steps * episodes)[0]
        shapes = [dataclasses.replace(actions, sizes=(rows, episodes))]
        kind = form.written_once(rows, steps * episodes)[0].type

        def choose(step: int, state: IntArray) -> IntArray:
            sharing.play.broadcast(packed([state.astype(kind)]))
            chosen = [unpacked(data, shapes)[0] for data in sharing.play.gather(size_of(shapes))]
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
