"""An agent alone: nothing has to travel to anybody, and all figures are those of one learner."""

import numpy as np
import pytest

from marl_comm.command_line.composition import compose
from marl_comm.randomness import Streams
from marl_comm.runs.assemble import assemble
from marl_comm.train import LoopState

GAMES = {
    "coverage": "",
    "congestion": "",
    "random_potential": "",
    "unanimous_failure": "",
    "saddle_chain": "",
    "graph": "game.degree=0",
    "gap": "",
    "random_markov": "",
    "markov_congestion": "game.weights=[1,2,3]",
    "climbing_chain": "",
}


class Last:
    """Keeps what every seed ends with."""

    def __init__(self):
        self.evaluations = []

    def record(self, seed_rows, local_step, evaluation, learner):
        self.evaluations.append({name: values.copy() for name, values in evaluation.items()})
        return np.zeros(len(seed_rows), dtype=bool)

    def stop(self, seed_rows, reason, final):
        self.policy = final["policy"]


@pytest.mark.parametrize("samples", ["null", "320"])
@pytest.mark.parametrize("algorithm", ["full_communication", "base_policy_prediction"])
@pytest.mark.parametrize("game", GAMES)
def test_a_single_agent_learns_its_best_action_and_reads_nothing(game, algorithm, samples):
    alone = game in ("markov_congestion", "climbing_chain")  # nothing is drawn in these
    config = compose(
        f"game={game}",
        f"algorithm={algorithm}",
        "game.agents=1",
        "game.actions=3",
        "learner.step_size=8",
        "num_seeds=1" if alone else "num_seeds=3",
        "max_local_steps=40",
        f"samples_per_round={samples}",
        *GAMES[game].split(),
    )
    streams = Streams(range(config.num_seeds))
    parts = assemble(config, streams)
    last = Last()
    parts.train(last, LoopState.start(config.num_seeds), lambda: None)
    assert parts.ledger.bytes_down.tolist() == [0] * config.num_seeds
    np.testing.assert_allclose(last.policy.sum(axis=-1), 1, atol=1e-12)
    gaps = last.evaluations[0]["nash_gap"], last.evaluations[-1]["nash_gap"]
    assert gaps[1].mean() <= gaps[0].mean()
    assert (gaps[1] >= -1e-12).all()
