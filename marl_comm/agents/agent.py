"""The process of one agent: it plays its own part, and learns from what rounds bring.

It never makes the game. What it knows of it are sizes, the states that it acts in, its own draws
and what its channels carry; of all random streams it has those that say when there is a round.
"""

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from marl_comm.agents.agreement import VERDICT_BYTES, Agreement, numbers_of
from marl_comm.agents.channel import UNTIL_ALL_HAVE_STARTED, Channel
from marl_comm.agents.form import Form
from marl_comm.agents.packing import Bytes, Shape, packed, size_of, unpacked
from marl_comm.agents.sharing import stacked, together
from marl_comm.agents.unknowing import Unknowing
from marl_comm.agents.world import SHARED_PURPOSES
from marl_comm.arrays import AnyArray, Array, BoolArray, IntArray
from marl_comm.config.run import RunConfig
from marl_comm.experience import BasePolicies, Experience
from marl_comm.experience.mixture import Mixture
from marl_comm.experience.one_shot import SampledExperience
from marl_comm.experience.over_time import SampledTrajectories
from marl_comm.experience.shared_buffer import SharedBuffer
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.game import Evaluation
from marl_comm.games.one_shot import player as one_shot
from marl_comm.games.over_time import player as over_time
from marl_comm.learners.learner import Learner, Trained
from marl_comm.randomness import Streams
from marl_comm.rows import loaded
from marl_comm.runs.assemble import PartsOfNetworks, PartsOfTables, of_networks, of_tables
from marl_comm.storage.checkpoints import decode
from marl_comm.train import LoopState

if TYPE_CHECKING:  # importing environments takes long, which tabular games need not wait for
    from marl_comm.agents.environment_agent import AgentEnvironment
    from marl_comm.games.environments.player import EnvironmentGame


def follow(config: RunConfig, agent: int, play: Channel, rounds: Channel) -> int:
    """Play and learn as one agent until the run ends; return the exit code.

    Args:
        config: The checked configuration.
        agent: Which agent, counted from 0.
        play: The channel to the world.
        rounds: The channel of communication rounds.

    Raises:
        GroupError: The world is gone, or the copies of the policies differ.
    """
    (size,) = unpacked(play.read(8, UNTIL_ALL_HAVE_STARTED), [Shape((1,), np.dtype(np.int64))])
    message = decode(play.read(int(size[0])).tobytes())
    if "code" in message:
        return int(message["code"])
    streams = SharedStreams(config.seeds)
    loop = LoopState.start(config.num_seeds)
    loop.restore(message["loop"])
    agreement = Agreement(play, loop.local_step)
    parts, game = _parts(config, agent, message["form"], streams, (play, rounds, agreement))
    parts.ledger.restore(message["ledger"])
    parts.algorithm.restore(message["algorithm"])
    streams.restore(message["streams"])
    if message["learner"] is not None:
        parts.learner.restore(message["learner"], game.restore_experience)
    told = play if config.metrics.stop_at_smallest_gap else None
    parts.train(_Noting(agreement, parts.learner, told), loop, lambda: None)
    agreement.confirm(game.round_seconds)
    return 0


def _parts(
    config: RunConfig,
    agent: int,
    form: dict[str, Any],
    streams: Streams,
    ways: tuple[Channel, Channel, Agreement],
) -> "tuple[PartsOfTables | PartsOfNetworks, AgentGame | AgentEnvironment]":
    """Return the parts of a run as one agent has them, and what it sees of the game."""
    if not isinstance(config.game, EnvironmentSettings):
        measures = config.algorithm.predicts
        game = AgentGame(config.num_seeds, agent, Form(**form), *ways, measures=measures)
        return of_tables(config, game, streams), game
    from marl_comm.agents.chunks import Stage
    from marl_comm.agents.environment_agent import AgentEnvironment

    environment = AgentEnvironment(streams, agent, Stage.told(form), *ways)
    return of_networks(config, cast("EnvironmentGame", environment), streams), environment


class SharedStreams(Streams):
    """The random streams that all agents have in common, and no others."""

    def of(self, purpose: str) -> list[np.random.Generator]:
        """Return the generators of a purpose that agents share."""
        if purpose not in SHARED_PURPOSES:
            raise LookupError(f"an agent has no random stream for {purpose!r}")
        return super().of(purpose)


class _Noting:
    """Notes digests; hears from the world which seeds end early."""

    def __init__(
        self, agreement: Agreement, learner: Learner[Any, Any, Any, Any], told: Channel | None
    ) -> None:
        self._agreement, self._learner, self._told = agreement, learner, told

    def record(
        self, seed_rows: IntArray, local_step: int, evaluation: Evaluation, learner: Trained
    ) -> BoolArray:
        """Note the digest of all policies; return which seeds have reached their goal."""
        self._agreement.note(seed_rows, local_step, numbers_of(self._learner.policy))
        if self._told is None:
            return np.zeros(len(seed_rows), dtype=np.bool_)
        shape = Shape((len(seed_rows),), np.dtype(np.bool_))
        return np.asarray(unpacked(self._told.read(shape.bytes), [shape])[0])

    def stop(self, seed_rows: IntArray, reason: str, final: Mapping[str, AnyArray]) -> None:
        """The world keeps final policies."""


class AgentGame(Unknowing):
    """What one agent sees of a game.

    Attributes:
        round_seconds: How long the latest round took, from the end of play; 0 before the first.
    """

    def __init__(
        self,
        seeds: int,
        agent: int,
        form: Form,
        play: Channel,
        rounds: Channel,
        agreement: Agreement,
        *,
        measures: bool,
    ) -> None:
        """Begin.

        Args:
            seeds: Of the run.
            agent: Which agent this is, counted from 0.
            form: The game's sizes.
            play: The channel to the world.
            rounds: The channel of communication rounds.
            agreement: Compares policies before each round.
            measures: Whether the algorithm asks how stale data are. The world measures for the log.
        """
        self.round_seconds = 0.0
        self._seeds, self._agent, self._form = seeds, agent, form
        self._play, self._rounds, self._agreement = play, rounds, agreement
        self._measures = measures

    def initial_log_policy(self) -> Array:
        """Return the uniform policy of every seed."""
        shape = (self._seeds, *self._form.log_policy_shape)
        return np.full(shape, -np.log(self._form.actions))

    def collect(
        self, seed_rows: IntArray, behaviours: BasePolicies, samples: int | None
    ) -> Experience:
        """Play its part, then share it: only then the others' actions and the rewards are known."""
        assert samples is not None, "exact action values are refused before"
        rows, form = len(seed_rows), self._form
        drawn = form.uniforms(rows, samples)
        (uniform,) = unpacked(self._play.read(size_of(drawn)), drawn)
        own = slice(self._agent, self._agent + 1)
        if form.states is None:
            uniforms = list(uniform[..., None])
            actions = one_shot.chosen_actions(behaviours, samples, uniforms, own)[..., 0]
            self._play.write(packed([self._report(), actions]))
        else:
            choose = over_time.chosen_actions(behaviours, uniform[..., None], own)
            actions = self._play_episodes(choose, rows, samples)
        common, joint = self._exchange(actions, rows, samples)
        if form.states is None:
            shared = SharedBuffer(*together(joint, common))
            return SampledExperience(shared, behaviours, measures=self._measures)
        buffer = TrajectoryBuffer(common[0], *together(joint, common[1:]))
        return SampledTrajectories(buffer, behaviours, form.discount, measures=self._measures)

    def _report(self) -> Bytes:
        """Return what begins the first of its messages in a round."""
        return self._agreement.report(self.round_seconds)

    def _play_episodes(self, choose: over_time.Choices, rows: int, samples: int) -> AnyArray:
        """Act in each state that comes; return its own actions, (rows, steps, episodes)."""
        actions = self._form.written_by_each(rows, samples)[0]
        states = self._form.written_once(rows, samples)[0]
        seen = dataclasses.replace(states, sizes=(rows, actions.sizes[-1]))
        played = np.empty(actions.sizes, actions.type)
        for step in range(self._form.steps):
            (state,) = unpacked(self._play.read(seen.bytes), [seen])
            played[:, step] = choose(step, state)[..., 0]
            self._play.write(packed([*([self._report()] if step == 0 else []), played[:, step]]))
        return played

    def _exchange(
        self, actions: AnyArray, rows: int, samples: int
    ) -> tuple[list[AnyArray], list[list[AnyArray]]]:
        """Write its own to the shared buffer, and read all that it has not written.

        Returns:
            What was written once for everybody, and what each agent has written.
        """
        form = self._form
        each, once = form.written_by_each(1, samples), form.written_once(1, samples)
        size = size_of(each)
        # A group first asks for what it expects: asked before the round, no time of it is lost.
        arriving = [
            self._rounds.expect(size_of(once) + (form.agents - 1) * size) for _ in range(rows)
        ]
        told = form.own_rewards(rows, samples)
        heard = self._play.read(VERDICT_BYTES + size_of(told))
        self._agreement.heed(heard[:VERDICT_BYTES])
        rewards = unpacked(heard[VERDICT_BYTES:], told)
        clock = time.perf_counter()
        own = [actions, *rewards]
        for row in range(rows):
            self._rounds.write(packed([part[row] for part in own]))
        read = [answer() for answer in arriving]
        self.round_seconds = time.perf_counter() - clock
        common = stacked([unpacked(data, once) for data in read])
        joint = []
        for start in range(size_of(once), len(read[0]), size):
            joint.append(stacked([unpacked(data[start : start + size], each) for data in read]))
        joint.insert(self._agent, own)
        return common, joint

    def restore_experience(self, state: dict[str, Any]) -> Experience:
        """Return the experience that a checkpoint holds: what this agent once knew."""
        behaviours = loaded(BasePolicies, state["behaviours"])
        mixture = loaded(Mixture, state["mixture"])
        if self._form.states is None:
            shared = loaded(SharedBuffer, state["buffer"])
            return SampledExperience(shared, behaviours, mixture, measures=self._measures)
        buffer, discount = loaded(TrajectoryBuffer, state["buffer"]), self._form.discount
        return SampledTrajectories(buffer, behaviours, discount, mixture, measures=self._measures)

    def action_values(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Say that no agent knows exact action values."""
        raise LookupError("an agent does not know the game's exact action values")

    def potential(self, seed_rows: IntArray, log_policy: Array) -> Array:
        """Say that no agent knows the exact potential."""
        raise LookupError("an agent does not know the game's exact potential")

    def divergences(
        self, seed_rows: IntArray, log_policy: Array, log_bases: Array, *, single_steps: bool
    ) -> Array:
        """Say that no agent knows how often states are visited."""
        raise LookupError("an agent does not know the game's exact divergences")
