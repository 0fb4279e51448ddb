"""Base-policy prediction: collect for the whole predicted path in one round."""

from typing import Literal

import numpy as np

from marl_comm.algorithms.algorithm import Stateless
from marl_comm.algorithms.base_policy_prediction.predictor import Predictor
from marl_comm.arrays import Array, BoolArray, IntArray
from marl_comm.experience.base_policies import BasePolicies
from marl_comm.learners.learner import TabularLearner

SpacingUnit = Literal["divergence", "local_updates"]
Horizon = Literal["adaptive", "fixed"]
Weights = Literal["mixture", "own_base"]


class BasePolicyPrediction(Stateless[TabularLearner, BasePolicies]):
    """Old gradients predict the coming policies; a round's samples are split over them.

    Idea: Xiong & Singh 2026, arXiv 2601.12518. The predicted path is followed local update by
    local update, and a base policy is placed wherever the path has moved on by `spacing` from the
    last base, so that a policy on the path always has a base nearby. With an adaptive horizon the
    number of bases follows what past rounds used: it doubles when the policy came as far as the
    last base, and otherwise reaches one beyond the furthest base used.
    """

    def __init__(
        self,
        *,
        spacing: float,
        spacing_unit: SpacingUnit,
        max_bases: int,
        horizon: Horizon,
        predictor: Predictor,
        weights: Weights,
        longest_round: int,
    ) -> None:
        """Configure the prediction.

        Args:
            spacing: Distance of neighbouring bases on the predicted path, in `spacing_unit`.
            spacing_unit: Renyi-2 divergence in nats, or local updates.
            max_bases: Most base policies of a round, the current policy included.
            horizon: Whether the number of bases adapts or always is `max_bases`.
            predictor: How the coming policies are predicted.
            weights: Whether samples are weighed against the mixture of all bases, or each local
                update has those of its own base alone.
            longest_round: No prediction reaches further than this many local updates, or with own
                bases than the last of them, for which no base would come too late.
        """
        self._spacing = spacing
        self._spacing_unit = spacing_unit
        self._max_bases = max_bases
        self._horizon = horizon
        self._predictor = predictor
        self._own_base = weights == "own_base"
        self._reach = longest_round - self._own_base

    @property
    def reweighs(self) -> bool:
        """Yes, for the base that is nearest as for all others."""
        return True

    @property
    def own_base(self) -> bool:
        """As the setting `weights` says."""
        return self._own_base

    def plan(self, learner: TabularLearner, rows: IntArray) -> BasePolicies:
        """Return the current policy and the predicted ones; in the first round only the former."""
        bases = BasePolicies.current(learner.log_policy[rows], self._max_bases)
        if learner.behaviours is None:
            return bases
        learner.weigh()  # the round's last policy counts as well as those before it
        wanted = self._bases_wanted(learner.behaviours.count[rows], learner.furthest[rows])
        path = self._predictor.predict(learner, rows, self._reach)
        last_placed = np.zeros(len(rows), dtype=np.int64)
        for update, predicted in enumerate(path, start=1):
            growing = bases.count < wanted
            if not growing.any():
                break
            if self._spacing_unit == "divergence":
                last_base = bases.log_policies[:, -1]
                apart = learner.divergence(rows, predicted, last_base) >= self._spacing
            else:
                apart = update - last_placed >= self._spacing
            _place(bases, predicted, growing & apart)
            last_placed[growing & apart] = update
        return bases

    def _bases_wanted(self, count: IntArray, furthest: IntArray) -> IntArray:
        """Return how many bases the next round may have, from the last round's use of its own."""
        if self._horizon == "fixed":
            return np.full_like(count, self._max_bases)
        reached_last = furthest == count - 1
        wanted = np.where(reached_last, 2 * count, furthest + 2)
        return np.asarray(np.minimum(wanted, self._max_bases))


def _place(bases: BasePolicies, predicted: Array, where: BoolArray) -> None:
    """Append the predicted policy to the rows `where` says, keeping the padding after it."""
    for row in np.flatnonzero(where):
        bases.log_policies[row, bases.count[row] :] = predicted[row]
        bases.count[row] += 1
