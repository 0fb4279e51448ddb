"""What a run is said to take, beside what runs have taken."""

import pytest

from marl_comm.command_line.composition import compose
from marl_comm.runs.cost import seconds_of

# OMP_NUM_THREADS=1 python scripts/measure_cost.py ..., with two cores that others used as well.
MEASURED = {
    "game=jaxmarl max_local_steps=300": 51.7,
    "game=vmas/simple_spread max_local_steps=40 num_seeds=2": 16.1,
    "game=mpe/simple_spread max_local_steps=30": 11.9,
}
# Joint steps in a second with policies, from the table of docs/development.md, lowest and highest.
SMAX = {"3m": (27_900, 43_500), "2s3z": (20_900, 25_400)}


def seconds(*overrides: str) -> float:
    return seconds_of(compose(*overrides))


@pytest.mark.parametrize("command", MEASURED)
def test_an_estimate_is_less_than_twice_what_was_measured_and_more_than_half(command: str) -> None:
    assert MEASURED[command] / 2 < seconds(*command.split()) < 2 * MEASURED[command]


@pytest.mark.parametrize("scenario", SMAX)
def test_battles_are_as_fast_as_the_benchmark_found_within_a_factor_of_two(scenario: str) -> None:
    pace = compose(f"game=smax/{scenario}").game.pace
    per_second = 64 / (pace.step + 64 * pace.copy)
    slowest, fastest = SMAX[scenario]
    assert fastest / 2 < per_second < 2 * slowest


def test_what_is_compiled_once_is_counted_once_however_long_the_run() -> None:
    """And whoever plays more local updates pays for them alone, with their evaluations."""
    one, two, three = (seconds("game=jaxmarl", f"max_local_steps={n}") for n in (600, 1200, 1800))
    assert three - two == pytest.approx(two - one)
    more = seconds("game=jaxmarl", "max_local_steps=600", "num_seeds=2")
    assert more < 2 * one - compose("game=jaxmarl").game.pace.start


def test_the_same_world_costs_less_where_copies_are_moved_at_once() -> None:
    same = ("game.copies=128", "game.steps=25", "game.evaluation_copies=64")
    jax, torch, python = (
        seconds(f"game={name}", *same)
        for name in ("jaxmarl", "vmas/simple_spread", "mpe/simple_spread")
    )
    assert jax < torch < python / 2


def test_evaluations_cost_as_much_as_they_are_long_and_frequent() -> None:
    rare, often = (
        seconds("game=mpe/simple_spread", f"game.evaluation_every={every}") for every in (20, 10)
    )
    episodes = 30 * 2 * 32 * 25  # thirty more of twice 32 episodes of 25 steps
    assert often - rare == pytest.approx(episodes * 1.4e-4)


def test_a_run_that_its_rounds_end_costs_as_much_as_one_that_ends_there() -> None:
    game = ("game=coverage", "communication=periodic", "communication.period=5")
    ended = seconds(*game, "max_local_steps=12800", "communication.max_rounds=20")
    assert ended == pytest.approx(seconds(*game, "max_local_steps=100"), rel=0.01)
    assert ended < seconds(*game, "max_local_steps=12800") / 5
