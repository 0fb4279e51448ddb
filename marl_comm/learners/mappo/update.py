"""One local update of MAPPO on one chunk: weigh, estimate advantages, epochs of steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo.advantages import (
    following_values,
    generalised_advantages,
    normalised,
    smallest_variance,
    weighted_moments,
)
from marl_comm.learners.mappo.batch import Batch, parts, slices
from marl_comm.learners.mappo.distributions import Distribution, permitted
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.importance import joint_weights, truncated_weights
from marl_comm.learners.mappo.loss import policy_slopes, value_slopes
from marl_comm.learners.mappo.networks import Actor, ActorGradient, Critic
from marl_comm.learners.mappo.optimiser import clipped
from marl_comm.learners.mappo.perceptron import PerceptronGradient
from marl_comm.learners.mappo.state import State

TeamReward = Literal["mean", "sum"]
Figures = dict[str, Tensor]


@dataclass(frozen=True)
class Weighed:
    """A chunk as the current policy sees it; N = T * E joint steps.

    Attributes:
        chunk: The data.
        observations: (rows, agents, N, largest observation).
        actor_inputs: (rows, agents, N, inputs).
        legal: (rows, agents, N, size of a mask), bool.
        actions: (rows, agents, N) or (rows, agents, N, parts or numbers).
        alive: (rows, agents, N), 1 where an agent acted, else 0.
        log_probs: (rows, agents, N), of the actions under the current policy.
        log_ratios: (rows, agents, N), those minus the ones of the policy that played.
        joint: (rows, N), importance weights of joint actions.
    """

    chunk: Chunk
    observations: Tensor
    actor_inputs: Tensor
    legal: Tensor
    actions: Tensor
    alive: Tensor
    log_probs: Tensor
    log_ratios: Tensor
    joint: Tensor


class LocalUpdate:
    """The update rule; it holds no state of its own."""

    def __init__(
        self,
        actor: Actor,
        critic: Critic,
        distribution: Distribution,
        settings: Hyperparameters,
        team_reward: TeamReward,
        *,
        importance_weighted: bool,
    ) -> None:
        """Configure the rule.

        Args:
            actor: Shape of the policies.
            critic: Shape of the value functions.
            distribution: Of actions.
            settings: Step sizes, epochs, and so on.
            team_reward: Whether the team's reward is the mean or the sum of its agents'.
            importance_weighted: Whether data are reweighed for the current policy.
        """
        self._actor, self._critic, self._distribution = actor, critic, distribution
        self._settings = settings
        self._team_reward = team_reward
        self._importance_weighted = importance_weighted

    @torch.no_grad()
    def weigh(self, parameters: Tensor, chunk: Chunk) -> Weighed:
        """Return a chunk together with what the current policies, (rows, P), make of it."""
        observations = chunk.observations.flatten(2, 3)
        actor_inputs = self._actor.inputs(observations)
        legal, actions = chunk.legal.flatten(2, 3), chunk.actions.flatten(2, 3)
        if not actions.is_floating_point():
            actions = actions.long()  # the type of indices, once for all epochs
        alive = chunk.alive.flatten(2, 3).float()
        rows, agents, samples = alive.shape
        log_probs = torch.empty_like(alive)
        for part in slices(samples, rows, agents, alive.device):
            outputs = permitted(
                self._actor(parameters, actor_inputs[:, :, part]), legal[:, :, part]
            )
            log_probs[:, :, part] = self._distribution.log_prob(outputs, actions[:, :, part])
        log_ratios = (log_probs - chunk.log_probs.flatten(2, 3)) * alive
        return Weighed(
            chunk,
            observations,
            actor_inputs,
            legal,
            actions,
            alive,
            log_probs,
            log_ratios,
            joint_weights(log_ratios),
        )

    @torch.no_grad()
    def run(
        self,
        state: State,
        weighed: Weighed,
        orders: Sequence[Tensor] | None,
        learning_rates: tuple[float, float],
    ) -> Figures:
        """Change the state by epochs of minibatch steps.

        Args:
            state: Changed in place.
            weighed: The data, as the policies of `state` see them.
            orders: For each epoch the order of the joint steps, (rows, N), which is cut into
                minibatches; None takes all of them in every step.
            learning_rates: Of the policies and of the value functions.

        Returns:
            Figures by name, (rows,), means over the gradient steps where they change.
        """
        batch, figures = self._prepare(state, weighed)
        epochs, minibatches = self._settings.epochs, self._settings.minibatches
        sums: Figures = {}
        agents, steps = weighed.alive.shape[1], 0
        whole = batch.blocks() if orders is None else []
        for epoch in range(epochs):
            if orders is None:
                self._step(state, whole, batch.size, learning_rates, sums)
                steps += 1
                continue
            for chosen in orders[epoch].split(-(-batch.size // minibatches), dim=1):
                blocks = [batch.take(part) for part in parts(chosen, agents)]
                self._step(state, blocks, chosen.shape[1], learning_rates, sums)
                steps += 1
        return {**figures, **{name: total / steps for name, total in sums.items()}}

    def _prepare(self, state: State, weighed: Weighed) -> tuple[Batch, Figures]:
        settings, chunk, alive = self._settings, weighed.chunk, weighed.alive
        log_ratios = weighed.log_ratios
        if not self._importance_weighted:
            log_ratios = torch.zeros_like(log_ratios)
        weights, cut = truncated_weights(
            log_ratios, alive, settings.importance_weights, settings.truncation
        )
        team_weights = weights.sum(dim=1) / alive.sum(dim=1).clamp_min(1.0)

        critic_inputs = self._critic.inputs(weighed.observations, chunk.world.flatten(2, 3))
        values = state.values.restore(self._critic(state.critic, critic_inputs))
        final_inputs = self._critic.inputs(
            chunk.final_observations.flatten(2, 3), chunk.final_world.flatten(2, 3)
        )
        final_values = state.values.restore(self._critic(state.critic, final_inputs))
        rewards = chunk.rewards.sum(dim=1)  # agents that have left may still gain something
        if self._team_reward == "mean":
            rewards = rewards / chunk.rewards.shape[1]
        stepwise = values.view_as(rewards)
        next_values = following_values(
            stepwise,
            final_values.unflatten(1, chunk.final_observations.shape[2:4]),
            chunk.stretch,
            chunk.ended,
            chunk.terminated,
        )
        advantages = generalised_advantages(
            rewards, stepwise, next_values, chunk.ended, settings.discount, settings.trace
        ).flatten(1, 2)
        returns = advantages + values
        _, unexplained = weighted_moments(advantages, team_weights)
        _, variance = weighted_moments(returns, team_weights)
        smallest = smallest_variance(returns, team_weights)
        state.values.update(returns, team_weights)
        acted = alive.mean(dim=(1, 2), keepdim=True)
        standardised = normalised(advantages, team_weights, smallest)
        batch = Batch(
            actor_inputs=weighed.actor_inputs,
            legal=weighed.legal,
            actions=weighed.actions,
            log_probs=weighed.log_probs,
            weighted_advantages=weights / acted * standardised.unsqueeze(1),
            presence=alive / acted,
            critic_inputs=critic_inputs,
            targets=state.values.normalise(returns),
            value_weights=team_weights / team_weights.mean(dim=1, keepdim=True),
        )
        explained = 1 - (unexplained / torch.maximum(variance.double(), smallest))[:, 0].float()
        return batch, {"truncated_fraction": cut, "explained_variance": explained}

    def _step(
        self,
        state: State,
        blocks: Sequence[Batch],
        size: int,
        learning_rates: tuple[float, float],
        sums: Figures,
    ) -> None:
        """Make one gradient step on the joint steps of all blocks together, `size` of them."""
        actor = self._actor.gradient(state.actor)
        critic = self._critic.gradient(state.critic)
        agents = blocks[0].presence.shape[1]
        for block in blocks:
            value_loss = self._value_backward(critic, block)
            figures = self._policy_backward(actor, block)
            for name, total in figures.items():
                sums[name] = sums.get(name, 0.0) + total / (agents * size)
            sums["value_loss"] = sums.get("value_loss", 0.0) + value_loss / size
        largest = self._settings.max_gradient_norm
        for optimiser, parameters, gradient, rate in (
            (
                state.actor_optimiser,
                state.actor,
                actor.total() / (agents * size),
                learning_rates[0],
            ),
            (state.critic_optimiser, state.critic, critic.total() / size, learning_rates[1]),
        ):
            optimiser.step(parameters, clipped(gradient, largest), rate)

    def _policy_backward(self, gradient: ActorGradient, block: Batch) -> Figures:
        """Add the gradient of the policy's loss on a block; return figures, (rows,), as sums."""
        outputs = permitted(gradient.forward(block.actor_inputs), block.legal)
        log_probs, entropy, pullback = self._distribution.differentiable(outputs, block.actions)
        slopes = policy_slopes(
            log_probs,
            entropy,
            block.log_probs,
            block.weighted_advantages,
            block.presence,
            clip=self._settings.clip,
            entropy_bonus=self._settings.entropy_bonus,
        )
        gradient.backward(pullback(slopes.by_log_prob, slopes.by_entropy))
        return slopes.figures

    def _value_backward(self, gradient: PerceptronGradient, block: Batch) -> Tensor:
        """Add the gradient of the value loss on a block; return that loss, (rows,), as a sum."""
        values = gradient.forward(block.critic_inputs)[:, 0]
        slopes, loss = value_slopes(
            values, block.targets, block.value_weights, self._settings.huber_delta
        )
        gradient.backward(slopes.unsqueeze(1))
        return loss
