"""Where the samples of Markov games were taken, and sums over what was taken in one place."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience.trajectory_buffer import TrajectoryBuffer
from marl_comm.rows import Fixed, Rows, record


@record
@dataclass
class Contexts:
    """Where each sample was taken.

    Attributes:
        now: (rows, T, E), the context of each step, in 0, ..., count - 1.
        next: (rows, T, E), the context of the step after; -1 where the game is over by then.
        count: C.
        ordered: Whether each step has contexts of its own, as with a finite horizon.
    """

    now: Rows[IntArray]
    next: Rows[IntArray]
    count: Fixed[int]
    ordered: Fixed[bool]

    @classmethod
    def of(cls, buffer: TrajectoryBuffer, states: int) -> Self:
        """Return the contexts: the state, and where episodes have a last step, the step as well."""
        steps = buffer.joint_actions.shape[1]
        state = buffer.states.astype(np.int64)
        if state.shape[1] > steps:
            # Of games without an end: the state after the last action only appears as a next one.
            return cls(state[:, :-1], state[:, 1:], states, ordered=False)
        now = state + (np.arange(steps) * states)[:, None]
        following = np.concatenate([now[:, 1:], np.full_like(now[:, :1], -1)], axis=1)
        return cls(now, following, steps * states, ordered=True)

    def total(self, values: Array) -> Array:
        """Return the sums of `values` (rows, k, T, E) over the samples of each context.

        Returns:
            (rows, k, C).
        """
        return totals(self.now, values, self.count)

    def visits(self, base_of_episode: IntArray, bases: int) -> Array:
        """Return how often the episodes of each base decided in each context, (rows, bases, C).

        Args:
            base_of_episode: (rows, E); `bases` for what is no episode.
            bases: How many there are.
        """
        place = base_of_episode[:, None] * self.count + self.now
        ones = np.ones((len(place), 1, *place.shape[1:]))
        counts = totals(place, ones, (bases + 1) * self.count)
        return counts.reshape(-1, bases + 1, self.count)[:, :-1]

    def gains(self, values: Array, discount: float) -> Array:
        """Return discount * value of the next context - value of this one, (rows, k, T, E).

        Args:
            values: (rows, k, C).
            discount: Factor per step.
        """
        return discount * at_contexts(values, self.next) * (self.next >= 0)[:, None] - at_contexts(
            values, self.now
        )


def totals(place: IntArray, values: Array, count: int) -> Array:
    """Return the sums of values (rows, k, ...) over equal places (rows, ...), (rows, k, count)."""
    rows, kinds = values.shape[:2]
    row = np.arange(rows).reshape(-1, *(1,) * (place.ndim - 1))
    place = (place + row * count).ravel()
    totals = np.empty((rows, kinds, count))
    for kind in range(kinds):
        sums = np.bincount(place, values[:, kind].ravel(), minlength=rows * count)
        totals[:, kind] = sums.reshape(rows, count)
    return totals


def at_contexts(values: Array, context: IntArray) -> Array:
    """Return what values (rows, k, C) are in the context of each sample, (rows, k, T, E)."""
    rows, kinds, _ = values.shape
    taken = np.take_along_axis(values, context.reshape(rows, 1, -1), axis=2)
    return taken.reshape(rows, kinds, *context.shape[1:])
