"""What is best at the edge of a grid is not called a best."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marl_comm.analysis.grids import best_place

grids = arrays(
    np.float64,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.sampled_from([1.0, 2.0, 3.0, np.inf]),
)


@given(grids)
def test_the_best_place_is_inside_the_grid_wherever_one_of_the_smallest_is(numbers):
    best = best_place(numbers)
    smallest = [
        place
        for place in itertools.product(*map(range, numbers.shape))
        if numbers[place] == numbers.min()
    ]
    inside = [
        place
        for place in smallest
        if all(0 < at < length - 1 for at, length in zip(place, numbers.shape, strict=True))
    ]
    assert best.place in (inside or smallest)
    assert (best.at_the_edge == ()) == bool(inside)


def test_an_edge_is_named_with_its_value():
    numbers = np.array([[3.0, 2.0, 4.0], [3.0, 1.0, 4.0]])
    best = best_place(numbers)
    assert (best.place, best.at_the_edge) == ((1, 1), (0,))
    words = best.edges_in_words(("step size", "threshold"), ([10, 20], [0.1, 0.3, 0.5]))
    assert words == "step size 20"
