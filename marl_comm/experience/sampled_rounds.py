"""The samples of each row's latest rounds: who played them, and how much each still counts."""

import copy
from abc import ABC, abstractmethod
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience import estimators
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.experience import Staleness, Traffic
from marl_comm.experience.joint_actions import JointActions
from marl_comm.experience.mixture import Mixture, widened
from marl_comm.experience.oracle import nearest_base
from marl_comm.experience.quotient import Quotient
from marl_comm.rows import Chosen, Derived, Fixed, Rows, put_each, take


class Buffer(Protocol):
    """What agents have shared, the newest round first."""

    @property
    def traffic(self) -> Traffic:
        """What it costs to write and read all of it, per row."""

    @property
    def places(self) -> int:
        """How many samples, or in Markov games episodes, a row has room for."""

    def newest(self, places: int, /) -> Self:
        """Return the first so many places of each row."""

    def before(self, earlier: Self) -> Self:
        """Return these samples followed by earlier ones."""

    def widened(self, places: int, /) -> Self:
        """Return the same samples with zeros behind them, `places` in all."""


BufferT = TypeVar("BufferT", bound=Buffer)


class SampledRounds(ABC, Generic[BufferT]):
    """What data of one-shot and of Markov games share; a record's base.

    Weights are (rows, ..., places); a place is a sample, or in Markov games an episode.
    """

    _buffer: Rows[BufferT]
    _behaviours: Rows[BasePolicies]
    _mixture: Rows[Mixture]
    _block: Fixed[int]
    _estimation: Fixed[Estimation]
    _measures: Fixed[bool]
    _joint_actions: Derived[JointActions]
    _rewards: Derived[Array]
    _log_density: Derived[Array]
    _weights: Derived[Array]
    _predicted: Derived[Array | None]
    _counted: Derived[BoolArray]  # which places count: those of all samples, or of one base
    _count: Derived[IntArray]

    def __init__(
        self,
        buffer: BufferT,
        behaviours: BasePolicies,
        mixture: Mixture | None = None,
        *,
        measures: bool = True,
    ) -> None:
        """Take over a round's data.

        Args:
            buffer: The data, ordered by behaviour policy.
            behaviours: The policies that played the latest round, exploration included,
                (rows, bases, ..., agents, actions).
            mixture: Who played all data, where they are of several rounds.
            measures: Whether `weigh` tells more of staleness than the effective sample size.
        """
        self._measures = measures
        self._buffer = buffer
        self._behaviours = behaviours
        self._mixture = mixture or Mixture.of_round(behaviours, buffer.places)
        self._block = buffer.places // self._rounds

    @property
    def behaviours(self) -> BasePolicies:
        """The behaviour policies of the latest round."""
        return self._behaviours

    @property
    def traffic(self) -> Traffic:
        """What the latest round cost, per row."""
        return self._buffer.newest(self._block).traffic

    def remember(self, earlier: Self, rows: IntArray, rounds: int | None) -> None:
        """Keep the data of earlier rounds behind these, newest first."""
        kept = earlier._rounds + 1 if rounds is None else min(rounds, earlier._rounds + 1)
        self._buffer = self._buffer.before(take(earlier._buffer, rows)).newest(kept * self._block)
        self._mixture = self._mixture.before(
            take(earlier._mixture, rows), kept * self._behaviours.size
        )

    def reweigh(self, log_policy: Array, update: IntArray | None = None) -> IntArray | None:
        """Compute and remember the importance weights of `log_policy`, (rows, ..., agents, A).

        Returns:
            (rows,), the base whose data count, where it is one.
        """
        own = None
        if self._estimation.own_base:
            own = self._behaviours.of_update(update)
            self._count_only(own)
        log_target = self._log_probability(log_policy)
        self._weights = estimators.importance_weights(log_target, self._log_density)
        if own is not None:
            self._weights *= self._marks
        return own

    def weigh(self, log_policy: Array, update: IntArray | None = None) -> Staleness:
        """Compute the importance weights of `log_policy`, and how stale they show the data to be.

        See `reweigh`.
        """
        own = self.reweigh(log_policy, update)
        staleness = (
            nearest_base(log_policy, self._behaviours, self.divergences, own)
            if self._measures
            else Staleness.unknown(len(log_policy))
        )
        weights, each = self._judged_weights()
        block, count = each * self._block, each * self._count
        staleness.ess = estimators.effective_sample_size(weights, block)
        if own is not None:
            staleness.ess *= block / count
        if self._measures:
            staleness.mean_weight = estimators.total(weights, block) / count
        return staleness

    def action_values(self, log_policy: Array) -> Array:
        """Estimate the action values, (rows, ..., agents, actions), from the weighted samples."""
        return self._estimates(log_policy).values()

    @abstractmethod
    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the divergences of policies from bases, (rows, bases). See `Experience`."""

    @abstractmethod
    def _log_probability(self, log_policy: Array) -> Array:
        """Return that of each sample under a policy, of the shape of the weights."""

    @abstractmethod
    def _judged_weights(self) -> tuple[Array, int]:
        """Return the weights that tell how stale the data are, and how many a place has.

        Those of a round, `_block` places, lie together: (rows, rounds * places * how many).
        """

    @abstractmethod
    def _estimates(self, log_policy: Array) -> Quotient:
        """Return the estimates of the action values. Must follow the weighing of the policy."""

    def _count_only(self, base: IntArray) -> None:
        """Let only the samples of one base count, (rows,)."""
        self._counted, self._count = self._mixture.of_base(base, self._buffer.places)

    @property
    def _marks(self) -> BoolArray:
        """Which samples count, to be multiplied with weights."""
        rows, places = self._counted.shape
        return self._counted.reshape(rows, *(1,) * (self._log_density.ndim - 2), places)

    def _used_weights(self) -> Array:
        if self._estimation.weighted:
            return self._weights
        return np.asarray(self._marks * np.ones_like(self._weights))

    def put_rows(self, rows: Chosen, other: Self) -> None:
        """Overwrite the given rows by those of `other`, which may keep fewer rounds, or more."""
        rounds, other = max(self._rounds, other._rounds), copy.copy(other)
        for each in (self, other):
            if rounds > each._rounds:
                each._make_room(rounds)
        put_each(self, rows, other)

    @property
    def _rounds(self) -> int:
        """How many rounds there is room for."""
        return self._mixture.size // self._behaviours.size

    def _make_room(self, rounds: int) -> None:
        """Make room for the data of more rounds; samples that rows lack have no weight."""
        places = rounds * self._block
        self._buffer = self._buffer.widened(places)
        self._mixture = self._mixture.widened(rounds * self._behaviours.size)
        self._rewards = widened(self._rewards, places, axis=-1)
        self._log_density = widened(self._log_density, places, axis=-1, fill=np.inf)
        self._weights = widened(self._weights, places, axis=-1)
        self._counted = widened(self._counted, places, axis=-1)
        if self._predicted is not None:
            self._predicted = widened(self._predicted, places, axis=-1)
