"""One local update of MAPPO on one chunk: weigh, estimate advantages, epochs of steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo.advantages import normalised
from marl_comm.learners.mappo.batch import Batch, slices
from marl_comm.learners.mappo.distributions import Distribution, permitted
from marl_comm.learners.mappo.estimates import estimates_of
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.importance import LogRatios, truncated_weights, weights_of
from marl_comm.learners.mappo.loss import policy_slopes, value_slopes
from marl_comm.learners.mappo.networks import Actor, ActorGradient, ValueFunctions
from marl_comm.learners.mappo.optimiser import clipped
from marl_comm.learners.mappo.perceptron import PerceptronGradient
from marl_comm.learners.mappo.players import Behaviours
from marl_comm.learners.mappo.state import CriticThen, State

TeamReward = Literal["mean", "sum"]
Figures = dict[str, Tensor]
Rates = tuple[float | Tensor, float]
"""Learning rates of the policies, of all rows or of each, (rows, 1), and of the critics."""
Minibatches = Sequence[Tensor | None]
"""The joint steps of each gradient step, (rows, n); None for all of them."""
PlayedShare = tuple[Tensor, float]
"""Policies, (rows, P), and what share of the data each has played."""


_SMALLEST_SHARE = 1e-30  # of an agent that never acts


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
        log_ratios: Of the current policies to whoever played.
        joint: (rows, N), importance weights of joint actions.
    """

    chunk: Chunk
    observations: Tensor
    actor_inputs: Tensor
    legal: Tensor
    actions: Tensor
    alive: Tensor
    log_probs: Tensor
    log_ratios: LogRatios
    joint: Tensor


class LocalUpdate:
    """The update rule; it holds no state of its own."""

    def __init__(
        self,
        actor: Actor,
        critic: ValueFunctions,
        distribution: Distribution,
        settings: Hyperparameters,
        team_reward: TeamReward,
        *,
        importance_weighted: bool,
        anchored: bool,
    ) -> None:
        """Configure the rule.

        Args:
            actor: Shape of the policies.
            critic: Shape of the value functions.
            distribution: Of actions.
            settings: Step sizes, epochs, and so on.
            team_reward: Whether the team's reward is the mean or the sum of its agents'.
            importance_weighted: Whether data are reweighed for the current policy.
            anchored: Whether the clipped ratio is to the policies that played, rather than to
                those at the start of the local update.
        """
        self._actor, self._critic, self._distribution = actor, critic, distribution
        self._settings = settings
        self._team_reward = team_reward
        self._importance_weighted, self._anchored = importance_weighted, anchored

    def players(self, bases: NetworkBases) -> Behaviours:
        """Return policies as players."""
        return Behaviours(self._actor, self._distribution, bases, observations_travel=True)

    @torch.no_grad()
    def weigh(
        self, parameters: Tensor, chunk: Chunk, mixture: Sequence[PlayedShare] = ()
    ) -> Weighed:
        """Return a chunk together with what the current policies make of it.

        Args:
            parameters: (rows, P), the current policies.
            chunk: The data.
            mixture: Who has played them, where it was more than one policy.
        """
        observations = chunk.observations.flatten(2, 3)
        actor_inputs = self._actor.inputs(observations)
        legal, actions = chunk.legal.flatten(2, 3), chunk.actions.flatten(2, 3)
        if not actions.is_floating_point():
            actions = actions.long()  # the type of indices, once for all epochs
        alive = chunk.alive.flatten(2, 3).float()
        rows, agents, samples = alive.shape

        def under(policies: Tensor) -> Tensor:
            """Return the log-probabilities of all actions under policies, (rows, P)."""
            log_probs = torch.empty_like(alive)
            for part in slices(samples, rows, agents, alive.device):
                outputs = permitted(
                    self._actor(policies, actor_inputs[:, :, part]), legal[:, :, part]
                )
                log_probs[:, :, part] = self._distribution.log_prob(outputs, actions[:, :, part])
            return log_probs

        log_probs = under(parameters)
        if len(mixture) > 1:
            played = (under(policies) for policies, _ in mixture)
            shares = [share for _, share in mixture]
            log_ratios = LogRatios.of_mixture(log_probs, played, shares, alive)
        else:
            log_ratios = LogRatios.of_one(log_probs, chunk.log_probs.flatten(2, 3), alive)
        return Weighed(
            chunk,
            observations,
            actor_inputs,
            legal,
            actions,
            alive,
            log_probs,
            log_ratios,
            weights_of(log_ratios.joint),
        )

    @torch.no_grad()
    def run(
        self,
        state: State,
        weighed: Weighed,
        passes: Iterable[Minibatches],
        learning_rates: Rates,
        then: CriticThen | None = None,
    ) -> Figures:
        """Change the state by gradient steps.

        Args:
            state: Changed in place.
            weighed: The data, as the policies of `state` see them.
            passes: For each pass over the data, the joint steps of its gradient steps.
            learning_rates: Of the policies and of the value functions.
            then: Whose advantages and targets are used; None for those of the present critic.

        Returns:
            Figures by name, (rows,), means over the gradient steps where they change.
        """
        batch, figures = self._prepare(state, weighed, then)
        sums: Figures = {}
        steps = 0
        for number, minibatches in enumerate(passes):
            if number > 0 and self._settings.recompute_advantages is True:
                del batch  # or two would be held at a time
                batch, _ = self._prepare(state, weighed, then)
            for chosen in minibatches:
                blocks = batch.cut(chosen)
                size = sum(block.size for block in blocks)
                self._step(state, blocks, size, learning_rates, sums)
                steps += 1
        return {**figures, **{name: total / steps for name, total in sums.items()}}

    def _prepare(
        self, state: State, weighed: Weighed, then: CriticThen | None
    ) -> tuple[Batch, Figures]:
        settings, chunk, alive = self._settings, weighed.chunk, weighed.alive
        log_ratios = weighed.log_ratios
        if not self._importance_weighted:
            log_ratios = log_ratios.ignored()
        apart = settings.critic == "own"
        weights, cut = truncated_weights(
            log_ratios,
            alive,
            settings.importance_weights,
            settings.truncation,
            settings.others_truncation,
            apart=apart,
        )
        rewards = chunk.rewards.sum(dim=1)  # agents that have left may still gain something
        if self._team_reward == "mean":
            rewards = rewards / chunk.rewards.shape[1]
        counting = weights if apart else weights.sum(dim=1) / alive.sum(dim=1).clamp_min(1.0)
        found = estimates_of(
            self._critic,
            state.critic if then is None else then.parameters,
            state.values if then is None else then.values,
            chunk,
            weighed.observations,
            rewards,
            log_ratios,
            counting,
            settings,
        )
        state.values.update(found.returns, found.value_weights)
        standardised = normalised(found.advantages, counting, found.smallest_variance)
        acted = alive.mean(dim=2 if apart else (1, 2), keepdim=True).clamp_min(_SMALLEST_SHARE)
        mean_weight = found.value_weights.mean(dim=-1, keepdim=True).clamp_min(_SMALLEST_SHARE)
        batch = Batch(
            actor_inputs=weighed.actor_inputs,
            legal=weighed.legal,
            actions=weighed.actions,
            log_probs=chunk.log_probs.flatten(2, 3) if self._anchored else weighed.log_probs,
            weighted_advantages=weights
            / acted
            * (standardised if apart else standardised.unsqueeze(1)),
            presence=alive / acted,
            critic_inputs=found.critic_inputs,
            targets=state.values.normalise(found.returns),
            value_weights=found.value_weights / mean_weight,
        )
        return batch, {"truncated_fraction": cut, "explained_variance": found.explained}

    def _step(
        self,
        state: State,
        blocks: Sequence[Batch],
        size: int,
        learning_rates: Rates,
        sums: Figures,
    ) -> None:
        """Make one gradient step on the joint steps of all blocks together, `size` of them."""
        actor = self._actor.gradient(state.actor)
        critic = self._critic.gradient(state.critic)
        agents = blocks[0].presence.shape[1]
        # An agent whose networks are its own learns as if alone: losses are means over its samples.
        own = self._settings.critic == "own"
        critics = agents if own else 1
        for block in blocks:
            value_loss = self._value_backward(critic, block)
            figures = self._policy_backward(actor, block)
            for name, total in figures.items():
                sums[name] = sums.get(name, 0.0) + total / (agents * size)
            sums["value_loss"] = sums.get("value_loss", 0.0) + value_loss / (critics * size)
        for optimiser, parameters, gradient, networks, rate in (
            (
                state.actor_optimiser,
                state.actor,
                actor.total() / (agents * size // (self._actor.networks if own else 1)),
                self._actor.networks,
                learning_rates[0],
            ),
            (
                state.critic_optimiser,
                state.critic,
                critic.total() / (critics * size // self._critic.networks),
                self._critic.networks,
                learning_rates[1],
            ),
        ):
            optimiser.step(parameters, self._clipped(gradient, networks), rate)

    def _clipped(self, gradient: Tensor, networks: int) -> Tensor:
        """Return a gradient, (rows, P), clipped: as one, or of each agent with its own critic."""
        largest = self._settings.max_gradient_norm
        if self._settings.critic == "central":
            return clipped(gradient, largest)
        each = gradient.view(len(gradient) * networks, -1)
        return clipped(each, largest).view_as(gradient)

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

    def _value_backward(self, gradient: PerceptronGradient | ActorGradient, block: Batch) -> Tensor:
        """Add the gradient of the value loss on a block; return that loss, (rows,), as a sum."""
        values = gradient.forward(block.critic_inputs)[:, 0]
        slopes, loss = value_slopes(
            values, block.targets, block.value_weights, self._settings.huber_delta
        )
        gradient.backward(slopes.unsqueeze(1))
        return loss
