"""Figures of a round against a loop over its steps, rows and copies."""

import numpy as np
import torch

from marl_comm.games.environments.environments import Step
from marl_comm.games.environments.episodes import Episodes
from marl_comm.games.environments.spec import Spec

SPEC = Spec(("x", "y"), (1, 1), (2, 2), discrete=True)
ROWS, COPIES, STEPS = 3, 2, 9


def test_returns_and_further_figures_are_those_of_a_loop():
    random = np.random.default_rng(0)
    running = np.zeros((ROWS, 2, COPIES))
    returns = [[] for _ in range(ROWS)]
    given = [[] for _ in range(ROWS)]
    episodes = Episodes.going_on(torch.zeros((ROWS, 2, COPIES)))
    began = np.ones((ROWS, COPIES), dtype=bool)
    for step in range(STEPS):
        rows = np.arange(ROWS if step < 6 else 2)  # the last has fewer chunks
        rewards = random.integers(-4, 5, (len(rows), 2, COPIES)).astype(np.float32)
        ended = random.random((len(rows), COPIES)) < 0.4
        won = np.where(ended & (rows[:, None] < 2), random.integers(2, size=ended.shape), np.nan)
        outcome = Step(
            torch.from_numpy(rewards),
            torch.from_numpy(ended),
            torch.from_numpy(ended),
            torch.zeros((len(rows), 2, COPIES, 1)),
            {"info_won": torch.from_numpy(won)} if step > 0 else {},
        )
        episodes.count_step(torch.from_numpy(rows), torch.from_numpy(began[rows]), outcome)
        for row in rows:
            for copy in range(COPIES):
                if began[row, copy]:
                    running[row, :, copy] = 0.0
                running[row, :, copy] += rewards[row, :, copy]
                if ended[row, copy]:
                    returns[row].append(running[row, :, copy].copy())
                if step > 0 and not np.isnan(won[row, copy]):
                    given[row].append(won[row, copy])
                began[row, copy] = ended[row, copy]
    figures = episodes.figures(SPEC)
    expected = np.array([np.mean(own, axis=0) for own in returns])
    np.testing.assert_allclose(figures["return_x"], expected[:, 0])
    np.testing.assert_allclose(figures["return_y"], expected[:, 1])
    np.testing.assert_allclose(figures["return"], expected.sum(axis=1))
    np.testing.assert_allclose(figures["info_won"], [*map(np.mean, given[:2]), np.nan])
    assert not given[2]
    assert len(given[0]) > 1
