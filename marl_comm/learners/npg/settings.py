"""Settings of the natural policy gradient on tables, and what they come to in a run."""

from collections.abc import Iterator
from typing import Annotated, Literal, final

from pydantic import Field

from marl_comm.algorithms.algorithm import TabularAlgorithm
from marl_comm.experience import Estimation, pair_model
from marl_comm.experience.estimators import MODELLING, Estimator
from marl_comm.experience.reward_model import FOLDS
from marl_comm.games.game import TabularGame
from marl_comm.games.settings import TabularGameSettings
from marl_comm.learners.npg.learner import NaturalPolicyGradient
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.learners.settings import TabularLearnerSettings
from marl_comm.learners.stages import Stages
from marl_comm.options.answers import RunSettings

_LARGEST_CHANGE = 20.0  # of log-odds in one update, where the step size is left open
_MOST_EXPLORATION = 0.02  # of one agent's play
_EXPLORING_CHOICES = 0.2  # expected number per episode; costs about exp(-0.2) of the ESS


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
    def begins_with(self) -> tuple[str, ...]:
        """The policies."""
        return ("policy",)

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
    ) -> NaturalPolicyGradient:
        """Return the learner at uniform policies."""
        return NaturalPolicyGradient(
            game.initial_log_policy(),
            rule=UpdateRule(self.step_size_in(run), self.policy_floor, self._stages_in(run)),
            exploration=self.exploration_in(run),
            estimation=Estimation(
                estimator=self.estimator,
                truncation=self.truncation,
                weighted=algorithm.reweighs,
                rounds=self.rounds_kept,
                own_base=algorithm.own_base,
            ),
            oracle=game,
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
