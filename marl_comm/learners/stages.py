"""Backward induction: the steps of an episode learn one after another, the last one first."""

import numpy as np

from marl_comm.arrays import BoolArray, IntArray


class Stages:
    """Which step of an episode learns at which local update.

    Each step has an equal share of the local updates, the first step also those that are left
    over. While a step learns, all later ones are as they were left, and so are what it is worth to
    reach their states; all earlier ones still play uniformly, which brings about every state that
    can be brought about.

    In the manner of V-learning (Jin, Liu, Wang & Yu 2021, arXiv 2110.14555), with a one-shot game
    at each state of a step, as reviews tell of Xiong & Singh 2026 (arXiv 2601.12518).
    """

    def __init__(self, steps: int, local_updates: int) -> None:
        """Share out the local updates.

        Args:
            steps: Of an episode, L, at least 2.
            local_updates: Of the whole run, at least as many.
        """
        self._steps = steps
        self._updates_per_step = local_updates // steps

    def at(self, updates: IntArray) -> IntArray:
        """Return which step learns after so many local updates, (rows,), counted from 0."""
        done = updates // self._updates_per_step
        return np.asarray(np.maximum(self._steps - 1 - done, 0))

    def learning(self, updates: IntArray) -> BoolArray:
        """Return the same as (rows, L), True at the step that learns."""
        return np.asarray(np.arange(self._steps) == self.at(updates)[:, None])
