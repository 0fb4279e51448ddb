import itertools

from matplotlib.colors import to_rgb

from marl_comm.plots.style import looks

ALGORITHMS = [
    "full_communication",
    "importance_sampling",
    "base_policy_prediction",
    "stale",
    "large_batch",
]


def grey(look):
    return sum(
        weight * part for weight, part in zip((0.3, 0.59, 0.11), to_rgb(look.color), strict=True)
    )


def test_every_algorithm_has_its_own_look_also_without_colour():
    chosen = looks(ALGORITHMS)
    for name in ("color", "linestyle", "marker"):
        assert len({getattr(look, name) for look in chosen}) == len(ALGORITHMS)


def test_an_algorithm_looks_the_same_in_every_company():
    alone = {algorithm: looks([algorithm])[0] for algorithm in ALGORITHMS}
    for order in itertools.permutations(ALGORITHMS, 3):
        assert looks(order) == [alone[algorithm] for algorithm in order]


def test_further_curves_of_an_algorithm_are_told_apart_by_marker_and_lightness():
    for algorithm in [*ALGORITHMS, "unknown"]:
        chosen = looks([algorithm] * 6)
        assert chosen[0] == looks([algorithm])[0]
        assert len({look.marker for look in chosen}) == 6
        assert len({look.linestyle for look in chosen}) == 1
        shades = [grey(look) for look in chosen]
        assert all(later > earlier + 0.03 for earlier, later in itertools.pairwise(shades))
        assert shades[-1] < 0.9
