"""Tabular softmax natural policy gradient, every seed at once."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, final

import numpy as np
from pydantic import Field

from marl_comm.algorithms.algorithm import TabularAlgorithm
from marl_comm.arrays import AnyArray, Array, IntArray
from marl_comm.experience import BasePolicies, Estimation, Experience, Staleness, pair_model
from marl_comm.experience.estimators import MODELLING, Estimator
from marl_comm.experience.oracle import Oracle
from marl_comm.experience.quotient import Signal
from marl_comm.experience.reward_model import FOLDS
from marl_comm.games.game import TabularGame
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.settings import TabularLearnerSettings
from marl_comm.learners.stages import Stages
from marl_comm.options.answers import RunSettings
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

_LARGEST_CHANGE = 20.0  # of log-odds in one update, where the step size is left open
_MOST_EXPLORATION = 0.02  # of one agent's play
_EXPLORING_CHOICES = 0.2  # expected number per episode; costs about exp(-0.2) of the ESS
_DRIFT_MEMORY = 0.5  # weight of the past in the running mean of policy changes


@final
class NaturalPolicyGradientSettings(TabularLearnerSettings):
    """Softmax natural policy gradient on tables.

    Attributes:
        step_size: Factor on estimated action values in the exponent of an update; None chooses it.
        exploration: Share of the uniform policy in each agent's behaviour; None chooses it.
        estimator: How action values come from weighted samples.
        truncation: Largest importance weight of the `truncated` estimator.
        reuse: Of how many rounds data are kept: of the latest, of some, of all.
        policy_floor: Smallest probability that a policy gives an action.
        stages: Whether the steps of a game with a horizon learn together, or one after another
            from the last to the first.
    """

    name: Literal["npg"]
    # From some size on a step is the best response to the estimate: every tuned one is below.
    step_size: Annotated[float, Field(gt=0, le=1_000_000)] | None
    exploration: Annotated[float, Field(ge=0, lt=1)] | None
    estimator: Estimator
    truncation: Annotated[float, Field(gt=0, le=1e12)]
    reuse: Literal["latest", "all"] | Annotated[int, Field(ge=2, le=1000)]
    # The lower limit keeps reciprocals finite.
    policy_floor: Annotated[float, Field(ge=1e-300, le=0.5)]
    stages: Literal["together", "backward"]

    @property
    def rounds_kept(self) -> int | None:
        """The setting `reuse`."""
        if isinstance(self.reuse, int):
            return self.reuse
        return 1 if self.reuse == "latest" else None

    @property
    def by_stages(self) -> bool:
        """As the setting `stages` says."""
        return self.stages == "backward"

    def models(self, run: RunSettings) -> bool:
        """Whether rewards are modelled in a run."""
        return self.estimator in MODELLING and not run.exact

    def problems(self, run: RunSettings) -> Iterator[str]:
        """The floor must leave room for all actions, and only samples can be kept."""
        game = run.game
        if run.exact and self.reuse != "latest":
            yield (
                f"learner.reuse={self.reuse} samples_per_round=null: there are no samples to "
                "keep; set samples_per_round to a number or learner.reuse=latest"
            )
        if isinstance(game, TabularGameSettings):
            yield from self._problems_of_estimator(run, game)
        if isinstance(game, TabularGameSettings) and self.policy_floor * game.actions > 1:
            yield (
                f"learner.policy_floor={self.policy_floor:g} "
                f"game.actions={game.actions}: probabilities of {game.actions} actions "
                f"cannot all reach the floor; it must be at most {1 / game.actions:.3g}"
            )
        if self.by_stages and isinstance(game, TabularGameSettings):
            yield from _problems_of_stages(run, game)

    def _problems_of_estimator(self, run: RunSettings, game: TabularGameSettings) -> Iterator[str]:
        if self.estimator == "model" and game.episode_length > 1:
            yield (
                f"learner.estimator=model game={game.name}: in Markov games the model fits the "
                "values of the policies that played, which only estimates can correct; choose "
                "learner.estimator=doubly_robust"
            )
        if self.estimator == "joint" and game.own_rewards and not run.exact:
            yield (
                f"learner.estimator=joint game={game.name}: the regression is of one reward for "
                "all, and here agents have their own; choose learner.estimator=bounded or "
                "doubly_robust"
            )

    def numbers_of_models(self, run: RunSettings) -> int:
        """Two models of each context, in the old data and the new, and a fit while it goes on."""
        game = run.game
        if not self.models(run) or not isinstance(game, TabularGameSettings):
            return 0
        samples = (run.samples_per_round or 0) * run.most_rounds_kept
        kinds = game.agents if game.own_rewards else 1
        size, contexts = game.agents * game.actions, game.layers * game.number_of_states
        models = contexts * 2 * FOLDS * (size**2 + size)
        predicted = samples * kinds * (3 if game.episode_length > 1 else 2)
        fit = pair_model.numbers(game.agents, game.actions, samples // FOLDS)
        return run.num_seeds * (models + predicted) + fit

    def build(
        self, run: RunSettings, game: TabularGame, algorithm: TabularAlgorithm
    ) -> "NaturalPolicyGradient":
        """Return the learner at uniform policies."""
        return NaturalPolicyGradient(
            game.initial_log_policy(),
            step_size=self.step_size_in(run),
            exploration=self.exploration_in(run),
            policy_floor=self.policy_floor,
            estimation=Estimation(
                estimator=self.estimator,
                truncation=self.truncation,
                weighted=algorithm.reweighs,
                rounds=self.rounds_kept,
                own_base=algorithm.own_base,
            ),
            oracle=game,
            stages=self._stages_in(run),
        )

    def _stages_in(self, run: RunSettings) -> Stages | None:
        if not self.by_stages:
            return None
        assert isinstance(run.game, TabularGameSettings)
        return Stages(run.game.layers, run.max_local_steps)

    def step_size_in(self, run: RunSettings) -> float:
        """Return the step size, in log-odds of the policy per unit of reward.

        Left to itself it is 20 over the steps of an episode: rewards lie in [0, 1], so that no
        update changes log-odds by more than about 20, whatever the game.
        """
        if self.step_size is not None:
            return self.step_size
        assert isinstance(run.game, TabularGameSettings)
        return _LARGEST_CHANGE / run.game.episode_length

    def exploration_in(self, run: RunSettings) -> float:
        """Return each agent's share of uniform play while collecting data.

        Left to itself it is 0.02, or less where an episode has more than ten choices, agents times
        steps: mixing costs effective sample size exponentially in their number. Exact gradients
        need none.
        """
        if run.exact:
            return 0.0
        if self.exploration is not None:
            return self.exploration
        assert isinstance(run.game, TabularGameSettings)
        choices = run.game.agents * run.game.episode_length
        return min(_MOST_EXPLORATION, _EXPLORING_CHOICES / choices)


def _problems_of_stages(run: RunSettings, game: TabularGameSettings) -> Iterator[str]:
    """Backward induction needs a last step, and time for every step."""
    if game.layers == 1:
        yield (
            f"learner.stages=backward game={game.name}: there is no last step to begin with; set "
            "learner.stages=together or choose a game with a horizon, such as random_markov"
        )
    elif run.max_local_steps < game.layers:
        yield (
            f"learner.stages=backward max_local_steps={run.max_local_steps}: each of the "
            f"{game.layers} steps of an episode learns in local updates of its own; set "
            f"max_local_steps to {game.layers} or more"
        )


@record
class NaturalPolicyGradient:
    """Independent softmax natural policy gradient: pi_i(a) <- pi_i(a) exp(step * g_i(a)) / Z_i.

    All agents hold the same shared data and run the same deterministic update, so each can follow
    every agent's policy between rounds; that is why importance weights of joint actions can be
    computed without further messages (Xiong & Singh 2026, arXiv 2601.12518).

    Attributes:
        log_policy: (rows, ..., agents, actions), the current policy of each active seed.
        staleness: How far it is from the policies its data came from; None before the first round.
        furthest: (rows,), the furthest base policy that was ever nearest during the round.
    """

    log_policy: Rows[Array]
    staleness: Rows[Staleness | None]
    furthest: Rows[IntArray]
    _experience: Rows[Experience | None]
    _drift: Rows[Array]
    _last: Rows[Array]
    _updates: Rows[IntArray]
    _since_round: Rows[IntArray]
    _seed_rows: Rows[IntArray]
    _oracle: Fixed[Oracle]
    _start: Rows[Array]
    _start_value: Rows[Array]
    _signal: Derived[Signal | None]
    _weighed: Shared[bool]
    _step_size: Fixed[float]
    _exploration: Fixed[float]
    _log_floor: Fixed[float]
    _estimation: Fixed[Estimation]
    _stages: Fixed[Stages | None]

    def __init__(
        self,
        log_policy: Array,
        *,
        step_size: float,
        exploration: float,
        policy_floor: float,
        estimation: Estimation,
        oracle: Oracle,
        stages: Stages | None = None,
    ) -> None:
        """Start from `log_policy`.

        Args:
            log_policy: (rows, ..., agents, actions), log-probabilities.
            step_size: NPG step, in policy log-odds per unit of reward.
            exploration: Share of uniform play mixed into each agent's behaviour policy.
            policy_floor: Smallest probability of an action; keeps log-probabilities finite.
            estimation: How action values are estimated from samples.
            oracle: The game, whose rows are those of `log_policy`; asked by the predictor of that
                name alone.
            stages: When which step of an episode learns; None lets all learn together.
        """
        self.log_policy = log_policy
        self.staleness = None
        self.furthest = np.zeros(len(log_policy), dtype=np.int64)
        self._experience = None
        self._drift = np.zeros_like(log_policy)
        self._last = np.zeros_like(log_policy)
        self._updates = np.zeros(len(log_policy), dtype=np.int64)
        self._since_round = np.zeros(len(log_policy), dtype=np.int64)
        self._seed_rows = np.arange(len(log_policy))
        self._oracle = oracle
        self._start = log_policy  # where the latest rounds began
        self._start_value = np.full(len(log_policy), np.nan)  # until somebody asks
        self._signal = None  # of the coming update, where somebody has asked
        self._weighed = False  # whether the weights are those of the current policy
        self._step_size = step_size
        self._exploration = exploration
        self._log_floor = float(np.log(policy_floor))
        self._estimation = estimation
        self._stages = stages

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
        self.log_policy = _normalise(np.log(np.maximum(policy, np.exp(self._log_floor))))
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
        everyone = np.arange(self.rows)
        updated = self._step(everyone, self.log_policy, self._step_size * gradient)
        self._remember_drift(updated - self.log_policy)
        self.log_policy = updated
        self._since_round += 1
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

    def predict_line(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates along the recent direction.

        The k-th is proportional to pi exp(k d), d being the running mean of the last changes of
        log pi, which is the step size times the mean of the last gradients.

        Args:
            rows: The rows to predict.
            updates: How many policies to yield.
        """
        log_policy, drift = self.log_policy[rows], self._drift[rows]
        for update in range(1, updates + 1):
            yield self._step(rows, log_policy, update * drift)

    def predict_rehearsal(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates rehearsed on the last round's data."""
        assert self._experience is not None, "there is nothing to rehearse on"
        experience = take(self._experience, rows)
        log_policy = self.log_policy[rows]
        for _ in range(updates):
            experience.reweigh(log_policy, self._since_round[rows])
            gradient = experience.action_values(log_policy)
            log_policy = self._step(rows, log_policy, self._step_size * gradient)
            yield log_policy

    def predict_last(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … repetitions of the last local update."""
        log_policy, last = self.log_policy[rows], self._last[rows]
        for update in range(1, updates + 1):
            yield self._step(rows, log_policy, update * last)

    def predict_on_model(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … local updates on the model of rewards."""
        assert self._experience is not None, "there is nothing to model"
        return self._path(rows, updates, take(self._experience, rows).model_values)

    def predict_exact(self, rows: IntArray, updates: int) -> Iterator[Array]:
        """Yield the policies after 1, 2, … exact local updates, which agents cannot know."""
        oracle, seed_rows = self._oracle, self._seed_rows[rows]
        return self._path(rows, updates, lambda policy: oracle.action_values(seed_rows, policy))

    def _path(
        self, rows: IntArray, updates: int, gradient: Callable[[Array], Array]
    ) -> Iterator[Array]:
        log_policy = self.log_policy[rows]
        for _ in range(updates):
            log_policy = self._step(rows, log_policy, self._step_size * gradient(log_policy))
            yield log_policy

    def divergence(self, rows: IntArray, log_policy: Array, log_base: Array) -> Array:
        """Return the Renyi-2 divergence of two policies of the given rows, (rows,)."""
        assert self._experience is not None, "a round comes before the first prediction"
        return self._experience.divergences(rows, log_policy, log_base[:, None])[:, 0]

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
                **self._stage_figures(),
            }
        return {
            "ess": self.staleness.ess,
            "divergence": self.staleness.divergence,
            "bases": self._experience.behaviours.count,
            "mean_weight": self.staleness.mean_weight,
            **self._stage_figures(),
        }

    def _stage_figures(self) -> dict[str, AnyArray]:
        """Return the stage that learns next, where there are any."""
        return {} if self._stages is None else {"stage": self._stages.at(self._updates)}

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

    def _step(self, rows: IntArray, log_policy: Array, change: Array) -> Array:
        """Return softmax(log_policy + change), no probability below the floor.

        Where stages learn one after another, all but the rows' present ones stay as they are.
        """
        moved = _normalise(log_policy + change)
        moved = _normalise(np.maximum(moved, self._log_floor))
        if self._stages is None:
            return moved
        learning = self._stages.learning(self._updates[rows])
        return np.where(learning[..., None, None, None], moved, log_policy)

    def _remember_drift(self, change: Array) -> None:
        self._last = change
        first = (self._updates == 0).reshape(-1, *(1,) * (change.ndim - 1))
        mixed = _DRIFT_MEMORY * self._drift + (1.0 - _DRIFT_MEMORY) * change
        self._drift = np.where(first, change, mixed)
        self._updates += 1


def _normalise(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))
