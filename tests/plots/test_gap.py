import itertools

import numpy as np
import pytest
from fake_runs import points, write_run
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread

from marl_comm.analysis.configurations import Configuration, pool
from marl_comm.analysis.runs import SeedRun, SeedSummary, load_runs
from marl_comm.errors import InputError, OutputError
from marl_comm.plots import gap
from marl_comm.plots.saving import save


def pooled(root):
    return pool(load_runs([root], print), print)


def curves(panel):
    """What was drawn for each configuration, by its name in the legend."""
    handles, names = panel.get_legend_handles_labels()
    return dict(zip(names, handles, strict=True))


def seed_run(positions, gaps, stopped_by):
    """A seed that is known only at the given counts of rounds."""
    summary = SeedSummary(
        seed=0,
        rounds=positions[-1],
        local_steps=len(positions) - 1,
        samples=0,
        bytes_up=0,
        bytes_down=0,
        value=0.5,
        nash_gap=gaps[-1],
        stopped_by=stopped_by,
        reached={0.1: None},
    )
    columns = {"round": np.array(positions, dtype=float), "nash_gap": np.array(gaps)}
    return SeedRun(summary, columns)


def configuration_of(*runs):
    return Configuration({"algorithm.name": "importance_sampling"}, "", runs)


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=8).map(sorted), min_size=1),
    st.lists(st.sampled_from(["communication_budget", "local_steps", "goal"]), min_size=1),
)
def test_gaps_on_a_grid_are_those_of_the_plain_loop(positions, reasons):
    random = np.random.default_rng(0)
    runs = [
        seed_run(each, random.random(len(each)), reason)
        for each, reason in zip(positions, itertools.cycle(reasons), strict=False)
    ]
    grid = np.arange(1.0, 15)
    result = gap.gaps_on_grid(configuration_of(*runs), "round", grid)
    for row, run in zip(result, runs, strict=True):
        rounds, gaps = run.metrics["round"], run.metrics["nash_gap"]
        for value, point in zip(row, grid, strict=True):
            expected = np.nan
            for position, recorded in zip(rounds, gaps, strict=True):
                if position <= point:
                    expected = recorded
            if run.summary.stopped_by == "communication_budget" and point > rounds[-1]:
                expected = np.nan
            np.testing.assert_equal(value, expected)


def test_grid_has_every_count_once_or_is_thinned_evenly_with_all_ends():
    few = configuration_of(seed_run([0, 0, 1, 4], [0.5] * 4, "goal"))
    more = configuration_of(seed_run([0, 2, 4, 9], [0.5] * 4, "goal"))
    np.testing.assert_array_equal(gap.common_grid([few, more], "round"), [1, 2, 4, 9])
    many = configuration_of(seed_run(list(range(100_001)), [0.5] * 100_001, "goal"))
    other = configuration_of(seed_run([0, 1, 77_777], [0.5] * 3, "goal"))
    grid = gap.common_grid([many, other], "round")
    assert grid[0] == 1
    assert grid[-1] == 100_000
    assert 77_777 in grid
    assert grid.size <= 402
    assert (np.diff(grid) > 0).all()
    late = grid[grid > 1000]
    assert (late[1:] / late[:-1]).max() < 1.04


def test_median_and_band_are_those_of_the_seeds_at_every_round(tmp_path):
    rates = np.linspace(0.05, 0.3, 9)
    write_run(
        tmp_path / "run",
        seeds=range(9),
        # The faster a seed converges, the sooner it ends.
        record=lambda seed: points(40 - 2 * seed, rate=rates[seed]),
    )
    figure = gap.draw(pooled(tmp_path))
    rounds_panel, samples_panel = figure.axes
    (line,) = curves(rounds_panel).values()
    np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 9))
    updates = np.minimum(5 * np.arange(1, 9)[:, None], 40 - 2 * np.arange(9))
    gaps = 0.5 * np.exp(-rates * updates)
    np.testing.assert_allclose(line.get_ydata(), np.median(gaps, axis=1))
    (band,) = rounds_panel.collections
    corners = band.get_paths()[0].vertices
    for round_, quartiles in enumerate(np.quantile(gaps, [0.25, 0.75], axis=1).T[:-1], start=1):
        # A step goes from its round to the next.
        for end, quartile in itertools.product((round_, round_ + 1), quartiles):
            assert np.isclose(corners, (end, quartile)).all(axis=1).any()
    (line,) = curves(samples_panel).values()
    np.testing.assert_array_equal(line.get_xdata(), 1000 * np.arange(1, 9))
    assert line.get_drawstyle() == "steps-post"


def test_curves_end_where_the_communication_budget_of_a_seed_did(tmp_path):
    def record(seed):
        return points(20 if seed == 0 else 40)

    write_run(tmp_path / "run", record=record, stopped_by="communication_budget")
    (line,) = curves(gap.draw(pooled(tmp_path)).axes[0]).values()
    assert max(line.get_xdata()) == 4


def test_each_configuration_ends_at_its_own_longest_seed(tmp_path):
    write_run(tmp_path / "a", record=lambda seed: points(10 + 5 * seed))
    write_run(tmp_path / "b", "stale", record=lambda seed: points(60))
    lines = curves(gap.draw(pooled(tmp_path)).axes[0])
    ends = {name: max(line.get_xdata()) for name, line in lines.items()}
    assert ends == {"importance sampling (8 seeds)": 9, "stale (no reweighing) (8 seeds)": 12}


def test_axes_are_logarithmic_named_and_limited_to_what_is_worth_seeing(tmp_path):
    write_run(tmp_path / "a", record=lambda seed: points(500))
    rounds_panel, samples_panel = gap.draw(pooled(tmp_path)).axes
    for panel in (rounds_panel, samples_panel):
        assert panel.get_xscale() == panel.get_yscale() == "log"
        assert panel.get_ylim()[0] == 0.01 / 2
    # The gap is 0.009 after four rounds, 0.003 after five: the fifth is the last worth seeing.
    assert 6 < rounds_panel.get_xlim()[1] < 10
    assert rounds_panel.get_xlabel() == "communication rounds"
    assert samples_panel.get_xlabel() == "samples (joint actions played)"
    assert rounds_panel.get_ylabel() == "Nash gap (units of reward)"


def test_exact_gradients_have_no_samples_to_draw(tmp_path):
    exact = {"samples_per_round": None}
    write_run(tmp_path / "a", record=lambda seed: points(samples_per_round=0), settings=exact)
    figure = gap.draw(pooled(tmp_path))
    assert len(figure.axes) == 1
    assert figure.get_figwidth() > 5
    write_run(tmp_path / "b", "stale")
    rounds_panel, samples_panel = gap.draw(pooled(tmp_path)).axes
    drawn = [line.get_xdata().size for line in curves(samples_panel).values()]
    assert drawn == [0, 6]
    assert all(line.get_xdata().size == 6 for line in curves(rounds_panel).values())


def test_a_run_that_never_communicated_is_refused(tmp_path):
    write_run(tmp_path / "a", record=lambda seed: points(0))
    with pytest.raises(InputError, match="no run communicated"):
        gap.draw(pooled(tmp_path))


def caption(figure):
    return " ".join(figure.get_supxlabel().split())


def test_caption_says_what_line_and_band_are(tmp_path):
    write_run(tmp_path / "0", seeds=[1])
    figure = gap.draw(pooled(tmp_path))
    assert "Line: median over seeds." in caption(figure)
    assert "Band" not in caption(figure)
    assert not figure.axes[0].collections
    for index in range(1, 6):
        write_run(tmp_path / str(index), settings={"learner.step_size": float(index + 1)})
    figure = gap.draw(pooled(tmp_path))
    assert "Band: middle half of the seeds (25th to 75th percentile)." in caption(figure)
    assert "before its communication budget was spent keeps its final gap" in caption(figure)
    assert len(figure.axes[0].collections) == 5
    write_run(tmp_path / "7", settings={"learner.step_size": 9.0})
    figure = gap.draw(pooled(tmp_path))
    assert "No bands, for there are more than 6 curves." in caption(figure)
    assert not figure.axes[0].collections


@pytest.mark.parametrize("samples_per_round", [1000, 0])
@pytest.mark.parametrize("kind", ["plain", "short", "long", "many"])
def test_no_text_overlaps_or_leaves_the_picture(tmp_path, kind, samples_per_round):
    def record(seed):
        updates = 35 if kind == "short" else 60
        return points(updates, samples_per_round=samples_per_round, rate=0.05)

    names = ["full_communication", "importance_sampling", "base_policy_prediction", "stale"]
    for name in names:
        write_run(tmp_path / name, name, record=record)
    if kind == "long":
        settings = {"learner.step_size": 2.0, "communication.max_rounds": 7, "game.agents": 40}
        write_run(tmp_path / "a", record=record, settings=settings | {"max_local_steps": 123_456})
    if kind == "many":
        for index in range(10):
            settings = {"learner.step_size": 0.1 * index}
            write_run(tmp_path / str(index), record=record, settings=settings)
    figure = gap.draw(pooled(tmp_path))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    (legend,) = figure.legends
    (supxlabel,) = figure.texts
    boxes = [each.get_tightbbox(renderer) for each in (legend, supxlabel, *figure.axes)]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    for panel in figure.axes:
        # Where no power of ten is near, 1, 2, 3 and 5 are written out, and nothing between them.
        assert not any(label.get_text() for label in panel.get_xticklabels(minor=True))
        assert len([box for box in panel.get_xticklabels() if box.get_text()]) >= 2
        # The plot itself keeps its size however long the legend is.
        assert panel.get_window_extent(renderer).height > 1.5 * figure.dpi
        ticks = [label.get_window_extent(renderer) for label in panel.get_xticklabels(which="both")]
        ticks = [box for box in ticks if box.width > 0]
        assert not any(one.overlaps(other) for one, other in itertools.pairwise(ticks))


def test_both_formats_are_written_into_a_new_directory(tmp_path):
    write_run(tmp_path / "run")
    directory = tmp_path / "new" / "pictures"
    png, pdf = save(gap.draw(pooled(tmp_path)), directory, "nash_gap")
    assert (png, pdf) == (directory / "nash_gap.png", directory / "nash_gap.pdf")
    height, width = imread(png).shape[:2]
    assert width > 1000
    assert height > 600
    assert pdf.read_bytes().startswith(b"%PDF")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write the picture into"):
        save(gap.draw(pooled(tmp_path)), tmp_path / "file", "nash_gap")


def test_a_single_round_is_seen(tmp_path):
    write_run(
        tmp_path / "run",
        "importance_sampling",
        seeds=[0, 1],
        record=lambda seed: points(3, updates_per_round=5),
    )
    for panel in gap.draw(pooled(tmp_path)).axes:
        (line,) = curves(panel).values()
        assert len(line.get_xdata()) == 1
        assert line.get_markevery() is None  # a share of the curve's length would mark nothing
