"""Make the coming local updates on the last round's data."""

from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.experience.rollouts import Rollouts
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.learners.mappo.predictor import NetworkPredictor
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater


class Rehearse(NetworkPredictor):
    """The policies after local updates on the data at hand, on a copy of everything."""

    @property
    def rehearses(self) -> bool:
        """Yes."""
        return True

    def practise_in(self, game: EnvironmentGame) -> None:
        """It plays nothing."""

    def step(
        self, updater: Updater, networks: State, start: Tensor, updates: Tensor
    ) -> Tensor | None:
        """No step is known beforehand, and rehearsing at each would cost as much as learning."""
        return None

    def rehearsed(
        self,
        updater: Updater,
        networks: State,
        rollouts: Rollouts,
        rows: IntArray,
        positions: int,
    ) -> Tensor | None:
        """Return the rehearsed policies. See `NetworkPredictor`."""
        return updater.rehearse(
            networks, lambda position: rollouts.chunk(position % rollouts.count), rows, positions
        )


THE_PREDICTOR = Rehearse
