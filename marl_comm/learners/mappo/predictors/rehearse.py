"""Make the coming local updates on the last round's data."""

from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.experience.rollouts import Rollouts
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.learners.mappo.predictor import Rehearsing
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater


class Rehearse(Rehearsing):
    """The policies after local updates on the data at hand, on a copy of everything."""

    def practise_in(self, game: EnvironmentGame) -> None:
        """It plays nothing."""

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
