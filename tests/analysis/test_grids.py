"""What is best at the edge of a grid is not called a best."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marl_comm.analysis.grids import are_at_the_edge, best_place

shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))
numbers_of = st.sampled_from([1.0, 2.0, 3.0, 4.0, np.inf])


@st.composite
def grids(draw):
    """Return numbers, and what they can be at the least: of some less than was measured."""
    shape = draw(shapes)
    numbers = draw(arrays(np.float64, shape, elements=numbers_of))
    return numbers, np.minimum(numbers, draw(arrays(np.float64, shape, elements=numbers_of)))


def edges_of(place, numbers, least):
    """Return the axes along which a place has a neighbour that is not there or may be smaller."""
    found = []
    for axis, at in enumerate(place):
        for beside in (at - 1, at + 1):
            neighbour = (*place[:axis], beside, *place[axis + 1 :])
            outside = not 0 <= beside < numbers.shape[axis]
            if outside or least[neighbour] < numbers[place]:
                found.append(axis)
    return tuple(sorted(set(found)))


@given(grids(), st.sampled_from([-np.inf, 1.0]))
def test_the_best_is_where_the_fewest_neighbours_may_be_better(grid, lowest):
    numbers, least = grid
    edges = {
        place: edges_of(place, numbers, least)
        for place in itertools.product(*map(range, numbers.shape))
        if numbers[place] == numbers.min()
    }
    best = best_place(numbers, least, lowest)
    fewest = 0 if numbers.min() <= lowest else min(map(len, edges.values()))
    assert best.place in edges
    assert len(best.at_the_edge) == fewest
    assert best.at_the_edge in (edges[best.place], ())


@given(st.lists(grids(), min_size=1, max_size=4), st.sampled_from([-np.inf, 1.0]))
def test_of_several_grids_each_is_judged_as_if_alone(several, lowest):
    shape = tuple(np.max([numbers.shape for numbers, _ in several], axis=0))

    def wide(each):
        padding = [(0, wide - own) for wide, own in zip(shape, each.shape, strict=True)]
        return np.pad(each, padding, constant_values=np.inf)

    every = [(wide(numbers), wide(least)) for numbers, least in several]
    alone = [bool(best_place(numbers, least, lowest).at_the_edge) for numbers, least in every]
    together = are_at_the_edge(*map(np.stack, zip(*every, strict=True)), lowest)
    assert together.tolist() == alone


@given(grids())
def test_what_was_cut_off_can_take_a_best_away_but_not_make_one(grid):
    numbers, least = grid
    if not best_place(numbers, least).at_the_edge:
        assert not best_place(numbers, numbers).at_the_edge


def test_an_edge_is_named_with_its_value():
    numbers = np.array([[3.0, 2.0, 4.0], [3.0, 1.0, 4.0]])
    best = best_place(numbers, numbers)
    assert (best.place, best.at_the_edge) == ((1, 1), (0,))
    words = best.edges_in_words(("step size", "threshold"), ([10, 20], [0.1, 0.3, 0.5]))
    assert words == "step size 20"
