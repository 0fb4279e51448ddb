"""The drawing of the idea shows what the learning rule does."""

import itertools

import numpy as np

from scripts import draw_idea


def test_the_path_is_natural_policy_gradient_of_the_drawn_game() -> None:
    points = draw_idea.path()
    for before, after in itertools.pairwise(points):
        first, second = 1 / (1 + np.exp(-before))
        mine = [[1 - first, first], [1 - second, second]]
        for agent in range(2):
            rewards = draw_idea.REWARDS if agent == 0 else draw_idea.REWARDS.T
            values = [sum(mine[1 - agent][b] * rewards[a, b] for b in range(2)) for a in range(2)]
            moved = draw_idea.STEP_SIZE * (values[1] - values[0])
            np.testing.assert_allclose(after[agent] - before[agent], moved)


def test_a_round_comes_exactly_when_the_policy_has_left_the_data() -> None:
    points = draw_idea.path()
    for predicts in (False, True):
        story = draw_idea.told(points, predicts)
        latest = -1
        for update, point in enumerate(points[:-1]):
            fresh = update in story.rounds
            left = latest < 0 or all(
                np.linalg.norm(base - point) > draw_idea.USABLE for base in story.bases[latest]
            )
            assert fresh == left
            latest += fresh
    assert len(story.bases[0]) == 1  # Nothing to predict from.
