"""What one agent sees of an environment: its own observations, until a round brings the others'."""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.agents.agreement import VERDICT_BYTES, Agreement
from marl_comm.agents.channel import Channel
from marl_comm.agents.chunks import (
    Stage,
    actions_of,
    boundaries,
    bytes_written,
    playing_of,
    rollouts_of,
    split,
)
from marl_comm.agents.packing import Bytes, Shape, packed, size_of, unpacked
from marl_comm.agents.unknowing import Unknowing
from marl_comm.arrays import AnyArray, IntArray
from marl_comm.experience.network_bases import Round
from marl_comm.experience.rollouts import Chunk, Rollouts
from marl_comm.games.environments.players import Behaviours
from marl_comm.games.environments.spec import Spec
from marl_comm.randomness import Streams
from marl_comm.rows import loaded


class AgentEnvironment(Unknowing):
    """One agent's side of an environment.

    Attributes:
        streams: The random streams that all agents share.
        round_seconds: How long the latest round took, from the end of play; 0 before the first.
    """

    def __init__(
        self,
        streams: Streams,
        agent: int,
        stage: Stage,
        play: Channel,
        rounds: Channel,
        agreement: Agreement,
    ) -> None:
        """Begin.

        Args:
            streams: See above.
            agent: Which agent this is, counted from 0.
            stage: The environment's sizes.
            play: The channel to the world.
            rounds: The channel of communication rounds.
            agreement: Compares policies in each round.
        """
        torch.set_num_threads(1)
        self.streams, self.round_seconds = streams, 0.0
        self._agent, self._stage = agent, stage
        self._play, self._rounds, self._agreement = play, rounds, agreement

    @property
    def spec(self) -> Spec:
        """Who acts, on what, with which choices."""
        return self._stage.spec

    def collect(self, seed_rows: IntArray, behaviours: Behaviours, samples: int | None) -> Round:
        """Play its part, then share it: only then what others saw, did and earned is known."""
        own = [
            self._play_chunk(behaviours, playing, position)
            for position, playing in enumerate(playing_of(behaviours.count))
        ]
        written = self._exchange([len(each) for each in playing_of(behaviours.count)], own)
        rollouts = rollouts_of(self._stage, behaviours, written)
        return Round(behaviours.bases, rollouts, behaviours.observations_travel)

    def _play_chunk(
        self, behaviours: Behaviours, playing: Tensor, position: int
    ) -> list[list[AnyArray]]:
        """Act in each step; return what was observed, whether it acted, and its actions."""
        stage, agent, agents = self._stage, self._agent, len(self.spec.agents)
        further = behaviours.noise(np.random.default_rng(0), (1, 1, 1)).shape[3:]
        drawn = Shape((len(playing), stage.steps, stage.copies, *further), np.dtype(np.float32))
        (own_noise,) = unpacked(self._play.read(drawn.bytes), [drawn])
        # What a network makes of a row may depend on how many rows there are: as many as together.
        noise = torch.zeros((len(playing), stage.steps, agents, stage.copies, *further))
        noise[:, :, agent] = torch.from_numpy(own_noise)
        shape = (len(playing), agents, stage.copies)
        legal = torch.zeros((*shape, 0), dtype=torch.bool)
        seen, columns = stage.seen(agent, len(playing)), []
        for step in range(stage.steps):
            observed, alive = unpacked(self._play.read(size_of(seen)), seen)
            observations = torch.zeros((*shape, self.spec.largest_observation))
            observations[:, agent, :, : observed.shape[-1]] = torch.from_numpy(observed)
            actions, _ = behaviours.act(playing, position, observations, legal, noise[:, step])
            acted = actions_of(stage, agent, actions[:, agent])
            first = (position, step) == (0, 0)
            report = [self._agreement.report(self.round_seconds)] if first else []
            self._play.write(packed([*report, acted]))
            columns.append([observed, alive, *unpacked(acted, stage.acted(agent, len(playing)))])
        return [list(column) for column in zip(*columns, strict=True)]

    def _exchange(
        self, playing: list[int], own: list[list[list[AnyArray]]]
    ) -> list[list[list[AnyArray]]]:
        """Hear its own rewards, write its part, and read that of the others.

        Returns:
            Of each chunk what each agent has written.
        """
        stage, agent, agents = self._stage, self._agent, range(len(self.spec.agents))
        told = [shape for rows in playing for shape in (*stage.rewards(rows), *stage.ends(rows))]
        heard = self._play.read(VERDICT_BYTES + size_of(told))
        self._agreement.heed(heard[:VERDICT_BYTES])
        outcomes = unpacked(heard[VERDICT_BYTES:], told)
        stretches = [len(boundaries(torch.from_numpy(each))[0]) for each in outcomes[1::3]]
        final = [shape for number in stretches for shape in stage.led_to(agent, number)]
        chunks = list(zip(playing, stretches, strict=True))
        sizes = [bytes_written(stage, each, chunks) for each in agents]
        # Asked for before the round: see `AgentGame`.
        arriving = self._rounds.expect(sum(sizes) - sizes[agent])
        led_to = unpacked(self._play.read(size_of(final)), final)
        mine = []
        for position, columns in enumerate(own):
            rewards, ended, terminated = outcomes[3 * position : 3 * position + 3]
            in_steps = [np.stack(column, axis=1) for column in columns]
            ends = [ended, terminated] if agent == 0 else []
            mine.append([*in_steps, rewards, led_to[position], *ends])
        clock = time.perf_counter()
        self._rounds.write(packed([array for part in mine for array in part]))
        data = arriving()
        self.round_seconds = time.perf_counter() - clock
        return self._together(mine, data, sizes, chunks)

    def _together(
        self,
        mine: list[list[AnyArray]],
        data: Bytes,
        sizes: list[int],
        chunks: list[tuple[int, int]],
    ) -> list[list[list[AnyArray]]]:
        parts, start = [], 0
        for agent, size in enumerate(sizes):
            if agent == self._agent:
                parts.append(mine)
                continue
            parts.append(split(self._stage, agent, data[start : start + size], chunks))
            start += size
        return [list(of_chunk) for of_chunk in zip(*parts, strict=True)]

    def restore_experience(self, state: dict[str, Any]) -> Rollouts:
        """Return the chunks that a checkpoint holds: what this agent once knew."""
        return Rollouts(
            self.spec,
            loaded(Chunk, state["chunks"], torch.device("cpu")),
            torch.from_numpy(state["count"]),
        )
