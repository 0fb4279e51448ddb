"""The page on tuned algorithms says what the published results are, and what they come to."""

from pathlib import Path

import numpy as np
import pytest

from marl_comm.analysis.interquartile import interquartile_mean
from marl_comm.errors import InputError
from marl_comm.paper.tuning import command
from marl_comm.paper.tuning.page import NAMES, documents, tables
from marl_comm.paper.tuning.picture import draw
from marl_comm.paper.tuning.plays import Plays
from marl_comm.paper.tuning.problems import PROBLEMS
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.paper.tuning.tuned import FINAL_SEEDS, FIRST_SEARCH_SEED
from marl_comm.paper.tuning.variants import REFERENCE, VARIANTS
from marl_comm.plots.data import write_data
from marl_comm.plots.legible import unreadable

DOCS = Path(__file__).parents[2] / "docs"
FOUND = documents(DOCS / "tuned")
OF_PROBLEM = {problem.name: problem for problem in PROBLEMS}
RUNNABLE = {each.name for each in VARIANTS if "oracle" not in each.name and not each.modelled}
OF = {each["problem"]: each["algorithms"] for each in FOUND if each["cost"] == "round"}
QUIET = [name for name in OF if "noise" not in name]
GRAPH, CONGESTION, COVERAGE = "graph_20x4_triples", "congestion_8x4", "coverage_12x6"
POTENTIAL, LARGE, MARKOV = "random_potential_4x6", "coverage_40x10", "markov_congestion"
CROWD = "congestion_20x6"
TIMES = "\N{MULTIPLICATION SIGN}"


def rounds(problem, name):
    return float(interquartile_mean(values(OF[problem][name])))


def ratio(problem, one, other=REFERENCE):
    each = ratio_between(OF[problem], one, other)
    return f"{each.value:.3g} [{each.low:.3g}, {each.high:.3g}]"


def ratios(one, other):
    pairs = [ratio_between(OF[problem], one, other) for problem in QUIET]
    return [pair.value for pair in pairs if pair is not None]


def slowest_tenth(problem, name):
    return f"{np.quantile(values(OF[problem][name]), 0.9, method='higher'):g}"


def test_the_tables_of_the_page_are_those_of_the_results():
    assert tables(FOUND) in (DOCS / "tuned.md").read_text()


def test_the_picture_is_legible_and_shows_the_results_with_those_that_never_arrived(tmp_path):
    figure = draw(FOUND)
    assert unreadable(figure) == []
    write_data(figure, tmp_path / "tuned.csv")
    assert (tmp_path / "tuned.csv").read_text() == (DOCS / "pictures" / "tuned.csv").read_text()
    drawn = sorted(text.get_text() for panel in figure.axes for text in panel.texts)
    shown = {line.get_label() for panel in figure.axes for line in panel.get_lines()}
    lost = [
        int(np.isinf(values(found[name])).sum())
        for found in OF.values()
        for name, label in NAMES.items()
        if name in found and label in shown
    ]
    assert drawn == sorted(f"{each} never" for each in lost if each)


@pytest.mark.parametrize(
    "content",
    ["[]", "{", "{}", '{"problem": "a", "gap": 0.1, "cost": "round", "algorithms": {"b": {}}}'],
)
def test_another_file_among_the_results_is_named_in_one_line(tmp_path, capsys, content):
    (tmp_path / "odd.json").write_text(content)
    assert command.main(["--table", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said == f"error: {tmp_path / 'odd.json'}: holds no results of this command\n"


@pytest.mark.parametrize("names", [[], ["doubly_robust"], ["doubly_robust_line"]])
def test_few_results_are_drawn_and_none_are_refused(names):
    found = [
        {**each, "algorithms": {name: each["algorithms"][name] for name in names}}
        for each in FOUND
        if (each["problem"], each["cost"]) == (GRAPH, "round")
    ]
    if names == ["doubly_robust"]:
        assert len(draw(found).axes) == 2
    else:
        with pytest.raises(InputError, match="no rounds to draw"):
            draw(found)


def test_what_is_said_in_words_is_what_the_results_come_to():
    page = " ".join((DOCS / "tuned.md").read_text().split())
    line, recipe, full = (
        ratios(one, other)
        for one, other in (
            ("prediction_line", REFERENCE),
            ("recommended_line", "recommended"),
            ("full_communication", REFERENCE),
        )
    )
    model, robust, bases = "model_alone", "doubly_robust", "doubly_robust_model"
    most = max(rounds(problem, REFERENCE) for problem in QUIET)
    oracle = {
        name: ratio_between(OF[name], "prediction_oracle", REFERENCE).value
        for name in (GRAPH, COVERAGE, CROWD)
    }
    large = OF[LARGE]["prediction_oracle"]
    said = (
        f"needs 1 to {most:.1f} rounds in these games",
        f"along a line takes {min(line):.2f} to {max(line):.2f} times",
        f"paired, in {len(line)} games",
        f"it is {min(recipe):.2f} to {max(recipe):.2f} times",
        f"takes {min(full):.2f} to {max(full):.2f} times the rounds of importance sampling",
        f"takes {ratio(GRAPH, model)} times the rounds of importance sampling in `graph`",
        f"{ratio(CONGESTION, model)} in `congestion` 8 {TIMES} 4, and",
        f"{ratio(CONGESTION + '_noise_0.1', model)} there with noise",
        f"{ratio(COVERAGE, model)} in `coverage` 12 {TIMES} 6, {ratio(POTENTIAL, model)} in",
        f"where {np.isinf(values(OF[POTENTIAL][model])).sum()} of 40 games never arrive",
        f"is the careful way: {ratio(GRAPH, robust)} in `graph`,",
        f"{ratio(CROWD, robust)} in `congestion` 20 {TIMES} 6, and no difference",
        f"{ratio(CROWD, model)} in `congestion` 20 {TIMES} 6",
        f"{ratio(CROWD, 'recommended_doubly_robust', 'recommended')} times in `congestion` 20",
        f"takes {ratio(GRAPH, bases, robust)} times the rounds of the same doubly robust",
        f"{rounds(GRAPH, bases):.2f} rounds instead of {rounds(GRAPH, robust):.2f}",
        f"The model alone needs no more in the middle half, {rounds(GRAPH, model):.2f}, but its "
        f"slowest tenth takes {slowest_tenth(GRAPH, model)} rounds instead of "
        f"{slowest_tenth(GRAPH, bases)}.",
        f"Its slowest tenth in `graph` takes {slowest_tenth(GRAPH, model)} rounds, that of "
        f"importance sampling {slowest_tenth(GRAPH, REFERENCE)};",
        f"its slowest tenth in `graph` takes {slowest_tenth(GRAPH, robust)} rounds.",
        f"take {oracle[GRAPH]:.2f} times the rounds in `graph`",
        f"{oracle[CROWD]:.2f} in `congestion` 20 {TIMES} 6",
        f"{oracle[COVERAGE]:.2f} in `coverage` 12 {TIMES} 6, and save nothing",
        f"{large['search']:.2f} rounds on its {large['seeds_of_search'][1]} seeds and",
        f"seeds and {rounds(LARGE, 'prediction_oracle'):.2f} on the 40 others",
        f"{rounds(GRAPH, bases):.2f} rounds for {rounds(GRAPH, 'prediction_oracle'):.2f}; along",
        f"along a line it is missed, {rounds(GRAPH, 'prediction_line'):.2f}.",
        f"takes {slowest_tenth(GRAPH, 'recommended')} rounds instead of "
        f"{slowest_tenth(GRAPH, REFERENCE)} in `graph`",
        f"{slowest_tenth(MARKOV, 'recommended')} instead of {slowest_tenth(MARKOV, REFERENCE)} in",
        f"takes {rounds(GRAPH, 'recommended_doubly_robust'):.2f} rounds in `graph` instead of "
        f"{rounds(GRAPH, 'recommended'):.2f}, "
        f"{ratio(GRAPH, 'recommended_doubly_robust', 'recommended')} times",
        f"one on 60 at one that takes {rounds(COVERAGE, REFERENCE):.2f}",
    )
    for words in said:
        assert words in page


def test_what_is_said_of_other_games_holds_there():
    """Doubly robust is no different beyond doubt but in two, bases of a model are so in `graph`."""
    for problem in QUIET:
        for one, other, where in (
            ("doubly_robust", REFERENCE, (GRAPH, CROWD)),
            ("doubly_robust_model", "doubly_robust", (GRAPH,)),
            ("recommended_doubly_robust", "recommended", (GRAPH, CROWD)),
            ("prediction_oracle", REFERENCE, (GRAPH, CROWD, COVERAGE, LARGE)),
        ):
            if problem in where:
                continue
            each = ratio_between(OF[problem], one, other)
            assert each is None or each.low <= 1 <= each.high
    for one, other in (("prediction_line", REFERENCE), ("recommended_line", "recommended")):
        for problem in QUIET:
            each = ratio_between(OF[problem], one, other)
            assert each is None or each.high >= 1


def test_what_is_said_of_noise_is_what_the_results_come_to():
    page = " ".join((DOCS / "tuned.md").read_text().split())
    noisy = [name for name in OF if name.endswith("_noise_0.1")]
    assert noisy
    for problem in noisy:
        best, recipe = (rounds(problem, name) for name in (REFERENCE, "recommended"))
        assert (
            f"the recipe needs {recipe:.3g} rounds, the best setting found needs {best:.3g}" in page
        )
        assert f"{ratio(problem, 'prediction_line')} times the rounds" in page


@pytest.mark.parametrize("document", FOUND, ids=lambda document: document["problem"])
def test_results_are_of_the_problems_as_they_are_and_of_seeds_no_search_saw(document):
    problem = OF_PROBLEM[document["problem"].partition("_noise_")[0]]
    assert document["overrides"][: len(problem.overrides)] == list(problem.overrides)
    assert (document["gap"], document["samples"]) == (problem.gap, problem.samples)
    assert tuple(document["seeds"]) == FINAL_SEEDS
    for entry in document["algorithms"].values():
        assert entry["seeds_of_search"][0] == FIRST_SEARCH_SEED
        assert len(entry["round"]) == len(entry["bytes"]) == FINAL_SEEDS[1]


@pytest.mark.parametrize("problem", OF)
def test_the_recipe_is_within_one_round_of_the_best_that_agents_without_a_model_could_run(problem):
    best = min(rounds(problem, name) for name in RUNNABLE & OF[problem].keys())
    assert rounds(problem, "recommended") <= best + 1


def test_the_recipe_gives_the_published_rounds(tmp_path):
    (variant,) = (each for each in VARIANTS if each.name == "recommended")
    plays = Plays(OF_PROBLEM[CONGESTION], tmp_path / "played.jsonl")
    again = plays.costs(variant, {}, FINAL_SEEDS).of("round")
    # Other processors round otherwise, which may turn a seed or two.
    assert np.count_nonzero(again != values(OF[CONGESTION]["recommended"])) <= 3
