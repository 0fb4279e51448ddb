"""Train a twin beside the run that communicates at every update: no agent could run this."""

import torch
from torch import Tensor

from marl_comm.arrays import IntArray
from marl_comm.experience.network_bases import NetworkBases
from marl_comm.experience.rollouts import Chunk, Rollouts
from marl_comm.games.environments.player import EnvironmentGame
from marl_comm.learners.mappo.predictor import Rehearsing
from marl_comm.learners.mappo.state import State
from marl_comm.learners.mappo.updater import Updater


class Twin(Rehearsing):
    """The policies after local updates on fresh data each, from the networks as they are now.

    What the twin plays is in no ledger. Its noise is not the run's, so it shows how far policies
    can be foreseen by whoever may ask the environment as often as it likes: a ceiling.
    """

    asks_the_game = True

    def __init__(self) -> None:
        """Start without anything to play in."""
        self._game: EnvironmentGame | None = None

    def practise_in(self, game: EnvironmentGame) -> None:
        """Take the environments that nobody else plays in."""
        self._game = game

    def rehearsed(
        self,
        updater: Updater,
        networks: State,
        rollouts: Rollouts,
        rows: IntArray,
        positions: int,
    ) -> Tensor | None:
        """Return the twin's policies. See `NetworkPredictor`."""
        game = self._game
        assert game is not None, "whoever makes it gives it something to play in"
        now = torch.zeros(len(rows), dtype=torch.int64, device=networks.actor.device)

        def fresh(position: int) -> Chunk:
            bases = NetworkBases.current(networks.actor, torch.ones_like(now))
            played = game.collect(updater.seed_rows[rows], updater.players(bases), None)
            return played.rollouts.chunk(now)

        return updater.rehearse(networks, fresh, rows, positions)


THE_PREDICTOR = Twin
