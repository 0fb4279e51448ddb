"""The page on tuned algorithms says what the published results are, and what they come to."""

from pathlib import Path

import numpy as np
import pytest

from marl_comm.analysis.interquartile import interquartile_mean
from marl_comm.paper.tuning.page import documents, tables
from marl_comm.paper.tuning.plays import Plays
from marl_comm.paper.tuning.problems import PROBLEMS
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.paper.tuning.tuned import FINAL_SEEDS, FIRST_SEARCH_SEED
from marl_comm.paper.tuning.variants import REFERENCE, VARIANTS

DOCS = Path(__file__).parents[2] / "docs"
FOUND = documents(DOCS / "tuned")
OF_PROBLEM = {problem.name: problem for problem in PROBLEMS}
RUNNABLE = {
    each.name for each in VARIANTS if "oracle" not in each.name and "robust" not in each.name
}


def rounds(document, name):
    return rounds_of(document["algorithms"][name])


def interval(estimate):
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


def rounds_of(entry):
    return float(interquartile_mean(values(entry)))


def test_the_tables_of_the_page_are_those_of_the_results():
    assert tables(FOUND) in (DOCS / "tuned.md").read_text()


def test_what_is_said_in_words_is_what_the_results_come_to():
    page = " ".join((DOCS / "tuned.md").read_text().split())
    found = {
        each["problem"]: each["algorithms"] for each in FOUND if "noise" not in each["problem"]
    }

    def ratios(one, other):
        pairs = [ratio_between(found[name], one, other) for name in found]
        return [pair.value for pair in pairs if pair is not None]

    line = ratios("prediction_line", "importance_sampling")
    recipe = ratios("recommended_line", "recommended")
    assert f"along a line takes {min(line):.2f} to {max(line):.2f} times" in page
    assert (
        f"it is {min(recipe):.2f} to {max(recipe):.2f} times with the recipe in all eight" in page
    )
    pair = (
        found["graph_20x4_triples"]["prediction_line"],
        found["graph_20x4_triples"]["importance_sampling"],
    )
    line_rounds, sampled = (values(each) for each in pair)
    fewer, more = np.sum(line_rounds < sampled), np.sum(line_rounds > sampled)
    assert f"{fewer} games take fewer rounds, {more} more" in page
    slowest = {
        (problem, name): np.quantile(values(each[name]), 0.9, method="higher")
        for problem, each in found.items()
        for name in ("recommended", "importance_sampling")
    }
    for problem, words in (
        ("graph_20x4_triples", "{:g} rounds instead of {:g} in `graph`"),
        ("markov_congestion", "{:g} instead of {:g} in `markov_congestion`"),
    ):
        both = (slowest[problem, name] for name in ("recommended", "importance_sampling"))
        assert words.format(*both) in page
    full = ratios("full_communication", "importance_sampling")
    assert f"takes {min(full):.1f} to {max(full):.1f} times the rounds of importance" in page
    graph_full = found["graph_20x4_triples"]["full_communication"]
    (edge,) = graph_full["at_the_edge"]
    assert edge == "learner.step_size=640.0"
    assert "best at a step size of 640, the largest tried" in page
    assert f"It takes {rounds_of(graph_full):.2f} rounds." in page
    oracle = {
        problem: ratio_between(each, "prediction_oracle", "importance_sampling")
        for problem, each in found.items()
    }
    large = found["coverage_40x10"]["prediction_oracle"]
    assert f"{large['search']:.2f} rounds on its {large['seeds_of_search'][1]} seeds and" in page
    assert f"seeds and {rounds_of(large):.2f} on the {len(large['round'])} others" in page
    graph, coverage, congestion = (
        f"{oracle[problem].value:.2f}"
        for problem in ("graph_20x4_triples", "coverage_12x6", "congestion_20x6")
    )
    of_line = ratio_between(found["graph_20x4_triples"], "prediction_line", "importance_sampling")
    assert f"{interval(of_line)} times; {fewer} games" in page
    robust = found["graph_20x4_triples"]
    assert f"takes {rounds_of(robust['recommended_doubly_robust']):.2f} rounds. That" in page
    for other, words in (("recommended", "the recipe's rounds"), (REFERENCE, "those of the best")):
        ratio = ratio_between(robust, "recommended_doubly_robust", other)
        assert f"{interval(ratio)} times {words}" in page
    times = "\N{MULTIPLICATION SIGN}"
    assert f"take {graph} times the rounds in `graph`, {coverage} in `coverage` 12 {times}" in page
    assert f"{congestion} in `congestion` 20 {times} 6" in page


def test_what_is_said_of_noise_is_what_the_results_come_to():
    page = " ".join((DOCS / "tuned.md").read_text().split())
    noisy = [each for each in FOUND if each["problem"].endswith("_noise_0.1")]
    assert noisy
    for document in noisy:
        ratio = ratio_between(document["algorithms"], "prediction_line", "importance_sampling")
        words = f"{ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}] times the rounds"
        best, recipe = (rounds(document, name) for name in ("importance_sampling", "recommended"))
        assert (
            f"the recipe needs {recipe:.3g} rounds, the best setting found needs {best:.3g}" in page
        )
        assert words in page


@pytest.mark.parametrize("document", FOUND, ids=lambda document: document["problem"])
def test_results_are_of_the_problems_as_they_are_and_of_seeds_no_search_saw(document):
    problem = OF_PROBLEM[document["problem"].partition("_noise_")[0]]
    assert document["overrides"][: len(problem.overrides)] == list(problem.overrides)
    assert (document["gap"], document["samples"]) == (problem.gap, problem.samples)
    assert tuple(document["seeds"]) == FINAL_SEEDS
    for entry in document["algorithms"].values():
        assert entry["seeds_of_search"][0] == FIRST_SEARCH_SEED
        assert len(entry["round"]) == len(entry["bytes"]) == FINAL_SEEDS[1]


@pytest.mark.parametrize("document", FOUND, ids=lambda document: document["problem"])
def test_the_recipe_is_within_one_round_of_the_best_that_agents_without_a_model_could_run(document):
    tuned = RUNNABLE & document["algorithms"].keys()
    best = min(rounds(document, name) for name in tuned)
    assert rounds(document, "recommended") <= best + 1


def test_the_recipe_gives_the_published_rounds(tmp_path):
    (variant,) = (each for each in VARIANTS if each.name == "recommended")
    (document,) = (each for each in FOUND if each["problem"] == "congestion_8x4")
    plays = Plays(OF_PROBLEM["congestion_8x4"], tmp_path / "played.jsonl")
    again = plays.costs(variant, {}, FINAL_SEEDS).of("round")
    # Other processors round otherwise, which may turn a seed or two.
    assert np.count_nonzero(again != values(document["algorithms"]["recommended"])) <= 3
