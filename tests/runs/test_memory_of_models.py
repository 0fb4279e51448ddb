"""The estimate of memory, by which runs are refused, against what runs with models use."""

import tracemalloc

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.games.settings import TabularGameSettings
from marl_comm.runs.session import execute

TWO_ROUNDS = ("communication=periodic", "communication.period=2", "max_local_steps=4")


@pytest.mark.parametrize(
    "overrides",
    [
        ("game=graph", "game.agents=30", "samples_per_round=8000", "num_seeds=2"),
        (
            "game=graph",
            "game.agents=30",
            "samples_per_round=4000",
            "learner.reuse=all",
            "communication.max_rounds=2",
        ),
        ("game=graph", "game.agents=100", "samples_per_round=500"),
        ("game=congestion", "game.agents=30", "game.actions=10", "num_seeds=2"),
        ("game=markov_congestion", "samples_per_round=8000", "num_seeds=3"),
        ("game=graph", "game.agents=30", "num_seeds=4", "learner.estimator=joint"),
    ],
    ids=lambda overrides: "-".join(overrides),
)
def test_runs_with_models_use_no_more_than_estimated_and_not_far_less(tmp_path, overrides):
    """All that numpy allocates; a fit is counted with all pairs that may join, so up to threefold.

    Two rounds, so that old and new data, and their models, are there together.
    """
    config = compose(*TWO_ROUNDS, "logger=local", "learner.estimator=doubly_robust", *overrides)
    assert isinstance(config.game, TabularGameSettings)
    tracemalloc.start()
    try:
        execute(config, tmp_path / "run")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    estimate = config.game.memory(config)
    assert peak < estimate < 3 * peak
    without = config.model_copy(
        update={"learner": config.learner.model_copy(update={"estimator": "bounded"})}
    )
    models = estimate - config.game.memory(without)
    assert models == 8 * config.learner.numbers_of_models(config)
