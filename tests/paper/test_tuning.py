"""A search ends at a best whose neighbours are no better, or says that it has none."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_comm.command_line.composition import compose
from marl_comm.errors import InputError
from marl_comm.paper.tuning import command
from marl_comm.paper.tuning.coordinates import Choice, Ladder, in_use
from marl_comm.paper.tuning.plays import Costs, Plays, config_of, overrides_of
from marl_comm.paper.tuning.problems import PROBLEMS, Problem, chosen
from marl_comm.paper.tuning.search import EdgeError, Search
from marl_comm.paper.tuning.table import table
from marl_comm.paper.tuning.tuned import FINAL_SEEDS, FIRST_SEARCH_SEED, Tuning
from marl_comm.paper.tuning.variants import VARIANTS, variants_of

STEP = Ladder("step", None, 8, 2, 1e-6, 1e6)
KIND = Choice("kind", None, ("plain", "braked"))
PERIOD = Ladder("period", ("kind", "plain"), 20, 2, 1, 400, whole=True)
BRAKE = Ladder("brake", ("kind", "braked"), 1, 2, 1e-6, 1e6)
EVERY = (KIND, PERIOD, BRAKE, STEP)
START = {"kind": "plain", "period": 20, "brake": 1, "step": 8}


def valley(best_step: float, kind: str = "plain", best_of_kind: float = 80):
    """Cost with one lowest point, far below one of the other kind."""

    def score(setting):
        own = setting["period"] if setting["kind"] == "plain" else setting["brake"]
        away = abs(math.log(setting["step"] / best_step)) + abs(math.log(own / best_of_kind))
        return (10 + away + 5 * (setting["kind"] != kind),)

    return score


@settings(deadline=None)
@given(st.integers(-9, 9), st.sampled_from(["plain", "braked"]), st.integers(-2, 4))
def test_wherever_the_lowest_point_is_the_grid_is_extended_until_it_is_inside(rung, kind, own):
    step, of_kind = 8.0 * 2.0**rung, (20 if kind == "plain" else 1) * 2.0**own
    search = Search(EVERY, valley(step, kind, of_kind), most=200)
    best = search.climb(START)
    found = best["period"] if kind == "plain" else best["brake"]
    assert (best["kind"], best["step"], found) == (kind, pytest.approx(step, rel=0.01), of_kind)
    assert search.edges(best) == []
    assert search.best(best) is best


def test_a_best_at_the_edge_of_what_was_tried_is_refused():
    search = Search(EVERY, valley(8 * 2.0**12), most=8)
    best = search.climb(START)
    assert search.tried == 8
    with pytest.raises(EdgeError, match=r"at the edge of its grid, so not a best: .*step="):
        search.best(best)


@pytest.mark.parametrize("most", range(1, 12))
def test_where_no_more_is_tried_what_never_arrives_is_no_worse_than_what_was_not_tried(most):
    search = Search(EVERY, lambda setting: (math.inf, 20.0), most)
    best = search.climb(START)
    assert search.tried <= most
    assert search.score(best) == (math.inf, 20.0)


@given(st.integers(-5, 5))
def test_where_nothing_arrives_the_search_looks_further_than_the_next_value(rung):
    def score(setting):
        away = abs(setting["step"] / (8.0 * 2.0**rung) - 1)
        return (3.0, 3.0) if away < 0.1 else (math.inf, 20.0)

    search = Search([STEP], score, most=60)
    assert search.score(search.climb(START)) == (3.0, 3.0)


def test_a_natural_limit_is_no_edge():
    cap = Ladder("cap", None, 1000, 10**0.5, 1, 1000, whole=True)
    search = Search([cap], lambda setting: (-float(setting["cap"]),), most=9)
    assert search.best(search.climb({"cap": 1000})) == {"cap": 1000}
    assert cap.beside(1000) == [316]


def test_settings_that_mean_nothing_are_not_tried_again():
    seen = []
    score = valley(8)
    search = Search(
        EVERY, lambda setting: (seen.append(in_use(setting, EVERY)), score(setting))[1], 99
    )
    search.climb(START)
    assert len(seen) == search.tried == len({tuple(each.items()) for each in seen})
    assert all(("period" in each) != ("brake" in each) for each in seen)


@given(st.floats(1e-3, 1e3), st.integers(-6, 6))
def test_every_value_of_a_ladder_lies_beside_those_beside_it(start, rung):
    ladder = Ladder("step", None, start, 2, 1e-9, 1e9)
    value = ladder._at(rung)
    assert all(value in ladder.beside(other) for other in ladder.beside(value))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_what_is_played_is_what_the_command_line_would_make_of_it(problem):
    for variant in variants_of(problem):
        for schedule in ("noise", "adaptive", "periodic") if variant.rarely else ("unlimited",):
            coordinates = variant.coordinates(problem, "bytes")
            start = variant.start(problem, "bytes")
            if "communication" in start:
                start["communication"] = schedule
            typed = overrides_of(problem, variant, in_use(start, coordinates), (3, 2))
            if problem is PROBLEMS[0] and variant.name in ("prediction_line", "model_alone"):
                assert config_of(typed) == compose(*typed)
            else:
                config_of(typed)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_a_search_tries_warm_ups_that_are_shorter_than_the_rounds_it_begins_with(problem):
    for variant in variants_of(problem):
        start = variant.start(problem, "round")
        for coordinate in variant.coordinates(problem, "round"):
            if coordinate.key == "communication.warmup":
                shortest = min(coordinate.beside(start[coordinate.key]))
                assert shortest < start["communication.period"]
                break
        else:
            assert not (variant.tuned and variant.rarely)


def test_small_numbers_are_read_as_the_command_line_reads_them():
    setting = {"communication": "adaptive", "communication.ess_threshold": 1e-05}
    typed = overrides_of(TINY, VARIANTS[0], setting, (3, 2))
    assert config_of(typed).communication.ess_threshold == 1e-05


def test_no_seed_of_a_search_is_one_of_the_comparison():
    assert sum(FINAL_SEEDS) < FIRST_SEARCH_SEED


TINY = Problem("tiny", ("game=coverage", "game.agents=3", "game.actions=2"), 0.05, samples=50)


def test_what_was_played_is_read_and_a_torn_line_is_played_again(tmp_path):
    file = tmp_path / "tiny.jsonl"
    setting = {"communication": "periodic", "communication.period": 5, "learner.step_size": 8}
    first = Plays(TINY, file)
    found = first.costs(VARIANTS[0], setting, (0, 3))
    assert (len(found.round), first.played) == (3, 1)
    again = Plays(TINY, file)
    assert again.costs(VARIANTS[0], setting, (0, 3)) == found
    assert again.played == 0
    file.write_text(file.read_text()[:-20])
    torn = Plays(TINY, file)
    assert torn.costs(VARIANTS[0], setting, (0, 3)) == found
    assert torn.played == 1


def test_never_is_later_than_any_round_and_bytes_are_those_of_all_agents():
    costs = Costs((2, None, 3, 4), (20, None, 30, 40))
    assert costs.of("round").tolist() == [2, np.inf, 3, 4]
    assert costs.score("round", 30) == (3.5, (2 + 30 + 3 + 4) / 4)
    assert costs.score("bytes", 30) == (35.0, (20 + 400 + 30 + 40) / 4)


def test_the_command_compares_on_fresh_seeds_and_plays_nothing_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "chosen", lambda names: [TINY])
    names = ("importance_sampling", "prediction_line", "prediction_oracle")
    arguments = ["tiny", "--out", str(tmp_path), *(f"--only={name}" for name in names)]
    assert command.main(arguments) == 0
    printed = capsys.readouterr()
    document = json.loads((tmp_path / "tiny.json").read_text())
    assert list(document["algorithms"]) == list(names)
    assert printed.out.strip() == table(document)
    assert "left" in printed.err
    for entry in document["algorithms"].values():
        assert (len(entry["round"]), entry["at_the_edge"]) == (40, [])
    lines = (tmp_path / "played" / "tiny.jsonl").read_text().splitlines()
    assert command.main(arguments) == 0
    assert (tmp_path / "played" / "tiny.jsonl").read_text().splitlines() == lines


def test_what_is_tuned_again_begins_at_its_best_and_the_rest_stays(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "chosen", lambda names: [TINY])
    file, played = tmp_path / "tiny.json", tmp_path / "played" / "tiny.jsonl"
    arguments = ["tiny", "--out", str(tmp_path), "--seeds", "2"]
    assert command.main([*arguments, "--only=full_communication"]) == 0
    document = json.loads(file.read_text())
    entry = document["algorithms"]["full_communication"]
    assert entry["seeds_of_search"] == [FIRST_SEARCH_SEED, 2]
    entry["setting"]["learner.step_size"] = 640.0
    file.write_text(json.dumps(document))
    played.unlink()
    assert command.main([*arguments, "--only=full_communication"]) == 0
    assert "learner.step_size=640.0" in played.read_text().splitlines()[0]
    assert command.main([*arguments, "--only=recommended"]) == 0
    assert list(json.loads(file.read_text())["algorithms"]) == ["full_communication", "recommended"]
    capsys.readouterr()
    file.write_text(json.dumps(document | {"gap": 0.2}))
    assert command.main([*arguments, "--only=recommended"]) == 2
    assert "holds results of another game, gap or cost" in capsys.readouterr().err
    file.write_text("{")
    assert command.main([*arguments, "--only=recommended"]) == 2
    assert "holds no results of this command" in capsys.readouterr().err


class Noted(Plays):
    """Plays nothing: the nearer a step size is to 5/8, the fewer the rounds."""

    def __init__(self):
        self.seen = []

    def costs(self, variant, setting, seeds):
        self.seen.append((variant.name, setting.get("learner.step_size")))
        rounds = abs(math.log2(setting["learner.step_size"] / 0.625)) + 1
        return Costs((rounds,) * seeds[1], (rounds,) * seeds[1])


def test_what_is_tuned_alone_begins_with_and_tries_the_bests_of_earlier_searches():
    variants = {variant.name: variant for variant in VARIANTS}
    sampled = variants["importance_sampling"].start(TINY, "round")
    found = {
        "importance_sampling": sampled | {"learner.step_size": 2.5},
        "prediction_oracle": sampled | {"learner.step_size": 1e6},
    }
    plays = Noted()
    tuning = Tuning(TINY, plays, "round", lambda line: None, found)
    (tuned,) = tuning.tune([variants["prediction_line"]])
    assert plays.seen[0] == ("prediction_line", 2.5)
    assert ("prediction_line", 1e6) in plays.seen
    assert tuned.setting["learner.step_size"] == 0.625
    # Not so full communication: with all of its many rounds kept it takes long.
    next(tuning.tune([variants["full_communication"]]))
    names = [name for name, _ in plays.seen]
    assert plays.seen[names.index("full_communication")] == ("full_communication", 20)


def test_only_what_is_far_from_the_best_is_not_played_on_all_seeds():
    class Blocks(Noted):
        def costs(self, variant, setting, seeds):
            if setting["learner.reuse"] == "latest":
                blocks_of.setdefault(setting["learner.step_size"], []).append(seeds)
            return super().costs(variant, setting, seeds)

    blocks_of = {}
    (variant,) = (each for each in VARIANTS if each.name == "full_communication")
    problem = replace(TINY, seeds=25)
    (tuned,) = Tuning(problem, Blocks(), "round", lambda line: None, {}).tune([variant])
    blocks = [(FIRST_SEARCH_SEED + first, count) for first, count in ((0, 10), (10, 10), (20, 5))]
    assert tuned.setting["learner.step_size"] == 0.625
    assert tuned.search == 1.0
    assert blocks_of[20] == blocks, "the first has nothing to be far from"
    assert blocks_of[0.625] == [*blocks, FINAL_SEEDS]
    assert blocks_of[0.312] == blocks[:1], "2 rounds are far from 1"


def test_what_a_run_refuses_ends_no_search_but_is_an_edge():
    class Refusing(Noted):
        def costs(self, variant, setting, seeds):
            if setting["learner.step_size"] < 4:
                raise InputError("too small")
            return super().costs(variant, setting, seeds)

    (variant,) = (each for each in VARIANTS if each.name == "full_communication")
    told = []
    (tuned,) = Tuning(TINY, Refusing(), "round", told.append, {}).tune([variant])
    assert tuned.setting["learner.step_size"] == 5
    assert tuned.edges == ["learner.step_size=5.0"]
    assert "full_communication too small" in told


def test_long_rounds_are_as_many_as_short_ones():
    variant = VARIANTS[0]
    setting = {"communication": "periodic", "learner.step_size": 8}
    for key in ("communication.period", "communication.max_local_updates"):
        for longest in (1, 40, 320, 1500):
            updates = variant.most_updates(setting | {key: longest})
            assert updates >= 20 * longest
            assert updates == max(1600, 20 * longest)
    assert f"max_local_steps={20 * 320}" in overrides_of(
        PROBLEMS[0], variant, setting | {"communication.period": 320}, (0, 2)
    )


def test_rounds_are_no_cost_where_samples_a_round_are_tuned_and_no_base_is_without_a_sample():
    (variant,) = (each for each in VARIANTS if each.name == "prediction_line")
    setting = {"communication": "periodic", "communication.period": 40, "algorithm.max_bases": 16}
    assert variant.most_rounds(setting) == 20
    few = setting | {"samples_per_round": 8}
    assert variant.most_rounds(few) == 100
    assert variant.most_updates(few) == 4000
    typed = overrides_of(PROBLEMS[0], variant, few, (0, 2))
    assert {"communication.max_rounds=100", "algorithm.max_bases=8"} <= set(typed)
    assert "algorithm.max_bases=16" in overrides_of(
        PROBLEMS[0], variant, setting | {"samples_per_round": 1000}, (0, 2)
    )


@pytest.mark.parametrize("typed", ["0", "-3", "two", "1.5"])
def test_seeds_of_a_search_are_a_whole_number(typed, capsys):
    with pytest.raises(SystemExit, match="2"):
        command.main(["congestion_8x4", "--seeds", typed])
    assert "whole number from 1 on" in capsys.readouterr().err


def test_unknown_names_are_refused_in_one_line(capsys):
    assert command.main(["nowhere"]) == 2
    assert "nowhere: no such problem, choose from congestion_8x4" in capsys.readouterr().err
    assert command.main(["coverage_12x6", "--only", "magic"]) == 2
    assert "magic: no such algorithm, choose from importance_sampling" in capsys.readouterr().err
    assert len(chosen([])) == len(PROBLEMS)


def test_what_is_at_the_edge_is_marked_and_compared_with_nothing():
    entry = {"setting": {"step": 8}, "round": [2.0] * 9, "bytes": [1000] * 9, "at_the_edge": []}
    edge = entry | {"at_the_edge": ["step=8"]}
    names = ("importance_sampling", "prediction_line")
    whole = table({"algorithms": dict.fromkeys(names, entry)})
    marked = table({"algorithms": dict(zip(names, (entry, edge), strict=True))})
    assert whole.splitlines()[3].count("1.00 [1.00, 1.00]") == 2
    assert "1.00 [" not in marked
    assert "(at the edge of its grid: step=8)" in marked
