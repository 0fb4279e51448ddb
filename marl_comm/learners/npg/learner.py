"""Tabular softmax natural policy gradient, every seed at once."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies, Estimation, Experience, Staleness
from marl_comm.experience.oracle import Oracle
from marl_comm.experience.quotient import Signal
from marl_comm.learners.npg.predictable import PredictablePolicies
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.rows import (
    Derived,
    Fixed,
    Rows,
    Shared,
    keep,
    load,
    loaded,
    put,
    record,
    saved,
    take,
)


@record
class NaturalPolicyGradient(PredictablePolicies):
    """Independent softmax natural policy gradient: pi_i(a) <- pi_i(a) exp(step * g_i(a)) / Z_i.

    All agents hold the same shared data and run the same deterministic update, so each can follow
    every agent's policy between rounds; that is why importance weights of joint actions can be
    computed without further messages (Xiong & Singh 2026, arXiv 2601.12518).

    Attributes:
        staleness: How far it is from the policies its data came from; None before the first round.
        furthest: (rows,), the furthest base policy that was ever nearest during the round.
    """

    staleness: Rows[Staleness | None]
    furthest: Rows[IntArray]
    _start: Rows[Array]
    _start_value: Rows[Array]
    _signal: Derived[Signal | None]
    _weighed: Shared[bool]
    _exploration: Fixed[float]
    _estimation: Fixed[Estimation]

    def __init__(
        self,
        log_policy: Array,
        *,
        rule: UpdateRule,
        exploration: float,
        estimation: Estimation,
        oracle: Oracle,
    ) -> None:
        """Start from `log_policy`.

        Args:
            log_policy: (rows, ..., agents, actions), log-probabilities.
            rule: How one local update moves a policy.
            exploration: Share of uniform play mixed into each agent's behaviour policy.
            estimation: How action values are estimated from samples.
            oracle: The game, whose rows are those of `log_policy`; asked by the predictor of that
                name alone.
        """
        super().__init__(log_policy, rule, oracle)
        self.staleness = None
        self.furthest = np.zeros(len(log_policy), dtype=np.int64)
        self._start = log_policy  # where the latest rounds began
        self._start_value = np.full(len(log_policy), np.nan)  # until somebody asks
        self._signal = None  # of the coming update, where somebody has asked
        self._weighed = False  # whether the weights are those of the current policy
        self._exploration = exploration
        self._estimation = estimation

    @property
    def rows(self) -> int:
        """Number of active seeds."""
        return len(self.log_policy)

    @property
    def policy(self) -> Array:
        """The current policies, (rows, ..., agents, actions), log-probabilities."""
        return self.log_policy

    def final_arrays(self, rows: IntArray) -> dict[str, AnyArray]:
        """Return the probabilities of some rows' policies."""
        return {"policy": np.exp(take(self.log_policy, rows))}

    def begin_from(self, arrays: Mapping[str, AnyArray]) -> None:
        """Begin at the probabilities of another run, no probability below the floor.

        Raises:
            LookupError: They are missing.
            ValueError: They do not fit.
        """
        policy, wanted = arrays["policy"], self.log_policy.shape
        if policy.shape != wanted or policy.dtype != np.float64:
            raise ValueError(f"policies are {policy.shape}, and must be {wanted}")
        if not (policy >= 0).all() or not np.allclose(policy.sum(axis=-1), 1, rtol=0, atol=1e-9):
            raise ValueError("policies must be probabilities")
        self.log_policy = self._rule.log_of(policy)
        self._start = self.log_policy

    @property
    def behaviours(self) -> BasePolicies | None:
        """The behaviour policies of the current data; None before the first round."""
        return None if self._experience is None else self._experience.behaviours

    def behaviours_for(self, bases: BasePolicies) -> BasePolicies:
        """Return what agents play to collect data: the base policies, with exploration."""
        return bases.mixed_with_uniform(self._exploration)

    def receive(self, rows: IntArray, experience: Experience) -> None:
        """Take over a round's data for the given rows, in place of the oldest they had."""
        rounds = self._estimation.rounds
        if self._experience is not None and rounds != 1:
            experience.remember(self._experience, rows, rounds)
        experience.prepare(self._estimation)
        staleness = experience.weigh(self.log_policy[rows])
        self._start = self._start.copy()
        self._start[rows] = self.log_policy[rows]
        self._start_value[rows] = np.nan
        self._since_round[rows] = 0
        self._signal = None
        if self._experience is None or self.staleness is None or len(rows) == len(self.log_policy):
            self._experience, self.staleness = experience, staleness
            self._weighed = True
        else:
            put(self._experience, rows, experience)
            put(self.staleness, rows, staleness)
        self.furthest[rows] = staleness.nearest

    def update(self) -> None:
        """Make one local update of every row from the data it has."""
        self.weigh()
        assert self._experience is not None, "a round comes before the first update"
        if self._signal is None:
            gradient = self._experience.action_values(self.log_policy)
        else:
            gradient = self._signal.values
        self._follow(gradient)
        self._signal = None
        self._weighed = False

    def weigh(self) -> Staleness:
        """Weigh the data for the policy as it is now; cheap work for a schedule to look at."""
        if self._weighed and self.staleness is not None:
            return self.staleness
        assert self._experience is not None, "a round comes before the first weighing"
        self.staleness = self._experience.weigh(self.log_policy, self._since_round)
        self._weighed = True
        np.maximum(self.furthest, self.staleness.nearest, out=self.furthest)
        return self.staleness

    def signal(self) -> Signal:
        """Return what the coming update promises, and how much of that may be noise."""
        if self._signal is None:
            self.weigh()
            assert self._experience is not None
            self._signal = self._experience.signal(self.log_policy)
        return self._signal

    def value_change(self) -> Array:
        """Return by how much the estimated team value has risen since the latest round, (rows,)."""
        self.weigh()
        assert self._experience is not None
        unknown = np.flatnonzero(np.isnan(self._start_value))
        if len(unknown) > 0:
            data, start = take(self._experience, unknown), self._start[unknown]
            data.reweigh(start)
            self._start_value[unknown] = data.value(start)
        return self._experience.value(self.log_policy) - self._start_value

    def diagnostics(self) -> dict[str, AnyArray]:
        """Return how stale the data were that the last update used.

        Before the first round the policy is its own, perfectly fresh, base.
        """
        if self._experience is None or self.staleness is None:
            ones = np.ones(self.rows)
            return {
                "ess": ones,
                "divergence": 0 * ones,
                "bases": ones.astype(np.int64),
                "mean_weight": ones,
                **self._rule.figures(self._updates),
            }
        return {
            "ess": self.staleness.ess,
            "divergence": self.staleness.divergence,
            "bases": self._experience.behaviours.count,
            "mean_weight": self.staleness.mean_weight,
            **self._rule.figures(self._updates),
        }

    def keep(self, rows: IntArray) -> None:
        """Drop all rows but the given ones."""
        keep(self, rows)

    def state(self) -> dict[str, Any]:
        """Return policies, running means and data, for a checkpoint after a local update."""
        assert not self._weighed
        return saved(self)

    def restore(
        self,
        state: dict[str, Any],
        restore_experience: Callable[[dict[str, Any]], Experience],
    ) -> None:
        """Take over the state of a checkpoint."""
        experience = restore_experience(state["experience"])
        experience.prepare(self._estimation)
        data = {"staleness": loaded(Staleness, state["staleness"]), "experience": experience}
        load(self, {**state, **data})
