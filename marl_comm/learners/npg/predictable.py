"""Where the policies of tables are, and where their coming local updates would take them."""

from collections.abc import Callable, Iterator

import numpy as np

from marl_comm.arrays import Array, IntArray
from marl_comm.experience import Experience
from marl_comm.experience.oracle import Oracle
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.rows import Fixed, Rows, take

_DRIFT_MEMORY = 0.5  # weight of the past in the running mean of policy changes


class PredictablePolicies:
    """The policies of the active seeds, and what predictors ask of them.

    A prediction changes nothing here.

    Attributes:
        log_policy: (rows, ..., agents, actions), the current policy of each active seed.
    """

    log_policy: Rows[Array]
    _experience: Rows[Experience | None]
    _drift: Rows[Array]
    _last: Rows[Array]
    _updates: Rows[IntArray]
    _since_round: Rows[IntArray]
    _seed_rows: Rows[IntArray]
    _rule: Fixed[UpdateRule]
    _oracle: Fixed[Oracle]

    def __init__(self, log_policy: Array, rule: UpdateRule, oracle: Oracle) -> None:
        """Start from `log_policy`, (rows, ..., agents, actions), as `oracle` has rows."""
        self.log_policy = log_policy
        self._experience = None
        self._drift = np.zeros_like(log_policy)
        self._last = np.zeros_like(log_policy)
        self._updates = np.zeros(len(log_policy), dtype=np.int64)
        self._since_round = np.zeros(len(log_policy), dtype=np.int64)
        self._seed_rows = np.arange(len(log_policy))
        self._rule = rule
        self._oracle = oracle

    def predict_line(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates along the recent direction.

        The k-th is proportional to pi exp(k d), d being the running mean of the last changes of
        log pi, which is the step size times the mean of the last gradients.

        Args:
            rows: The rows to predict.
            updates: How many policies to yield.
        """
        return self._straight(rows, updates, self._drift[rows])

    def predict_last(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … repetitions of the last local update."""
        return self._straight(rows, updates, self._last[rows])

    def predict_rehearsal(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates rehearsed on the last round's data."""
        assert self._experience is not None, "there is nothing to rehearse on"
        experience, since_round = take(self._experience, rows), self._since_round[rows]

        def gradient(log_policy: Array) -> Array:
            experience.reweigh(log_policy, since_round)
            return experience.action_values(log_policy)

        return self._path(rows, updates, gradient)

    def predict_on_model(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates on the model of rewards."""
        assert self._experience is not None, "there is nothing to model"
        return self._path(rows, updates, take(self._experience, rows).model_values)

    def predict_exact(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … exact local updates, which agents cannot know."""
        oracle, seed_rows = self._oracle, self._seed_rows[rows]
        return self._path(rows, updates, lambda policy: oracle.action_values(seed_rows, policy))

    def divergence(self, rows: IntArray, log_policy: Array, log_base: Array) -> Array:
        """Return the Renyi-2 divergence of two policies of the given rows, (rows,)."""
        assert self._experience is not None, "a round comes before the first prediction"
        return self._experience.divergences(rows, log_policy, log_base[:, None])[:, 0]

    def _straight(self, rows: IntArray, updates: int, change: Array) -> Iterator[Array]:
        log_policy, made = self.log_policy[rows], self._updates[rows]
        for update in range(1, updates + 1):
            yield self._rule.moved(log_policy, update * change, made)

    def _path(
        self, rows: IntArray, updates: int, gradient: Callable[[Array], Array]
    ) -> Iterator[Array]:
        log_policy, made = self.log_policy[rows], self._updates[rows]
        for _ in range(updates):
            log_policy = self._rule.updated(log_policy, gradient(log_policy), made)
            yield log_policy

    def _follow(self, gradient: Array) -> None:
        """Make one local update of every row, and remember where it went."""
        updated = self._rule.updated(self.log_policy, gradient, self._updates)
        change = updated - self.log_policy
        first = (self._updates == 0).reshape(-1, *(1,) * (change.ndim - 1))
        mixed = _DRIFT_MEMORY * self._drift + (1.0 - _DRIFT_MEMORY) * change
        self._drift = np.where(first, change, mixed)
        self._last = change
        self._updates += 1
        self._since_round += 1
        self.log_policy = updated
