"""The loop that every algorithm runs in every kind of game.

    plan -> collect -> communicate -> update locally, until the schedule says communicate.

An algorithm is its plan; a schedule says when; a game collects and knows the exact figures; a
learner updates and predicts. Seeds are rows: all active seeds make each local update together,
and each communicates when its own schedule says so.
"""

from typing import Any, Protocol

import numpy as np

from marl_comm.algorithms import Algorithm
from marl_comm.communication import Budget, Ledger
from marl_comm.communication.schedules import Clock, Schedule
from marl_comm.games.base import Evaluation, Game
from marl_comm.learners.base import Learner
from marl_comm.types import BoolArray, IntArray


class Recorder(Protocol):
    """Is shown every local step, and may end seeds."""

    def record(
        self,
        seed_rows: IntArray,
        local_step: int,
        evaluation: Evaluation,
        learner: Learner,
    ) -> BoolArray:
        """Take note of the active seeds' state; return which of them have reached their goal."""

    def stop(self, seed_rows: IntArray, reason: str, policy: Any) -> None:
        """Take note of the final policy of seeds that end, and why."""


def train(
    game: Game,
    learner: Learner,
    algorithm: Algorithm,
    schedule: Schedule,
    budget: Budget,
    ledger: Ledger,
    recorder: Recorder,
    samples_per_round: int | None,
) -> None:
    """Train every seed until its budget is spent or its goal reached.

    Args:
        game: One game per seed of the run.
        learner: Holds the policies and the data of the active seeds, one row each.
        algorithm: Plans the base policies of a round.
        schedule: Says which seeds communicate before a local update.
        budget: Caps on rounds, samples and local updates of each seed.
        ledger: Where every round is booked; the only thing that counts communication.
        recorder: Sees each local step.
        samples_per_round: Samples per seed and round; None for exact gradients.
    """
    active: IntArray = np.arange(learner.rows)
    updates = np.zeros_like(active)  # local updates since each seed's latest round

    def end(rows: BoolArray, reason: str) -> None:
        nonlocal active, updates
        if rows.any():
            recorder.stop(active[rows], reason, learner.policy_of(np.flatnonzero(rows)))
            remaining = np.flatnonzero(~rows)
            active, updates = active[remaining], updates[remaining]
            learner.keep(remaining)

    evaluation = game.evaluate(active, learner.policy)
    end(recorder.record(active, 0, evaluation, learner), "goal")
    for local_step in range(1, budget.max_local_steps + 1):
        clock = Clock(active, ledger.rounds[active], updates)
        due = schedule.due(clock, learner.weigh)
        affordable = budget.allows_round(clock.rounds, ledger.samples[active], samples_per_round)
        end(due & ~affordable, "communication_budget")
        rows = np.flatnonzero(due[affordable | ~due])
        if len(active) == 0:
            return

        if len(rows) > 0:
            behaviours = learner.behaviours(algorithm.plan(learner, rows))
            experience = game.collect(active[rows], behaviours, samples_per_round)
            ledger.communicate(active[rows], experience.traffic)
            learner.receive(rows, experience)
            updates[rows] = 0

        learner.update()
        updates += 1
        evaluation = game.evaluate(active, learner.policy)
        end(recorder.record(active, local_step, evaluation, learner), "goal")
        if len(active) == 0:
            return
    end(np.ones(len(active), dtype=np.bool_), "local_steps")
