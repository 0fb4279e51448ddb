"""The loop that every algorithm runs in every kind of game.

    plan -> collect -> communicate -> update locally, until the schedule says communicate.

An algorithm is its plan; a schedule says when; a game collects and knows the exact figures; a
learner updates and predicts. Seeds are rows: all active seeds make each local update together,
and each communicates when its own schedule says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Never, Protocol, Self, TypeVar

import numpy as np

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.arrays import AnyArray, BoolArray, IntArray
from marl_comm.communication.budget import Budget
from marl_comm.communication.ledger import Ledger
from marl_comm.communication.schedule import Clock, Schedule
from marl_comm.games.game import Evaluation, Game, Moved
from marl_comm.learners.learner import Learner, Trained
from marl_comm.rows import Rows, Saveable, Shared, keep, record

PlanT = TypeVar("PlanT")
BehavioursT = TypeVar("BehavioursT")
ExperienceT = TypeVar("ExperienceT", bound=Moved)
PolicyT = TypeVar("PolicyT")


class Recorder(Protocol):
    """Is shown every local update, and may end seeds."""

    def record(
        self,
        seed_rows: IntArray,
        local_step: int,
        evaluation: Evaluation,
        learner: Trained,
    ) -> BoolArray:
        """Take note of the active seeds' state; return which of them have reached their goal."""

    def stop(self, seed_rows: IntArray, reason: str, final: Mapping[str, AnyArray]) -> None:
        """Take note of why seeds end, and of what they have learned: arrays, first axis seeds."""


@record
@dataclass
class LoopState(Saveable):
    """Where the loop stands.

    Attributes:
        active: (rows,), which of the run's seeds are still learning.
        updates: (rows,), local updates since each one's latest round.
        local_step: Local updates made by every active seed.
    """

    active: Rows[IntArray]
    updates: Rows[IntArray]
    local_step: Shared[int] = 0

    @classmethod
    def start(cls, seeds: int) -> Self:
        """Return the state in which all seeds are about to begin."""
        return cls(np.arange(seeds), np.zeros(seeds, dtype=np.int64))


@dataclass(frozen=True)
class Parts(Generic[PlanT, BehavioursT, ExperienceT, PolicyT]):
    """What a run is made of.

    Attributes:
        game: One game per seed of the run.
        learner: Holds the policies and the data of the active seeds, one row each.
        plan: Returns the base policies of a round for some rows: the algorithm's, of this learner.
        algorithm: Plans the base policies of a round.
        schedule: Says which seeds communicate before a local update.
        budget: Caps on rounds, samples and local updates of each seed.
        ledger: Where every round is booked; the only thing that counts communication.
        samples_per_round: Samples per seed and round; None for exact gradients.
    """

    game: Game[BehavioursT, ExperienceT, PolicyT]
    learner: Learner[PlanT, BehavioursT, ExperienceT, PolicyT]
    plan: Callable[[IntArray], PlanT]
    algorithm: Algorithm[Never, PlanT]
    schedule: Schedule
    budget: Budget
    ledger: Ledger
    samples_per_round: int | None

    def train(self, recorder: Recorder, state: LoopState, after_step: Callable[[], None]) -> None:
        """Train with these parts. See `train`."""
        train(self, recorder, state, after_step)


def train(
    parts: Parts[PlanT, BehavioursT, ExperienceT, PolicyT],
    recorder: Recorder,
    state: LoopState,
    after_step: Callable[[], None],
) -> None:
    """Train every seed until its budget is spent or its goal reached.

    Args:
        parts: What the run is made of.
        recorder: Sees each local update.
        state: Where to begin; kept up to date.
        after_step: Called after each local update, when everything is consistent.
    """
    game, learner, ledger, budget = parts.game, parts.learner, parts.ledger, parts.budget

    def end(rows: BoolArray, reason: str) -> None:
        if rows.any():
            ending, remaining = np.flatnonzero(rows), np.flatnonzero(~rows)
            recorder.stop(state.active[ending], reason, learner.final_arrays(ending))
            keep(state, remaining)
            learner.keep(remaining)
            parts.algorithm.keep(remaining)

    def record() -> None:
        evaluation = game.evaluate(state.active, learner.policy)
        end(recorder.record(state.active, state.local_step, evaluation, learner), "goal")

    if state.local_step == 0:
        record()
    while len(state.active) > 0 and state.local_step < budget.max_local_steps:
        clock = Clock(state.active, ledger.rounds[state.active], state.updates)
        due = parts.schedule.due(clock, learner)
        affordable = budget.allows_round(
            clock.rounds, ledger.samples[state.active], parts.samples_per_round
        )
        end(due & ~affordable, "communication_budget")
        rows = np.flatnonzero(due[affordable | ~due])
        if len(state.active) == 0:
            return

        if len(rows) > 0:
            seed_rows = state.active[rows]
            behaviours = learner.behaviours_for(parts.plan(rows))
            experience = game.collect(seed_rows, behaviours, parts.samples_per_round)
            ledger.communicate(seed_rows, experience.traffic)
            learner.receive(rows, experience)
            state.updates[rows] = 0

        learner.update()
        state.updates += 1
        state.local_step += 1
        record()
        after_step()
    end(np.ones(len(state.active), dtype=np.bool_), "local_steps")
