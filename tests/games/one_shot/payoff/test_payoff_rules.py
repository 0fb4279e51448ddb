"""Games from a table: exact figures against plain loops, scaling, and when there is a potential."""

import itertools

import enumeration
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marl_comm.arrays import Array
from marl_comm.games.one_shot import joint_table
from marl_comm.games.one_shot.joint_table import Scale, scaled
from marl_comm.games.one_shot.payoff.potential import exact_potential
from marl_comm.games.one_shot.payoff.rules import OwnPayoffs, TeamPayoffs
from marl_comm.games.one_shot.payoff.sizes import Sizes
from marl_comm.games.one_shot.payoff.table import PayoffTable
from marl_comm.games.one_shot.rules import PotentialGame
from marl_comm.games.one_shot.solution import nash_gap

NO_ROUNDING = 1e-13
PENNIES = np.array([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])


def game_of(payoffs: Array, *, own: bool) -> PotentialGame:
    unit, scale = scaled(payoffs)
    agents = payoffs.ndim - own
    table = PayoffTable(Sizes(agents, payoffs.shape[-1], own), unit, scale, "")
    return OwnPayoffs(table) if own else TeamPayoffs(table)


def rewards_in(payoffs: Array, *, own: bool) -> enumeration.OwnRewards:
    agents = payoffs.ndim - own

    def of(joint_action: tuple[int, ...]) -> list[float]:
        if own:
            return [float(payoffs[(agent, *joint_action)]) for agent in range(agents)]
        return [float(payoffs[joint_action])] * agents

    return of


def drawn(agents: int, actions: int, *, own: bool, seed: int = 0) -> Array:
    shape = ((agents,) if own else ()) + (actions,) * agents
    return np.random.default_rng(seed).random(shape)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(("agents", "actions"), [(2, 3), (3, 2), (4, 3), (5, 2)])
def test_exact_figures_equal_enumeration(agents: int, actions: int, own: bool) -> None:
    payoffs = drawn(agents, actions, own=own)
    game, rewards = game_of(payoffs, own=own), rewards_in(payoffs, own=own)
    assert game.common_reward == (not own)
    policy = enumeration.random_policy((2, agents, actions), seed=agents)
    log_policy = enumeration.log_of(policy)
    rows = np.array([7, 0])
    marginals = game.marginal_rewards(rows, log_policy)
    gaps, values = nash_gap(marginals, log_policy), game.value(rows, log_policy)
    for row in range(2):
        expected = enumeration.marginal_rewards(rewards, policy[row])
        assert marginals[row] == pytest.approx(expected, abs=NO_ROUNDING)
        gap = enumeration.nash_gap(rewards, policy[row])
        assert gaps[row] == pytest.approx(gap, abs=NO_ROUNDING)
        mean = enumeration.expectation(rewards, policy[row]).mean()
        assert values[row] == pytest.approx(mean, abs=NO_ROUNDING)
    every = np.array(list(itertools.product(range(actions), repeat=agents)), dtype=np.uint8)
    played = game.rewards(rows, np.stack([every, every[::-1]]))
    for row, order in enumerate((every, every[::-1])):
        in_order = [rewards(tuple(a)) if own else rewards(tuple(a))[0] for a in order]
        assert played[row].tolist() == in_order


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("entries_at_once", [1, 2 * 3**4, 2**22])
def test_a_row_is_bit_identical_whichever_rows_are_beside_it(
    monkeypatch: pytest.MonkeyPatch, entries_at_once: int, own: bool
) -> None:
    game = game_of(drawn(4, 3, own=own), own=own)
    log_policy = enumeration.log_of(enumeration.random_policy((9, 4, 3), seed=2))
    together = game.marginal_rewards(np.arange(9), log_policy)
    monkeypatch.setattr(joint_table, "_ENTRIES_AT_ONCE", entries_at_once)
    for rows in ([0], [8], [3, 1, 7], range(9)):
        part = np.array(rows)
        assert (game.marginal_rewards(part, log_policy[part]) == together[part]).all()


@given(
    offset=st.floats(-1e6, 1e6),
    factor=st.floats(1e-3, 1e6),
    seed=st.integers(0, 1000),
)
def test_scaling_keeps_the_order_and_can_be_undone(offset: float, factor: float, seed: int) -> None:
    before = offset + factor * np.random.default_rng(seed).random((2, 3, 3))
    after, scale = scaled(before)
    assert after.min() >= 0
    assert after.max() <= 1
    size = abs(offset) + factor
    assert scale.offset + scale.factor * after == pytest.approx(before, abs=1e-12 * size)
    assert (np.sort(after.ravel()) == after.ravel()[np.argsort(before, axis=None)]).all()


def test_one_scale_serves_all_agents_and_none_is_needed_in_0_to_1() -> None:
    inside = np.array([[0.25, 0.5], [0.5, 1.0]])
    assert scaled(inside)[1] == Scale(0.0, 1.0)
    assert scaled(inside)[0] is inside
    own = np.array([[[0.0, 1.0], [0.0, 0.0]], [[-1.0, 3.0], [0.0, 0.0]]])
    unit, scale = scaled(own)
    assert scale == Scale(-1.0, 4.0)
    assert unit[0, 0].tolist() == [0.25, 0.5]
    assert scaled(np.full((2, 2), 7.0))[1] == Scale(7.0, 1.0)


def test_a_gap_is_in_scaled_units() -> None:
    game = game_of(np.array([[10.0, 0.0], [0.0, 20.0]]), own=False)
    log_policy = enumeration.log_of(enumeration.pure_policy((0, 1), 2))[None]
    assert nash_gap(game.marginal_rewards(np.array([0]), log_policy), log_policy)[0] == 1.0
    assert game.arrays()["reward_factor"].tolist() == [20.0]


@given(seed=st.integers(0, 10**6), agents=st.integers(2, 4), actions=st.integers(2, 3))
def test_a_potential_game_is_recognised_and_deviations_gain_the_potentials(
    seed: int, agents: int, actions: int
) -> None:
    random = np.random.default_rng(seed)
    common = random.random((actions,) * agents) / 2
    payoffs = np.stack([common] * agents)
    for agent in range(agents):  # what does not depend on the own action leaves gains alone
        others = tuple(1 if axis == agent else actions for axis in range(agents))
        payoffs[agent] += random.random(others) / 2
    game = game_of(payoffs, own=True)
    assert isinstance(game, OwnPayoffs)
    assert game.exact_potential is not None
    shift = game.exact_potential - common
    assert np.ptp(shift) < 1e-13  # unique up to a constant
    agent, row = int(random.integers(agents)), np.array([0])
    before = enumeration.random_policy((1, agents, actions), seed)
    after = before.copy()
    after[:, agent] = random.dirichlet(np.ones(actions))
    own_gain = (
        game.marginal_rewards(row, enumeration.log_of(before))[0, agent]
        @ ((after - before)[0, agent])
    )
    gain = game.potential(row, enumeration.log_of(after)) - game.potential(
        row, enumeration.log_of(before)
    )
    assert gain[0] == pytest.approx(own_gain, abs=1e-12)


def largest_cycle(payoffs: Array) -> float:
    """The largest sum of gains round a square of deviations of two agents, by enumeration."""
    agents, actions = payoffs.ndim - 1, payoffs.shape[-1]
    largest = 0.0
    for corner in itertools.product(range(actions), repeat=agents):
        for one, other in itertools.combinations(range(agents), 2):
            for a, b in itertools.product(range(actions), repeat=2):
                at, total = list(corner), 0.0
                for agent, action in ((one, a), (other, b), (one, corner[one])):
                    total -= payoffs[(agent, *at)]
                    at[agent] = action
                    total += payoffs[(agent, *at)]
                total += payoffs[(other, *corner)] - payoffs[(other, *at)]
                largest = max(largest, abs(total))
    return largest


@given(seed=st.integers(0, 10**6), agents=st.integers(2, 3))
def test_there_is_a_potential_exactly_where_all_squares_of_deviations_close(
    seed: int, agents: int
) -> None:
    random = np.random.default_rng(seed)
    common = random.random((3,) * agents)
    payoffs = np.stack([common] * agents)
    size = 10.0 ** random.integers(-7, 1)
    joint_action = tuple(random.integers(3, size=agents))
    payoffs[(int(random.integers(agents)), *joint_action)] += size
    potential, misfit = exact_potential(payoffs)
    assert potential is None
    assert misfit >= 0.99 * size
    assert largest_cycle(payoffs) >= 0.99 * size
    assert exact_potential(np.stack([common] * agents))[1] < 1e-14
    assert largest_cycle(np.stack([common] * agents)) < 1e-14


def test_matching_pennies_has_no_potential_and_an_exact_gap() -> None:
    game = game_of(PENNIES, own=True)
    assert isinstance(game, OwnPayoffs)
    assert game.exact_potential is None
    assert game.misfit == largest_cycle(PENNIES) == 4.0
    assert "potential" not in game.arrays()
    with pytest.raises(ValueError, match="no exact potential"):
        game.potential(np.array([0]), np.log(np.full((1, 2, 2), 0.5)))
    uniform = np.log(np.full((1, 2, 2), 0.5))
    assert nash_gap(game.marginal_rewards(np.array([0]), uniform), uniform)[0] == 0.0


def test_repeating_an_action_leaves_values_and_gaps_as_they_are() -> None:
    payoffs = drawn(2, 3, own=True)
    fewer, more = payoffs[:, :, :2], payoffs[:, :, [0, 1, 1]]  # the second agent has two actions
    policy = [np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.4])]
    wide = np.stack([policy[0], np.array([0.6, 0.3, 0.1])])
    first, second = fewer[0] @ policy[1], policy[0] @ fewer[1]
    expected = max(first.max() - policy[0] @ first, second.max() - policy[1] @ second)
    log_policy = enumeration.log_of(wide)[None]
    marginals = game_of(more, own=True).marginal_rewards(np.array([0]), log_policy)
    assert nash_gap(marginals, log_policy)[0] == pytest.approx(expected, abs=NO_ROUNDING)
