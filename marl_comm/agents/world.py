"""The process of the world: it plays the game's part, keeps the shared buffer, and measures.

It holds the game and all private chance. Like every agent it follows all policies from the shared
buffer, in order to log exact figures of them; what agents compute is compared with its own.
"""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from marl_comm.agents.agreement import Agreement, numbers_of
from marl_comm.agents.channel import Channel
from marl_comm.agents.form import Form
from marl_comm.agents.measured import Tally
from marl_comm.agents.packing import packed
from marl_comm.agents.sharing import OneShotPlayers, OverTimePlayers, Sharing
from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.config.run import RunConfig
from marl_comm.errors import InputError
from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.games.game import Evaluation
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.learners.learner import Trained
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import PartsOfNetworks, PartsOfTables, assemble
from marl_comm.storage.checkpoints import encode
from marl_comm.train import LoopState, Parts, Recorder

if TYPE_CHECKING:  # importing environments takes long, which tabular games need not wait for
    from marl_comm.agents.environment_world import EnvironmentPlayers
    from marl_comm.games.environments.player import EnvironmentGame

SHARED_PURPOSES = ("schedule", "networks", "minibatches", "rehearsal")
"""Of the random streams that all agents have: when there is a round, and how networks learn."""


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

    def assemble(self, config: RunConfig, streams: Streams) -> PartsOfTables | PartsOfNetworks:
        """Return the parts of a run, in which the agents play.

        Raises:
            InputError: The run is too large, or nothing that agents as processes play.
        """
        parts = assemble(config, streams)
        game, agreement = parts.game, Agreement(self._play, 0)
        play, rounds, tally = self._play, self._rounds, self.tally
        share: Sharing | EnvironmentPlayers
        if isinstance(game, NormalFormGame | MarkovFormGame):
            share = Sharing(play, rounds, Form.of(game), agreement, tally, config.num_seeds)
            game.players = (
                OneShotPlayers(share)
                if isinstance(game, NormalFormGame)
                else OverTimePlayers(share)
            )
        else:
            share = _environment(
                config, cast("EnvironmentGame", game), play, rounds, agreement, tally
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
class _WorldParts(Parts[Any, Any, Any, Any]):
    """The parts of a run, of which agents hold copies."""

    world: World
    config: RunConfig
    streams: Streams
    sharing: "Sharing | EnvironmentPlayers"

    def train(self, recorder: Recorder, state: LoopState, after_step: Any) -> None:
        """Train together with the agents, from wherever the run stands."""
        tally, before = self.world.tally, self._booked()
        self.sharing.agreement = Agreement(self.sharing.play, state.local_step)
        begun = state.local_step > 0
        self.world.start(
            {
                "form": self.sharing.told(),
                "loop": state.state(),
                "ledger": self.ledger.state(),
                "algorithm": self.algorithm.state(),
                "learner": self.learner.state() if begun else None,
                "streams": {
                    purpose: positions
                    for purpose, positions in self.streams.state().items()
                    if purpose in SHARED_PURPOSES
                },
            }
        )
        if isinstance(self.sharing, Sharing):
            assert self.samples_per_round is not None, "exact action values are refused before"
            self.sharing.expect(self.samples_per_round)
        clock = time.perf_counter()
        super().train(_Telling(self, recorder), state, after_step)
        self.sharing.agreement.conclude()
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

    def __init__(self, parts: _WorldParts, recorder: Recorder) -> None:
        self._parts, self._recorder = parts, recorder

    def record(
        self, seed_rows: IntArray, local_step: int, evaluation: Evaluation, learner: Trained
    ) -> BoolArray:
        """Record, note and tell."""
        parts = self._parts
        reached = self._recorder.record(seed_rows, local_step, evaluation, learner)
        parts.sharing.agreement.note(seed_rows, local_step, numbers_of(parts.learner.policy))
        if parts.config.metrics.stop_at_smallest_gap:
            parts.world.tell_goals(reached)
        return reached

    def stop(self, seed_rows: IntArray, reason: str, final: Mapping[str, AnyArray]) -> None:
        """Take note of final policies."""
        self._recorder.stop(seed_rows, reason, final)


def _environment(
    config: RunConfig,
    game: "EnvironmentGame",
    play: Channel,
    rounds: Channel,
    agreement: Agreement,
    tally: Tally,
) -> "EnvironmentPlayers":
    """Put the agents' processes in the place of whoever plays in an environment."""
    from marl_comm.agents.chunks import Stage
    from marl_comm.agents.environment_world import EnvironmentPlayers

    settings = config.game
    assert isinstance(settings, EnvironmentSettings)
    if game.spec.masked or game.spec.world_size > 0:
        raise InputError(
            f"game={settings.name}: agents as processes play environments without action masks and "
            "without a world's state; it is played by marl_comm.run"
        )
    agents = len(game.spec.agents)
    if agents != play.agents:
        raise InputError(
            f"game={settings.name} has {agents} agents and needs {agents + 1} processes, and there "
            f"are {play.agents + 1}; start it with torchrun --nproc-per-node={agents + 1} -m "
            "marl_comm.agents ..."
        )
    stage = Stage(game.spec, settings.copies, settings.steps)
    game.players = EnvironmentPlayers(play, rounds, stage, agreement, tally)
    return game.players
