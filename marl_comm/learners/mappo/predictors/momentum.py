"""Follow the optimiser's present step as if every coming gradient were like its mean."""

from torch import Tensor

from marl_comm.learners.mappo.practice import Practice
from marl_comm.learners.mappo.predictor import SteadyStep
from marl_comm.learners.mappo.state import State


class Momentum(SteadyStep):
    """The step that Adam would make next, times the gradient steps of a local iteration."""

    def step(
        self, practice: Practice, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """Return Adam's next step, as often as a local iteration makes it."""
        return practice.momentum(networks)


THE_PREDICTOR = Momentum
