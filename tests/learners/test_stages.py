"""Steps of an episode that learn one after another, the last one first."""

import itertools
import math

import numpy as np
import pytest
from markov_rules import Rules, chain_rules, random_markov_rules, random_policy
from worlds import learner_for, play, prediction

from marl_comm.command_line.composition import compose
from marl_comm.communication.periodic import Periodic
from marl_comm.errors import InputError
from marl_comm.experience import BasePolicies
from marl_comm.games.over_time.climbing_chain import ClimbingChain
from marl_comm.games.over_time.player import MarkovFormGame
from marl_comm.games.over_time.random_markov import RandomMarkov
from marl_comm.learners.stages import Stages
from marl_comm.randomness import Streams

STEP = 3.0


def stage_values(rules: Rules, policy, state, ahead):
    """Each agent's value of each action in a state of a team game, the others as they play."""
    game = rules.game
    own = np.zeros((game.agents, game.actions))
    for joint_action in rules.joint_actions():
        rewards, follows = rules.step(state, joint_action)
        worth = rewards[0] + float(np.dot(follows, ahead))
        for agent, action in enumerate(joint_action):
            others = math.prod(
                policy[other, taken] for other, taken in enumerate(joint_action) if other != agent
            )
            own[agent, action] += others * worth
    return own


def backward_induction(rules: Rules, updates: int):
    """Natural policy gradient in the one-shot game of each state, from the last step on."""
    game = rules.game
    policy = np.full((game.steps, game.states, game.agents, game.actions), 1 / game.actions)
    ahead = np.zeros(game.states)
    for step in reversed(range(game.steps)):
        worth = np.zeros(game.states)
        for state in range(game.states):
            mine = policy[step, state]
            for _ in range(updates):
                odds = mine * np.exp(STEP * stage_values(rules, mine, state, ahead))
                mine = odds / odds.sum(axis=-1, keepdims=True)
            policy[step, state] = mine
            worth[state] = mine[0] @ stage_values(rules, mine, state, ahead)[0]
        ahead = worth
    return policy


@pytest.mark.parametrize(
    ("game", "rules_of"),
    [
        (RandomMarkov(2, 2, 2, 3, [4]), random_markov_rules),
        (ClimbingChain(2, 3, 2, 3, 0.4), chain_rules),
    ],
)
def test_exact_learning_is_backward_induction(game, rules_of):
    trace = play(
        game, Periodic(5), seeds=range(1), local_steps=24, step_size=STEP, stages=Stages(3, 24)
    )
    expected = backward_induction(rules_of(game), 8)
    assert np.exp(trace.final[0][1]) == pytest.approx(expected, abs=1e-9)


def test_it_ends_where_no_agent_gains_alone_at_any_state_of_any_step():
    """Gains below 0.01 aside, which so few updates cannot tell from none."""
    for seed in range(3):
        game = RandomMarkov(2, 3, 2, 3, [seed])
        rules = random_markov_rules(game)
        trace = play(game, seeds=range(1), local_steps=450, step_size=20.0, stages=Stages(3, 450))
        chosen = trace.final[0][1].argmax(axis=-1)  # (steps, states, agents)
        ahead = np.zeros(game.states)
        for step in reversed(range(game.steps)):
            table = np.zeros((game.states, 3, 3))
            for state, joint_action in itertools.product(range(2), rules.joint_actions()):
                rewards, follows = rules.step(state, joint_action)
                table[(state, *joint_action)] = rewards[0] + float(np.dot(follows, ahead))
            first, second = chosen[step].T
            here = table[range(2), first, second]
            assert (here >= table[range(2), :, second].max(axis=-1) - 0.01).all()
            assert (here >= table[range(2), first, :].max(axis=-1) - 0.01).all()
            ahead = here
        assert trace.of(0)[-1]["nash_gap"] < 1e-3
        assert trace.of(0)[-1]["value"] == pytest.approx(
            game.initial_distribution[0] @ ahead, abs=0.01
        )


def test_the_known_optimum_of_a_chain_is_found():
    game = ClimbingChain(3, 2, 3, 4, 0.1)
    trace = play(game, seeds=range(1), local_steps=400, step_size=40.0, stages=Stages(4, 400))
    assert trace.of(0)[-1]["value"] == pytest.approx(game.optimum(), abs=1e-3)


def test_a_step_learns_in_its_turn_alone_whatever_is_predicted():
    game = RandomMarkov(3, 2, 3, 3, range(2))
    trace = play(
        game,
        Periodic(4),
        prediction(spacing=0.01, longest_round=4),
        seeds=range(2),
        local_steps=31,
        samples=90,
        step_size=STEP,
        stages=Stages(3, 31),
    )
    for row in range(2):
        policies = np.array([step["policy"] for step in trace.of(row)])
        moved = (np.diff(policies, axis=0) != 0).any(axis=(2, 3, 4))
        turns = [2] * 10 + [1] * 10 + [0] * 11
        assert (moved == (np.arange(3) == np.array(turns)[:, None])).all()
        assert max(step["bases"] for step in trace.of(row)) > 1


@pytest.mark.parametrize("predictor", ["line", "rehearsal", "last", "exact"])
def test_what_is_predicted_is_the_step_that_learns_alone(predictor):
    world = MarkovFormGame(RandomMarkov(3, 2, 3, 3, range(2)), Streams(range(2)), 0.0)
    learner = learner_for(world, step_size=STEP, stages=Stages(3, 9))
    rows = np.arange(2)
    learner.receive(rows, world.collect(rows, BasePolicies.current(learner.log_policy), 90))
    for _ in range(4):  # the last step has had three, the one before it its first
        learner.update()
    for predicted in getattr(learner, f"predict_{predictor}")(rows, 3):
        moved = (predicted != learner.log_policy).any(axis=(2, 3, 4))
        assert (moved == [False, True, False]).all()


def test_sampled_learning_ends_near_a_local_maximum():
    """Twelve games at fixed seeds; all but two of them within 0.05."""
    game = RandomMarkov(3, 3, 3, 3, range(12))
    trace = play(
        game,
        Periodic(10),
        seeds=range(12),
        local_steps=90,
        samples=3000,
        step_size=30.0,
        exploration=0.02,
        stages=Stages(3, 90),
    )
    gaps = [trace.of(row)[-1]["nash_gap"] for row in range(12)]
    assert sum(gap > 0.05 for gap in gaps) <= 2


def test_the_gap_of_a_stage_is_what_an_agent_gains_at_that_step_alone():
    game = RandomMarkov(2, 2, 2, 3, [4])
    rules, world = random_markov_rules(game), MarkovFormGame(game, Streams([0]), 0.0)
    policy = random_policy(game, 1, seed=3)
    ahead, met = np.zeros(2), [np.array(game.initial_distribution[0])]
    for _ in range(2):
        moves = np.zeros((2, 2))
        for state, joint_action in itertools.product(range(2), rules.joint_actions()):
            moves[state] += np.array(rules.step(state, joint_action)[1]) / 4
        met.append(met[-1] @ moves)
    gaps = world.stage_gaps(np.array([0]), np.log(policy))[0]
    for step in reversed(range(3)):
        gained, worth = np.zeros(2), np.zeros(2)
        for state in range(2):
            own = stage_values(rules, policy[0, step, state], state, ahead)
            mean = (policy[0, step, state] * own).sum(axis=-1)
            gained += met[step][state] * (own.max(axis=-1) - mean)
            worth[state] = mean[0]
        assert gaps[step] == pytest.approx(gained.max())
        ahead = worth


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("game=coverage",), "there is no last step"),
        (("game=markov_congestion",), "there is no last step"),
        (("game=random_markov", "game.horizon=9", "max_local_steps=8"), "max_local_steps to 9"),
        (
            ("game=mpe/simple_spread",),
            "learner.stages: unknown key here, it belongs to learner=npg",
        ),
    ],
)
def test_where_there_are_no_stages_one_line_says_so(overrides, told):
    with pytest.raises(InputError) as refused:
        compose("learner.stages=backward", *overrides)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
