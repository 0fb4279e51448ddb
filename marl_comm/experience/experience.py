"""The interface between the data of a communication round and the learner."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.experience.estimation import Estimation
from marl_comm.experience.quotient import Signal
from marl_comm.rows import Rows, record


@dataclass(frozen=True)
class Traffic:
    """What one communication round moves for a seed, summed over the agents.

    Each is one number for all rows, or (rows,) where they differ.

    Attributes:
        samples: Joint actions played (in Markov games: environment steps).
        bytes_up: Bytes written to the shared buffer.
        bytes_down: Bytes read from it: each agent reads all that it did not write itself.
    """

    samples: int | IntArray
    bytes_up: int | IntArray
    bytes_down: int | IntArray

    @classmethod
    def of_buffer(cls, samples: int, agents: int, *, common_bytes: int, own_bytes: int) -> Self:
        """Return the cost of writing and reading a buffer. An agent alone has written it all.

        Args:
            samples: Joint actions played.
            agents: How many agents share it.
            common_bytes: Written once, for everybody to read.
            own_bytes: Written by the agents, each its part, which it alone need not read.
        """
        written = common_bytes + own_bytes
        read = agents * written - own_bytes if agents > 1 else 0
        return cls(samples, written, read)


@record
@dataclass
class Staleness:
    """How far the current policy is from the policies that the data came from.

    Attributes:
        ess: (rows,), effective sample size as a share of the samples of one round, or of one base
            where each local update has its own; at most 1, or where earlier rounds are kept, the
            number of rounds.
        divergence: (rows,), Renyi-2 divergence to the nearest base policy, in nats.
        nearest: (rows,), index of that base policy; 0 is the policy at the round's start.
        mean_weight: (rows,), mean importance weight of the samples, whose expectation is 1; far
            below it the data no longer cover the policy, whatever the effective sample size is.
    """

    ess: Rows[Array]
    divergence: Rows[Array]
    nearest: Rows[IntArray]
    mean_weight: Rows[Array]

    @classmethod
    def unknown(cls, rows: int) -> Self:
        """Return figures that nobody has measured."""
        nothing = np.full((3, rows), np.nan)
        return cls(nothing[0], nothing[1], np.zeros(rows, dtype=np.int64), nothing[2])


class Experience(Protocol):
    """The data of each row's latest rounds, a record: rows are replaced as seeds communicate."""

    @property
    def behaviours(self) -> BasePolicies:
        """The behaviour policies of the latest round."""

    @property
    def traffic(self) -> Traffic:
        """The cost, per row, of the latest round."""

    def remember(self, earlier: Self, rows: IntArray, rounds: int | None) -> None:
        """Keep the data of earlier rounds beside these.

        Args:
            earlier: All that was known before this round.
            rows: Which rows of it go with the rows of these.
            rounds: Most rounds that are kept, this one included; None keeps all.
        """

    def prepare(self, estimation: Estimation) -> None:
        """Get ready for estimates of one kind; comes before all that follows."""

    def reweigh(self, log_policy: Array, update: IntArray | None = None) -> IntArray | None:
        """Weigh the data for the current policy, and remember the weights.

        Args:
            log_policy: (rows, ..., agents, actions).
            update: Which local update of its round each row is at, (rows,), from 0; None for the
                first. It matters only where each has a base of its own.

        Returns:
            (rows,), the base whose data count, where it is one.
        """

    def weigh(self, log_policy: Array, update: IntArray | None = None) -> Staleness:
        """Do the same, and tell how stale the weights show the data to be."""

    def action_values(self, log_policy: Array) -> Array:
        """Return each agent's expected reward per action against the others' current policies.

        Must follow the weighing of the same policy.
        """

    def signal(self, log_policy: Array) -> Signal:
        """Return the same, with what there is to gain and how much of that may be noise."""

    def model_values(self, log_policy: Array) -> Array:
        """Return what the model of rewards says about a policy, like `action_values`.

        Raises:
            TypeError: There is no model.
        """

    def value(self, log_policy: Array) -> Array:
        """Return the estimated team reward, (rows,). Must follow the weighing of the same policy.

        For comparisons: in Markov games that of a single step, and with exact action values
        the potential.
        """

    def divergences(self, rows: IntArray, log_policy: Array, log_bases: Array) -> Array:
        """Return the Renyi-2 divergence of policies from other policies, as far as agents know it.

        Args:
            rows: (R,), rows of these data that the policies belong to.
            log_policy: (R, ..., agents, actions).
            log_bases: (R, B, ..., agents, actions).

        Returns:
            (R, B), in nats, of whole samples (joint actions, or trajectories in Markov games).
        """
