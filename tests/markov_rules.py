"""Markov games as plain rules, and their definitions by listing every trajectory."""

import itertools
from dataclasses import dataclass

import numpy as np

from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.markov_congestion import MarkovCongestion
from marl_comm.games.over_time.random_markov import RandomMarkov


@dataclass
class Trajectory:
    """What happened, and how likely the game's own chance made it (policies aside)."""

    states: tuple[int, ...]  # one more than steps
    joint_actions: tuple[tuple[int, ...], ...]
    rewards: list[list[float]]  # per step and agent
    chance: float


class Rules:
    """`step(state, joint_action)` returns own rewards and the next state's probabilities."""

    def __init__(self, game, step, row=0):
        self.game, self.step = game, step
        self.start = game.initial_distribution[0 if game.games == 1 else row]

    def joint_actions(self):
        return itertools.product(range(self.game.actions), repeat=self.game.agents)

    def trajectories(self, steps=None):
        def extend(prefix, left):
            yield_now = left == 0
            if yield_now:
                yield prefix
                return
            for joint_action in self.joint_actions():
                rewards, probabilities = self.step(prefix.states[-1], joint_action)
                for state, probability in enumerate(probabilities):
                    if probability > 0:
                        longer = Trajectory(
                            (*prefix.states, state),
                            (*prefix.joint_actions, joint_action),
                            [*prefix.rewards, list(rewards)],
                            prefix.chance * probability,
                        )
                        yield from extend(longer, left - 1)

        for state, probability in enumerate(self.start):
            if probability > 0:
                first = Trajectory((state,), (), [], probability)
                yield from extend(first, self.game.steps if steps is None else steps)


def probability(policy, trajectory, steps=None):
    """Of the actions alone, up to `steps`. policy: (L, S, m, A)."""
    result = 1.0
    for step, joint_action in enumerate(trajectory.joint_actions[:steps]):
        for agent, action in enumerate(joint_action):
            layer = min(step, len(policy) - 1)
            result *= policy[layer][trajectory.states[step]][agent][action]
    return result


def random_markov_rules(game: RandomMarkov, row=0) -> Rules:
    which = 0 if game.games == 1 else row

    def step(state, joint_action):
        index = 0
        for action in joint_action:
            index = index * game.actions + action
        reward = game.reward[which, state, index]
        return [reward] * game.agents, list(game.transition[which, state, index])

    return Rules(game, step, row)


def congestion_rules(game: MarkovCongestion) -> Rules:
    agents, weights, penalty = game.agents, list(game.weights), game.penalty
    lowest, highest = min(weights) - penalty, max(weights) * agents

    def step(state, joint_action):
        loads = [joint_action.count(facility) for facility in range(len(weights))]
        pay = [weights[f] * loads[f] - (penalty if state == 1 else 0.0) for f in joint_action]
        crowded = max(loads) > agents / 2 if state == 0 else max(loads) > agents / 4
        rewards = [(own - lowest) / (highest - lowest) for own in pay]
        return rewards, [0.0, 1.0] if crowded else [1.0, 0.0]

    return Rules(game, step)


def chain_rules(game: ClimbingChain) -> Rules:
    top = game.actions - 1

    def step(state, joint_action):
        smallest, mean = min(joint_action), sum(joint_action) / len(joint_action)
        worth = game.penalty + smallest / top - game.penalty * (mean - smallest) / top
        reward = (state + 1) / game.states * worth / (1 + game.penalty) / game.steps
        probabilities = [0.0] * game.states
        probabilities[state] += 1 - smallest / top
        probabilities[min(state + 1, game.states - 1)] += smallest / top
        return [reward] * game.agents, probabilities

    return Rules(game, step)


def examples():
    """Small games of every kind, each with its rules."""
    random_markov = RandomMarkov(2, 3, 3, 3, [5, 6])
    congestion = MarkovCongestion(4, (1.0, 3.0), 5.0, 0.8, 3)
    chain = ClimbingChain(3, 3, 3, 3, 0.7)
    return {
        "random_markov": (random_markov, lambda row: random_markov_rules(random_markov, row)),
        "markov_congestion": (congestion, lambda row: congestion_rules(congestion)),
        "climbing_chain": (chain, lambda row: chain_rules(chain)),
    }


def random_policy(game, rows, seed, floor=0.0):
    """(rows, L, S, m, A) probabilities."""
    random = np.random.default_rng(seed)
    shape = (rows, game.layers, game.states, game.agents)
    policy = random.dirichlet(np.ones(game.actions), size=shape)
    return (1 - floor) * policy + floor / game.actions
