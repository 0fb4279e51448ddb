"""Small training set-ups shared by the tests of the loop and of the algorithms."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from marl_comm.algorithms.algorithm import Algorithm
from marl_comm.algorithms.base_policy_prediction.predictor import predictor_named
from marl_comm.algorithms.base_policy_prediction.tables import BasePolicyPrediction
from marl_comm.algorithms.current_policy import CurrentPolicy
from marl_comm.communication.budget import Budget
from marl_comm.communication.ledger import Ledger
from marl_comm.communication.schedule import Schedule, WithFirstRound
from marl_comm.communication.unlimited import Unlimited
from marl_comm.experience import Estimation
from marl_comm.games.one_shot.player import NormalFormGame
from marl_comm.games.one_shot.rules import PotentialGame, TeamGame
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.rules import MarkovGame
from marl_comm.learners.npg.learner import NaturalPolicyGradient
from marl_comm.learners.npg.update_rule import UpdateRule
from marl_comm.randomness import Streams
from marl_comm.train import LoopState, Parts, train


class TableGame(TeamGame):
    """A hand-made team game: `payoff` (games, A, ..., A)."""

    def __init__(self, payoff):
        self.payoff = np.asarray(payoff, dtype=float)
        super().__init__(self.payoff.ndim - 1, self.payoff.shape[1], range(len(self.payoff)))

    def marginal_rewards(self, rows, log_policy):
        policy = np.exp(log_policy)
        result = np.zeros_like(policy)
        for row, game in enumerate(self.game_of_row(rows)):
            for joint_action in np.ndindex(*self.payoff.shape[1:]):
                for agent, action in enumerate(joint_action):
                    others = np.prod(
                        [policy[row, j, a] for j, a in enumerate(joint_action) if j != agent]
                    )
                    result[row, agent, action] += others * self.payoff[(game, *joint_action)]
        return result

    def rewards(self, rows, joint_actions):
        game = np.broadcast_to(self.game_of_row(rows)[:, None], joint_actions.shape[:2])
        return self.payoff[(game, *np.moveaxis(joint_actions, -1, 0))]

    @classmethod
    def numbers(cls, agents, actions):
        return actions**agents

    @classmethod
    def problems(cls, agents, actions, games):
        yield from ()

    def arrays(self):
        return {"payoff": self.payoff}


@dataclass
class Trace:
    """A recorder that remembers everything."""

    ledger: Ledger
    steps: list = field(default_factory=list)
    final: dict = field(default_factory=dict)

    def record(self, seed_rows, local_step, evaluation, learner):
        diagnostics = learner.diagnostics()
        for position, row in enumerate(seed_rows):
            self.steps.append(
                {
                    "row": int(row),
                    "local_step": local_step,
                    "round": int(self.ledger.rounds[row]),
                    "samples": int(self.ledger.samples[row]),
                    "policy": learner.log_policy[position].copy(),
                    "nash_gap": float(evaluation["nash_gap"][position]),
                    "value": float(evaluation["value"][position]),
                    "bases": int(diagnostics["bases"][position]),
                    "ess": float(diagnostics["ess"][position]),
                }
            )
        return np.zeros(len(seed_rows), dtype=bool)

    def stop(self, seed_rows, reason, final):
        for position, row in enumerate(seed_rows):
            self.final[int(row)] = (reason, np.log(final["policy"][position]))

    def of(self, row):
        return [step for step in self.steps if step["row"] == row]


def estimation(estimator="bounded", truncation=10.0, weighted=True, rounds=1, own_base=False):
    return Estimation(estimator, truncation, weighted, rounds, own_base)


def learner_for(game, *, exploration=0.0, step_size=1.0, policy_floor=1e-10, stages=None, **asked):
    return NaturalPolicyGradient(
        game.initial_log_policy(),
        rule=UpdateRule(step_size, policy_floor, stages),
        exploration=exploration,
        estimation=estimation(**asked),
        oracle=game,
    )


def prediction(**changes) -> BasePolicyPrediction:
    options = {
        "spacing": 0.3,
        "spacing_unit": "divergence",
        "max_bases": 8,
        "horizon": "adaptive",
        "predictor": "line",
        "weights": "mixture",
        "longest_round": 50,
        **changes,
    }
    return BasePolicyPrediction(**{**options, "predictor": predictor_named(options["predictor"])})


def play(
    bare_game: PotentialGame | MarkovGame,
    schedule: Schedule | None = None,
    algorithm: Algorithm | None = None,
    *,
    seeds=range(3),
    samples=None,
    local_steps=30,
    max_rounds=None,
    max_samples=None,
    warmup=None,
    **learner_options,
) -> Trace:
    adapter = MarkovFormGame if isinstance(bare_game, MarkovGame) else NormalFormGame
    game = adapter(bare_game, Streams(seeds), reward_noise=0.0)
    ledger = Ledger(len(seeds))
    trace = Trace(ledger)
    learner = learner_for(game, **learner_options)
    algorithm = algorithm or CurrentPolicy(reweighs=True)
    parts = Parts(
        game,
        learner,
        partial(algorithm.plan, learner),
        algorithm,
        WithFirstRound(schedule or Unlimited(), warmup),
        Budget(max_rounds, max_samples, local_steps),
        ledger,
        samples,
    )
    train(parts, trace, LoopState.start(len(seeds)), after_step=lambda: None)
    return trace
