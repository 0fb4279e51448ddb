"""What a user may set of multi-agent PPO."""

from typing import Annotated, Literal

from pydantic import Field

from marl_comm.settings import Settings


class Hyperparameters(Settings):
    """Networks, step sizes and weights of MAPPO.

    Attributes:
        actors: One policy network for all agents, told who it is, or one for each agent.
        critic: One value function that sees all observations, or one for each agent that sees its
            own; networks are shared as those of the policies are.
        hidden: Units of each hidden layer, of policies and value functions alike.
        activation: After each hidden layer.
        learning_rate: Of Adam on the policies.
        critic_learning_rate: Of Adam on the value functions.
        learning_rate_decay: Whether both fall linearly to 0 at `max_local_steps`.
        step_scaling: Whether policies take smaller steps on data that are worth less.
        betas: Adam's, for the means of gradients and of their squares.
        chunks: Whether a local update takes one chunk of its own, or draws on all that are kept.
        reuse: Of how many rounds data are kept.
        epochs: Passes over as many joint steps as a chunk has, in each local update.
        minibatches: Gradient steps per pass.
        clip: PPO's limit on the ratio to the policy at the start of a local update.
        entropy_bonus: Factor on the policies' entropy.
        max_gradient_norm: Gradients of a seed's network are scaled down to it.
        huber_delta: Where the critic's loss turns linear, in deviations of the returns.
        discount: Gamma.
        trace: Lambda of generalised advantage estimation.
        advantages: Generalised advantage estimates, or V-trace's, corrected for who played.
        recompute_advantages: Whether each pass over the data begins with advantages and targets
            of the critic as it is then, rather than as it was before the first; `never`: not even
            the first does, all local updates of a round have those of the critic at its start.
        delta_truncation: Largest ratio on a step's own error in V-trace, rho bar.
        trace_truncation: Largest ratio on what follows a step in V-trace, c bar.
        importance_weights: Whether an agent's data are weighted by its own ratio, by the joint one,
            or by its own and the others', truncated one by one.
        truncation: Largest importance weight.
        others_truncation: Largest ratio of the other agents, with `separate`.
        device: Where networks are.
    """

    actors: Literal["shared", "separate"]
    critic: Literal["central", "own"]
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=4096)], ...],
        Field(strict=False, min_length=1, max_length=8),
    ]
    activation: Literal["relu", "tanh"]
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    critic_learning_rate: Annotated[float, Field(gt=0, le=1)]
    learning_rate_decay: bool
    step_scaling: Literal["none", "effective_sample_size"]
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]],
        Field(strict=False, description="a list of 2 numbers, each at least 0 and below 1"),
    ]
    chunks: Literal["own", "all"]
    reuse: Literal["latest"] | Annotated[int, Field(ge=2, le=100)]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    minibatches: Annotated[int, Field(ge=1, le=1000)]
    clip: Annotated[float, Field(gt=0, lt=1)]
    entropy_bonus: Annotated[float, Field(ge=0, le=10)]
    max_gradient_norm: Annotated[float, Field(gt=0, le=1e6)]
    huber_delta: Annotated[float, Field(gt=0, le=1e6)]
    discount: Annotated[float, Field(ge=0, le=1)]
    trace: Annotated[float, Field(ge=0, le=1)]
    advantages: Literal["gae", "vtrace"]
    recompute_advantages: bool | Literal["never"]
    delta_truncation: Annotated[float, Field(gt=0, le=1e12)]
    trace_truncation: Annotated[float, Field(gt=0, le=1e12)]
    importance_weights: Literal["per_agent", "joint", "separate"]
    truncation: Annotated[float, Field(gt=0, le=1e12)]
    others_truncation: Annotated[float, Field(gt=0, le=1e12)]
    device: Literal["cpu", "cuda"]

    @property
    def shares_actors(self) -> bool:
        """Whether all agents have one policy network."""
        return self.actors == "shared"

    @property
    def decentralised(self) -> bool:
        """Whether an agent's update needs nothing of the others but their rewards."""
        per_agent = self.importance_weights == "per_agent" and self.step_scaling == "none"
        return self.critic == "own" and not self.shares_actors and per_agent

    @property
    def rounds(self) -> int:
        """Of how many rounds data are kept, the latest included."""
        return 1 if self.reuse == "latest" else self.reuse
