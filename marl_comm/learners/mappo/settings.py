"""Settings of multi-agent PPO."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, Self, final

from pydantic import Field

from marl_comm.games.environments.settings import EnvironmentSettings
from marl_comm.learners.settings import NetworkLearnerSettings
from marl_comm.options.answers import RunSettings

if TYPE_CHECKING:  # torch takes seconds to import, which checking a configuration need not wait for
    from marl_comm.algorithms.networks import NetworkAlgorithm
    from marl_comm.games.environments.player import EnvironmentGame
    from marl_comm.games.environments.spec import Spec
    from marl_comm.learners.networks import LearnerOfNetworks


@final
class MappoSettings(NetworkLearnerSettings):
    """Multi-agent PPO with a central critic.

    Attributes:
        actors: One policy network for all agents, told who it is, or one for each agent.
        hidden: Units of each hidden layer, of policies and value functions alike.
        activation: After each hidden layer.
        learning_rate: Of Adam on the policies.
        critic_learning_rate: Of Adam on the value functions.
        learning_rate_decay: Whether both fall linearly to 0 at `max_local_steps`.
        betas: Adam's, for the means of gradients and of their squares.
        epochs: Passes over the chunk of a local iteration.
        minibatches: Gradient steps per pass.
        clip: PPO's limit on the ratio to the policy at the start of a local iteration.
        entropy_bonus: Factor on the policies' entropy.
        max_gradient_norm: Gradients of a seed's network are scaled down to it.
        huber_delta: Where the critic's loss turns linear, in deviations of the returns.
        discount: Gamma.
        trace: Lambda of generalised advantage estimation.
        importance_weights: Whether an agent's data are weighted by its own ratio or the joint one.
        truncation: Largest importance weight.
        device: Where networks are.
    """

    name: Literal["mappo"]
    actors: Literal["shared", "separate"]
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4096)], ...],
        Field(strict=False, min_length=1, max_length=8),
    ]
    activation: Literal["relu", "tanh"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    critic_learning_rate: Annotated[float, Field(gt=0, le=1)]
    learning_rate_decay: bool
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]],
        Field(strict=False, description="a list of 2 numbers, each at least 0 and below 1"),
    ]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    minibatches: Annotated[int, Field(ge=1, le=1000)]
    clip: Annotated[float, Field(gt=0, lt=1)]
    entropy_bonus: Annotated[float, Field(ge=0, le=10)]
    max_gradient_norm: Annotated[float, Field(gt=0, le=1e6)]
    huber_delta: Annotated[float, Field(gt=0, le=1e6)]
    discount: Annotated[float, Field(ge=0, le=1)]
    trace: Annotated[float, Field(ge=0, le=1)]
    importance_weights: Literal["per_agent", "joint"]
    truncation: Annotated[float, Field(gt=0, le=1e12)]
    device: Literal["cpu", "cuda"]

    @property
    def networks_on(self) -> Literal["cpu", "cuda"]:
        """The setting `device`."""
        return self.device

    def on_cpu(self) -> Self:
        """Return the same settings, with `device` cpu."""
        return self.model_copy(update={"device": "cpu"})

    @property
    def passes(self) -> int:
        """The setting `epochs`."""
        return self.epochs

    def problems(self, run: RunSettings) -> Iterator[str]:
        """Every minibatch needs data."""
        if not isinstance(run.game, EnvironmentSettings):
            return
        samples = run.game.copies * run.game.steps
        if self.minibatches > samples:
            yield (
                f"learner.minibatches={self.minibatches} game.copies={run.game.copies} "
                f"game.steps={run.game.steps}: every minibatch needs a joint step; "
                f"learner.minibatches must be at most {samples}"
            )

    def refuse_too_large_runs(self, run: RunSettings, spec: "Spec", gpu_bytes: int | None) -> None:
        """Estimate the run's memory. See `NetworkLearnerSettings`."""
        from marl_comm.learners.mappo import memory

        memory.refuse_too_large_runs(run, spec, gpu_bytes)

    def build(
        self, run: RunSettings, game: "EnvironmentGame", algorithm: "NetworkAlgorithm"
    ) -> "LearnerOfNetworks":
        """Return the learner with newly drawn networks."""
        from marl_comm.learners.mappo.learner import Mappo
        from marl_comm.learners.mappo.predictor import predictor_named

        assert isinstance(run.game, EnvironmentSettings)
        predictor = None if algorithm.predictor is None else predictor_named(algorithm.predictor)
        return Mappo(
            game.spec,
            game.streams,
            self,
            team_reward=run.game.reward,
            importance_weighted=algorithm.reweighs,
            total_updates=run.max_local_steps,
            longest_round=run.longest_round,
            predictor=predictor,
        )
