"""Advantages and value targets of a local update, of the team or of each agent."""

from dataclasses import dataclass

import torch
from torch import Tensor

from marl_comm.experience.rollouts import Chunk
from marl_comm.learners.mappo.advantages import (
    ValueNormaliser,
    corrected_advantages,
    following_values,
    generalised_advantages,
    smallest_variance,
    weighted_moments,
)
from marl_comm.learners.mappo.hyperparameters import Hyperparameters
from marl_comm.learners.mappo.importance import LogRatios, weights_of
from marl_comm.learners.mappo.networks import ValueFunctions


@dataclass(frozen=True)
class Estimates:
    """What critics say of the data; a critic is the team's, (rows, N), or each agent's.

    Attributes:
        critic_inputs: (rows, N, inputs) or (rows, agents, N, inputs).
        advantages: (rows, N) or (rows, agents, N), neither weighted nor standardised.
        returns: The same, what the critics are to learn.
        value_weights: The same, what a sample counts for in that; not rescaled.
        smallest_variance: (rows, 1) or (rows, agents, 1), of what is mere rounding.
        explained: (rows,), which share of the returns' variance the critics have foreseen.
    """

    critic_inputs: Tensor
    advantages: Tensor
    returns: Tensor
    value_weights: Tensor
    smallest_variance: Tensor
    explained: Tensor


def estimates_of(
    critic: ValueFunctions,
    parameters: Tensor,
    units: ValueNormaliser,
    chunk: Chunk,
    observations: Tensor,
    rewards: Tensor,
    log_ratios: LogRatios,
    weights: Tensor,
    settings: Hyperparameters,
) -> Estimates:
    """Return estimates from data of the policies that played.

    Args:
        critic: Shape of the value functions.
        parameters: (rows, Q), theirs.
        units: Of their values.
        chunk: The data; N = T * E joint steps.
        observations: (rows, agents, N, largest observation).
        rewards: (rows, T, E), the team's.
        log_ratios: Of the current policies to whoever played.
        weights: What samples count for: the team's or each agent's, as in `Estimates`.
        settings: Discount and so on.
    """
    inputs = critic.inputs(observations, chunk.world.flatten(2, 3))
    values = units.restore(critic(parameters, inputs))
    final_inputs = critic.inputs(
        chunk.final_observations.flatten(2, 3), chunk.final_world.flatten(2, 3)
    )
    finals = units.restore(critic(parameters, final_inputs))
    each_agent = values.ndim > 2

    def per_critic(data: Tensor) -> Tensor:
        """Return (rows, T, E) of the team as each critic needs them."""
        return data.unsqueeze(1).expand(-1, values.shape[1], -1, -1) if each_agent else data

    stepwise = values.unflatten(-1, rewards.shape[1:])
    ended = per_critic(chunk.ended)
    next_values = following_values(
        stepwise,
        finals.unflatten(-1, chunk.final_observations.shape[2:4]),
        per_critic(chunk.stretch),
        ended,
        per_critic(chunk.terminated),
    )
    process = per_critic(rewards), stepwise, next_values, ended
    if settings.advantages == "vtrace":
        ratios = weights_of(log_ratios.own if each_agent else log_ratios.joint)
        advantages, excess = corrected_advantages(
            *process,
            ratios.view_as(stepwise),
            settings.discount,
            settings.trace,
            largest_on_delta=settings.delta_truncation,
            largest_on_trace=settings.trace_truncation,
        )
        # The targets are the current policies' already, whatever was played there.
        weights = (weights > 0).to(values.dtype)
    else:
        advantages = generalised_advantages(*process, settings.discount, settings.trace)
        excess = advantages
    advantages, excess = advantages.flatten(-2), excess.flatten(-2)
    returns = excess + values
    if each_agent:  # of an agent that never acted nothing is known, and no unit either
        idle = (weights.sum(dim=-1, keepdim=True) == 0).expand_as(values)
        advantages, returns = advantages.masked_fill(idle, 0.0), returns.masked_fill(idle, 0.0)
    _, unexplained = weighted_moments(excess, weights)
    _, variance = weighted_moments(returns, weights)
    smallest = smallest_variance(returns, weights)
    share = unexplained / torch.maximum(variance.double(), smallest)
    explained = 1 - share[..., 0].float()
    if each_agent:
        explained = explained.mean(dim=1)
    return Estimates(inputs, advantages, returns, weights, smallest, explained)
