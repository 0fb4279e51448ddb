from typing import Any

import pytest

from marl_comm.loggers.seed_table import ARRIVAL_COUNTS, seed_table, sweep_numbers


def summary(seed: int, arrival: int | None) -> dict[str, Any]:
    reached = None if arrival is None else dict.fromkeys(ARRIVAL_COUNTS, arrival)
    return {
        "seed": seed,
        "rounds": 10 * seed,
        "value": 0.5,
        "stopped_by": "goal",
        "reached": {"0.1": reached},
    }


@pytest.mark.parametrize(
    ("arrivals", "median"),
    [
        ([3, 1], 2),
        ([3, None, 1], 3),
        ([3, None, None], None),
        ([None, 4], None),
        ([None], None),
    ],
)
def test_a_seed_that_did_not_arrive_counts_as_infinite(
    arrivals: list[int | None], median: float | None
) -> None:
    numbers = sweep_numbers([summary(seed, arrival) for seed, arrival in enumerate(arrivals)])
    assert [numbers[f"reached/0.1/{count}"] for count in ARRIVAL_COUNTS] == [median] * len(
        ARRIVAL_COUNTS
    )
    assert numbers["reached/0.1/seeds"] == sum(arrival is not None for arrival in arrivals)


def test_final_figures_are_means_over_seeds() -> None:
    numbers = sweep_numbers([summary(1, None), summary(2, 4)])
    final = {name: number for name, number in numbers.items() if name.startswith("final/")}
    assert final == {"final/rounds": 15, "final/value": 0.5}


def test_one_row_per_seed() -> None:
    columns, rows = seed_table([summary(1, None), summary(2, 4)])
    assert columns == [
        *("seed", "rounds", "value", "stopped_by"),
        *(f"reached/0.1/{count}" for count in ARRIVAL_COUNTS),
    ]
    assert rows == [[1, 10, 0.5, "goal", *[None] * 5], [2, 20, 0.5, "goal", *[4] * 5]]


def test_games_without_exact_figures_reach_nothing():
    seeds = [{"seed": 0, "rounds": 3, "return": -40.0}, {"seed": 1, "rounds": 5, "return": -42.0}]
    assert sweep_numbers(seeds) == {"final/rounds": 4.0, "final/return": -41.0}
    columns, data = seed_table(seeds)
    assert columns == ["seed", "rounds", "return"]
    assert data == [[0, 3, -40.0], [1, 5, -42.0]]
