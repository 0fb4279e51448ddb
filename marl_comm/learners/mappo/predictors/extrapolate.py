"""Go on as the policies have gone since the round began."""

from torch import Tensor

from marl_comm.learners.mappo.predictor import SteadyStep
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater


class Extrapolate(SteadyStep):
    """The mean displacement of the policies' parameters since the round began."""

    def step(
        self, updater: Updater, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """Return the mean displacement per local update."""
        return (networks.actor - start) / updates.unsqueeze(1)


THE_PREDICTOR = Extrapolate
