"""Which family of action distributions an environment's actions need."""

import torch

from marl_comm.games.environments.spec import Spec
from marl_comm.learners.mappo.distributions import Categorical, DiagonalGaussian, Distribution
from marl_comm.learners.mappo.several_choices import SeveralChoices


def distribution_for(spec: Spec, device: torch.device) -> Distribution:
    """Return the family that fits the environment's actions."""
    if not spec.discrete:
        return DiagonalGaussian(spec, device)
    return SeveralChoices(spec, device) if spec.parts else Categorical(spec, device)
