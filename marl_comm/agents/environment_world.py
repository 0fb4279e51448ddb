"""Play and communication rounds of an environment, from the world's side."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from marl_comm.agents.agreement import Agreement
from marl_comm.agents.channel import Channel
from marl_comm.agents.chunks import (
    Stage,
    acting,
    boundaries,
    bytes_written,
    playing_of,
    put_actions,
    rollouts_of,
    split,
)
from marl_comm.agents.measured import Tally
from marl_comm.agents.packing import packed, size_of, unpacked
from marl_comm.agents.sharing import Rounds
from marl_comm.experience.rollouts import Rollouts, action_tensor_type
from marl_comm.games.environments.environments import Situation
from marl_comm.games.environments.players import Acting, Behaviours


class EnvironmentPlayers(Rounds):
    """The agents of an environment, in their processes."""

    def __init__(
        self, play: Channel, rounds: Channel, stage: Stage, agreement: Agreement, tally: Tally
    ) -> None:
        """Begin; all as in `Rounds`, but for the sizes of the environment."""
        super().__init__(play, rounds, agreement, tally)
        self._stage = stage

    def told(self) -> dict[str, Any]:
        """Return what agents are told of the environment at the start."""
        return self._stage.plain()

    def chunk(
        self, behaviours: Behaviours, playing: Tensor, position: int, noise: Tensor
    ) -> Acting:
        """Deal the noise, and return what asks all agents what they do where they are."""
        stage, spec = self._stage, self._stage.spec
        agents = range(len(spec.agents))
        self.play.scatter([packed([noise[:, :, agent].numpy()]) for agent in agents])

        def act(step: int, situation: Situation) -> tuple[Tensor, Tensor]:
            self.play.scatter(
                [
                    packed(
                        [
                            situation.observations[:, agent, :, :size].numpy(),
                            situation.alive[:, agent].numpy(),
                        ]
                    )
                    for agent, size in enumerate(spec.observation_sizes)
                ]
            )
            shapes = [stage.acted(agent, len(playing)) for agent in agents]
            sizes = [size_of(each) for each in shapes]
            answers = (
                self.hear_reports(sizes)
                if (position, step) == (0, 0)
                else self.play.gather_each(sizes)
            )
            actions = torch.zeros(
                (*situation.alive.shape, *spec.action_shape), dtype=action_tensor_type(spec)
            )
            for agent, (data, shape) in enumerate(zip(answers, shapes, strict=True)):
                own = torch.from_numpy(unpacked(data, shape)[0])
                put_actions(spec, agent, actions[:, agent], own)
            # Everybody can compute log-probabilities: they come with the round.
            return acting(spec, actions), torch.zeros(situation.alive.shape)

        return act

    def share(self, behaviours: Behaviours, rollouts: Rollouts) -> Rollouts:
        """Tell each agent its own rewards, then hold the round; return what was written."""
        stage, agents = self._stage, range(len(self._stage.spec.agents))
        told: list[list[Any]] = [[self.verdict] for _ in agents]
        later: list[list[Any]] = [[] for _ in agents]
        chunks = []
        for position, playing in enumerate(playing_of(behaviours.count)):
            chunk = rollouts.chunk(torch.full_like(behaviours.count, position))
            ended, terminated = chunk.ended[playing], chunk.terminated[playing]
            row, stretch, copy, _ = boundaries(ended)
            chunks.append((len(playing), len(row)))
            for agent, size in enumerate(stage.spec.observation_sizes):
                rewards = chunk.rewards[playing, agent]
                told[agent] += [rewards.numpy(), ended.numpy(), terminated.numpy()]
                final = chunk.final_observations[playing, agent]
                later[agent].append(final[row, stretch, copy, :size].numpy())
        self.play.scatter([packed(each) for each in told])
        self.agreement.settle()
        self.play.scatter([packed(each) for each in later])
        sizes = [bytes_written(stage, agent, chunks) for agent in agents]
        written = self.rounds.gather_each(sizes)
        self.rounds.scatter(
            [np.concatenate([*written[:agent], *written[agent + 1 :]]) for agent in agents]
        )
        self.count(written_here=0)
        parts = [split(stage, agent, written[agent], chunks) for agent in agents]
        return rollouts_of(stage, behaviours, list(zip(*parts, strict=True)))
