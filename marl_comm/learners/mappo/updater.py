"""Local updates of all seeds: their minibatches, their learning rates, and how far they are."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo import prediction
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.importance import effective_sample_size
from marl_comm.learners.mappo.players import Behaviours
from marl_comm.learners.mappo.state import CriticThen, State
from marl_comm.learners.mappo.update import (
    Figures,
    LocalUpdate,
    Minibatches,
    PlayedShare,
    Rates,
    Weighed,
)
from marl_comm.randomness import Streams
from marl_comm.rows import Fixed, Rows, Shared, record


@record
class Updater:
    """Applies the update rule, for real and in rehearsal.

    Attributes:
        seed_rows: (rows,), which of the run's seeds the rows are.
        local_step: Local updates made for real.
    """

    seed_rows: Rows[IntArray]
    local_step: Shared[int]
    _rule: Fixed[LocalUpdate]
    _settings: Fixed[Hyperparameters]
    _total_updates: Fixed[int]
    _device: Fixed[torch.device]
    _shuffles: Fixed[list[np.random.Generator]]
    _rehearsal_shuffles: Fixed[list[np.random.Generator]]
    _seeds: Fixed[IntArray]

    def __init__(
        self,
        rule: LocalUpdate,
        settings: Hyperparameters,
        streams: Streams,
        total_updates: int,
    ) -> None:
        """Begin before the first local update.

        Args:
            rule: The update rule.
            settings: Step sizes, epochs, and so on.
            streams: Random streams of the seeds of the run.
            total_updates: Local updates of the run, over which learning rates may decay.
        """
        self._rule, self._settings, self._total_updates = rule, settings, total_updates
        self._device = torch.device(settings.device)
        self._shuffles = streams.of("minibatches")
        self._rehearsal_shuffles = streams.of("rehearsal")
        self._seeds = np.asarray(streams.seeds)
        self.seed_rows = np.arange(len(self._seeds))
        self.local_step = 0

    @property
    def seeds(self) -> list[int]:
        """The seed of each row."""
        seeds: list[int] = self._seeds[self.seed_rows].tolist()
        return seeds

    def weigh(
        self, parameters: Tensor, chunk: Chunk, mixture: Sequence[PlayedShare] = ()
    ) -> Weighed:
        """Return a chunk together with what policies, (rows, P), make of it."""
        return self._rule.weigh(parameters, chunk, mixture)

    def update(
        self, networks: State, weighed: Weighed, chunks: int = 1, then: CriticThen | None = None
    ) -> Figures:
        """Make one local update of every row.

        Args:
            networks: Changed in place.
            weighed: The data.
            chunks: Of how many chunks. A local update makes as many gradient steps on as many
                joint steps as if it were one.
            then: Whose advantages and targets are used; None for those of the present critic.

        Returns:
            Figures by name, (rows,).
        """
        shuffles = [self._shuffles[row] for row in self.seed_rows]
        passes = self._passes(shuffles, weighed.joint.shape[1], chunks)
        policies, critics = self._learning_rates()
        rates: Rates = policies, critics
        if self._settings.step_scaling == "effective_sample_size":
            worth = effective_sample_size(weighed.joint)
            rates = policies * worth.sqrt().unsqueeze(1), critics
        figures = self._rule.run(networks, weighed, passes, rates, then)
        self.local_step += 1
        return figures

    def rehearse(
        self,
        networks: State,
        data: Callable[[int], Chunk],
        rows: IntArray,
        positions: int,
    ) -> Tensor:
        """Return the policies that local updates on other data would lead to.

        Args:
            networks: A copy, which is changed.
            data: Returns those of each local update in turn, the first being 0.
            rows: (n,), the rows that `networks` and the data are of.
            positions: How many policies to return.

        Returns:
            (n, positions, P), after 0, 1, … local updates.
        """
        policies = [networks.actor.clone()]
        shuffles = [self._rehearsal_shuffles[row] for row in self.seed_rows[rows]]
        for position in range(positions - 1):
            weighed = self.weigh(networks.actor, data(position))
            passes = self._passes(shuffles, weighed.joint.shape[1], 1)
            self._rule.run(networks, weighed, passes, self._learning_rates(position))
            policies.append(networks.actor.clone())
        return torch.stack(policies, dim=1)

    def players(self, bases: NetworkBases) -> Behaviours:
        """Return policies as players, to practise with."""
        return self._rule.players(bases)

    def momentum(self, networks: State) -> Tensor:
        """Return what momentum predicts each coming local update to add, (rows, P)."""
        return prediction.momentum(
            networks.actor_optimiser,
            self._learning_rates()[0],
            self._settings.epochs * self._settings.minibatches,
        )

    def _learning_rates(self, ahead: int = 0) -> tuple[float, float]:
        settings = self._settings
        left = 1.0
        if settings.learning_rate_decay:
            left = max(0.0, 1 - (self.local_step + ahead) / self._total_updates)
        return settings.learning_rate * left, settings.critic_learning_rate * left

    def _passes(
        self, shuffles: Sequence[np.random.Generator], samples: int, chunks: int
    ) -> Sequence[Minibatches]:
        """Return the minibatches of each pass: all joint steps in turn, in random order.

        The last pass may end before all had their turn. None stands for all of a single chunk.
        """
        settings = self._settings
        if settings.minibatches == 1 and chunks == 1:
            return [[None]] * settings.epochs
        passes = -(-settings.epochs // chunks)
        in_order = np.broadcast_to(np.arange(samples), (passes, samples))
        drawn = np.stack([shuffle.permuted(in_order, axis=1) for shuffle in shuffles], axis=1)
        orders = torch.from_numpy(drawn).to(self._device)
        size = -(-(samples // chunks) // settings.minibatches)
        left = settings.epochs * settings.minibatches
        steps = -(-samples // size)
        return [
            order.split(size, dim=1)[: left - number * steps] for number, order in enumerate(orders)
        ]
