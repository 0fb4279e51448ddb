"""Follow the optimiser's present step as if every coming gradient were like its mean."""

from torch import Tensor

from marl_comm.learners.mappo.predictor import SteadyStep
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater


class Momentum(SteadyStep):
    """The step that Adam would make next, times the gradient steps of a local update."""

    def step(
        self, updater: Updater, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """Return Adam's next step, as often as a local update makes it."""
        return updater.momentum(networks)


THE_PREDICTOR = Momentum
