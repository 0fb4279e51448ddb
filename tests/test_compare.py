import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_runs import (
    BYTES_PER_SAMPLE,
    environment_points,
    points,
    write_environment_run,
    write_run,
)

from marl_comm.compare import main


def rows(text, title):
    """Cells of the table under a title: split where two spaces or more separate them."""
    lines = text.split(title)[1].splitlines()[1:]
    body = lines[next(i for i, line in enumerate(lines) if "──" in line) + 1 :]
    cells = []
    for line in body:
        if line.strip() and not line.startswith("  "):
            break
        if line.strip():
            cells.append(re.split(r"\s{2,}", line.strip()))
    return cells


def costs(text):
    """Return the cells by configuration and gap, without those of the column 'there at the end'."""
    table = labelled(rows(text, "Cost to reach a Nash gap"))
    return {key: [cells[0], *cells[2:]] for key, cells in table.items()}


def there_at_the_end(text):
    table = labelled(rows(text, "Cost to reach a Nash gap"))
    return {key: cells[1] for key, cells in table.items()}


def labelled(table):
    """Return the rows by configuration, which has a row of its own, and gap."""
    found, label = {}, ""
    for row in table:
        if len(row) == 1:
            (label,) = row
        else:
            found[label, row[0]] = row[1:]
    return found


def ratios(text):
    return labelled(rows(text, "Cost relative to the reference"))


@pytest.fixture
def compare(tmp_path, capsys):
    def run(*arguments):
        code = main([*map(str, arguments), "--out", str(tmp_path / "pictures")])
        return code, *capsys.readouterr()

    return run


def test_costs_are_medians_over_seeds_with_exact_intervals(tmp_path, compare):
    # The gap falls below 0.1 at update ceil(ln 5 / rate), with a round every five updates.
    rates = np.linspace(0.1, 0.4, 12)
    runs = tmp_path / "runs"
    write_run(runs / "a", seeds=range(5), record=lambda seed: points(40, rate=rates[seed]))
    write_run(runs / "b", seeds=range(5, 12), record=lambda seed: points(40, rate=rates[seed]))
    code, out, err = compare(runs)
    assert (code, err) == (0, "")
    updates = np.sort(np.ceil(np.log(5) / rates))
    rounds = np.ceil(updates / 5)
    # Of twelve values the third lowest and highest enclose the median with 96.1 %.
    expected = [
        f"{np.median(values):g} [{values[2]:g}, {values[9]:g}]"
        for values in (rounds, updates, 1000 * rounds, 1000 * rounds * BYTES_PER_SAMPLE)
    ]
    assert costs(out)["importance_sampling", "0.1"] == ["12/12", *expected]


def with_distances(runs, distances, **further):
    """Write a run, and add what its seeds' summaries say of distances."""
    write_run(runs, seeds=range(len(distances)), **further)
    summary = json.loads((runs / "summary.json").read_text())
    for seed, told in zip(summary["seeds"], distances, strict=True):
        seed.update(told)
    (runs / "summary.json").write_text(json.dumps(summary))


def test_distances_are_medians_over_seeds_and_what_they_take(tmp_path, compare):
    told = [{"distance": 3.0 * seed, "distance_rounds": 1.0 * seed} for seed in range(1, 8)]
    with_distances(tmp_path / "runs" / "told", told)
    exact = {"samples_per_round": None, "learner.step_size": 9.0}
    with_distances(tmp_path / "runs" / "exact", [{"distance": 2.5}] * 2, settings=exact)
    write_run(tmp_path / "runs" / "old", "base_policy_prediction")  # told none
    code, out, _ = compare(tmp_path / "runs")
    assert code == 0
    table = rows(out, "Distance from the first policy")
    assert {row[0].split()[0] for row in table} == {"importance_sampling"}
    cells = [row[1:] for row in table]
    assert cells == [["2.5", "-", "6"], ["12 [3, 21]", "4 [1, 7]", "6 [6, 6]"]]


def test_a_seed_is_the_same_where_an_old_version_told_no_distance(tmp_path, compare):
    write_run(tmp_path / "runs" / "old")
    with_distances(tmp_path / "runs" / "new", [{"distance": 3.0, "distance_rounds": 0.6}])
    code, _, err = compare(tmp_path / "runs")
    assert code == 0
    assert "counted once" in err


def test_seeds_that_leave_again_are_told(tmp_path, compare):
    def record(seed):
        steps = points(40, rate=0.2)
        if seed < 3:
            steps[-1]["nash_gap"] = 0.2
        return steps

    write_run(tmp_path / "runs" / "a", seeds=range(8), record=record)
    _, out, _ = compare(tmp_path / "runs")
    assert costs(out)["importance_sampling", "0.1"][0] == "8/8"
    assert there_at_the_end(out)["importance_sampling", "0.1"] == "5/8"


def test_seeds_that_never_got_there_count_as_infinite(tmp_path, compare):
    def record(arriving):
        return lambda seed: points(30, rate=0.2 if seed < arriving else 0.001)

    runs = tmp_path / "runs"
    for arriving in (12, 10, 7, 4):
        settings = {"learner.step_size": arriving}
        write_run(runs / str(arriving), seeds=range(20), record=record(arriving), settings=settings)
    _, out, _ = compare(runs)
    table = {
        configuration.split("=")[1]: cells[:3]
        for (configuration, gap), cells in costs(out).items()
        if gap == "0.1"
    }
    assert table == {
        # All that arrive do so at update 9 in round 2; the others made 30 updates in 6 rounds.
        # The interval ends at the 6th and 15th of 20.
        "12": ["12/20", "2 [2, > 6]", "9 [9, > 30]"],
        # With ten of twenty the median lies anywhere beyond: half of 2 + 6 at least.
        "10": ["10/20", "> 4 [2, > 6]", "> 19.5 [9, > 30]"],
        "7": ["7/20", "> 6 [2, > 6]", "> 30 [9, > 30]"],
        "4": ["4/20", "> 6", "> 30"],
    }


def test_large_counts_are_short(tmp_path, compare):
    def record(seed):
        return points(30, samples_per_round=123_456_789)

    write_run(tmp_path / "runs" / "a", record=record)
    _, out, _ = compare(tmp_path / "runs")
    # Two rounds: 246,913,578 samples.
    assert costs(out)["importance_sampling", "0.1"][3:] == [
        "247M [247M, 247M]",
        "3.21G [3.21G, 3.21G]",
    ]


def test_ratios_are_paired_by_seed(tmp_path, compare):
    runs = tmp_path / "runs"
    per_round = [1 + seed for seed in range(10)]

    def record(factor, never=()):
        return lambda seed: points(
            120,
            updates_per_round=factor * per_round[seed],
            rate=0.001 if seed in never else 0.05,
        )

    write_run(runs / "is", seeds=range(10), record=record(1, never=[9, 5]))
    write_run(
        runs / "bpp",
        "base_policy_prediction",
        seeds=range(1, 12),
        record=lambda seed: record(2, never=[9, 8, 1])(seed) if seed < 10 else points(),
    )
    _, out, _ = compare(runs)
    cells = ratios(out)["base_policy_prediction / importance_sampling", "0.1"]
    # Seeds 1 to 9 are shared. Never there: seeds 1 and 8 only for BPP, 5 for IS, 9 for both.
    assert cells[:2] == ["9", "2 / 1 / 1"]
    updates = np.ceil(np.log(5) / 0.05)

    def rounds(factor, never):
        return [
            np.inf if seed in never else np.ceil(updates / (factor * per_round[seed]))
            for seed in range(1, 10)
        ]

    expected = np.median(rounds(2, [9, 8, 1])) / np.median(rounds(1, [9, 5]))
    assert cells[2].startswith(f"{expected:.2f} [")
    assert cells[2] == cells[3]


def test_ratios_without_samples_or_without_an_arrival(tmp_path, compare):
    runs = tmp_path / "runs"

    def record(rate):
        return lambda seed: points(30, samples_per_round=0, rate=rate)

    exact = {"samples_per_round": None}
    write_run(runs / "is", record=record(0.15), settings=exact)
    write_run(runs / "bpp", "base_policy_prediction", record=record(0.1), settings=exact)
    _, out, _ = compare(runs)
    assert costs(out)["base_policy_prediction", "0.1"][1:] == ["4 [4, 4]", "17 [17, 17]", "-", "-"]
    assert costs(out)["base_policy_prediction", "0.01"][1:] == ["> 6", "> 30", "-", "-"]
    table = ratios(out)
    name = "base_policy_prediction / importance_sampling"
    assert table[name, "0.1"] == ["8", "0 / 0 / 0", "1.33 [1.33, 1.33]", "-"]
    assert table[name, "0.01"] == ["8", "8 / 0 / 0", "inf", "-"]


def test_another_reference(tmp_path, compare):
    runs = tmp_path / "runs"
    write_run(runs / "full", "full_communication", record=lambda seed: points(updates_per_round=1))
    write_run(runs / "bpp", "base_policy_prediction")
    code, out, err = compare(runs)
    assert code == 0
    assert "Cost relative" not in out
    assert err.startswith("no ratios: importance_sampling is not among the runs")
    _, out, err = compare(runs, "--reference", "full_communication")
    assert err == ""
    name = "base_policy_prediction / full_communication"
    assert ratios(out)[name, "0.1"][2:] == ["0.22 [0.22, 0.22]"] * 2
    code, out, err = compare(runs, "--reference", "stale")
    assert (code, out) == (2, "")
    assert err == (
        "error: --reference stale is not among the runs: "
        "choose from full_communication, base_policy_prediction\n"
    )


def test_one_configuration_has_no_ratios_and_needs_no_warning(tmp_path, compare):
    write_run(tmp_path / "runs" / "bpp", "base_policy_prediction")
    code, out, err = compare(tmp_path / "runs")
    assert (code, err) == (0, "")
    assert "Cost relative" not in out


def test_unequal_runs_are_warned_about_in_one_line(tmp_path, compare):
    write_run(tmp_path / "runs" / "is")
    more = {"samples_per_round": 4000}
    write_run(tmp_path / "runs" / "bpp", "base_policy_prediction", settings=more)
    code, _, err = compare(tmp_path / "runs")
    assert code == 0
    assert err == (
        "warning: the compared runs differ in samples_per_round (1000 | 4000): "
        "not a comparison at equal samples\n"
    )


def test_unfinished_runs_are_named_and_left_out(tmp_path, compare):
    write_run(tmp_path / "runs" / "is")
    write_run(tmp_path / "runs" / "bpp", "base_policy_prediction", finished=False)
    code, out, err = compare(tmp_path / "runs")
    assert code == 0
    assert "base_policy_prediction" not in out
    assert err.startswith(f"skipped {tmp_path / 'runs' / 'bpp'}: unfinished")
    assert err.count("\n") == 1


@pytest.mark.parametrize("case", ["missing", "empty", "torn", "twice"])
def test_bad_input_is_one_line_and_code_2(tmp_path, compare, case):
    runs = tmp_path / case
    if case != "missing":
        runs.mkdir()
    if case == "torn":
        run = write_run(runs / "run")
        (run / "summary.json").write_text('{"seeds": [')
    if case == "twice":
        write_run(runs / "a")
        write_run(runs / "b", record=lambda seed: points(31))
    code, out, err = compare(runs)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert str(runs) in err


def test_a_picture_that_cannot_be_written_is_one_line_and_code_1(tmp_path, capsys):
    run = write_run(tmp_path / "run")
    (tmp_path / "file").write_text("")
    assert main([str(run), "--out", str(tmp_path / "file" / "pictures")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: cannot write the picture into")
    assert error.count("\n") == 1


def test_from_the_shell_nothing_is_cut_and_pictures_are_where_it_says(tmp_path):
    long = {"algorithm.predictor": "[red]a_name_as_long_as_no_predictor_ever_had_" * 3}
    write_run(tmp_path / "runs" / "bpp", "base_policy_prediction", settings=long)
    write_run(tmp_path / "runs" / "bpp2", "base_policy_prediction")
    process = subprocess.run(
        [sys.executable, "-m", "marl_comm.compare", "runs", "--out", "pictures"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert long["algorithm.predictor"] in process.stdout
    assert "…" not in process.stdout
    for name in ("nash_gap.png", "nash_gap.pdf"):
        assert f"picture: pictures/{name}" in process.stdout.splitlines()
        assert (tmp_path / "pictures" / name).stat().st_size > 1000


def test_help_explains_the_options(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in ("DIR", "--out", "--reference", "outputs/comparison", "importance_sampling"):
        assert word in text


def write_networks(runs):
    def record(shift, predicted=False):
        return lambda seed: environment_points(
            final_return=-60.0 + shift + seed,
            predicted=predicted,
            kl_per_update=0.05 if predicted else 0.1,
        )

    write_environment_run(runs / "is", record=record(0))
    write_environment_run(runs / "bpp", "base_policy_prediction", record=record(2, predicted=True))


def test_runs_of_environments_are_compared_by_their_returns(tmp_path, compare):
    write_networks(tmp_path / "runs")
    code, out, err = compare(tmp_path / "runs")
    assert (code, err) == (0, "")
    table = {row[0]: row[1:] for row in rows(out, "Runs in environments")}
    # Of eight seeds the middle four are at -58, ..., -55: their mean is 3.5 above the first.
    assert table["importance_sampling"][:3] == ["8", "13.0", "4,000"]
    assert table["importance_sampling"][3].startswith("-56.5 [-58")
    assert table["base_policy_prediction"][3].startswith("-54.5 [-56")
    # Nine of ten updates of a round are on old data, at 0.1, 0.2, ..., 0.9 from their base.
    assert table["importance_sampling"][6] == "0.500"
    assert table["base_policy_prediction"][6:] == ["0.250", "0.400", "0.900"]
    (difference,) = rows(out, "Relative to the reference")
    assert difference[:6] == [
        "base_policy_prediction / importance_sampling",
        "8",
        "1.00",
        "1.00",
        "0.500",
        "2.00",
    ]
    assert (tmp_path / "pictures" / "return.png").stat().st_size > 10_000
    assert not (tmp_path / "pictures" / "nash_gap.png").exists()


def test_another_outcome_of_episodes_is_compared_like_the_return(tmp_path, compare):
    def record(seed):
        found = environment_points(final_return=-60.0)
        for point in found:
            evaluated = point["evaluation_sampled_return"] is not None
            won = min(1.0, (seed + 1) * point["local_step"] / 400)
            point["evaluation_sampled_won"] = won if evaluated else None
        return found

    write_environment_run(tmp_path / "runs" / "is", record=record)
    write_environment_run(tmp_path / "runs" / "stale", "stale", record=record)
    code, out, err = compare(tmp_path / "runs", "--outcome", "won")
    assert (code, err) == (0, "")
    # Of eight seeds the middle four end with 0.3, ..., 0.6 of the battles won.
    (one, _) = rows(out, "Runs in environments")
    assert one[4].startswith("0.450 [")
    assert "final won" in out
    assert "final won, difference" in out
    assert (tmp_path / "pictures" / "won.png").stat().st_size > 10_000
    write_networks(tmp_path / "others")
    for runs, allowed in (("others", "return"), ("table", "none, as it is of evaluations")):
        if runs == "table":
            write_run(tmp_path / runs)
        code, _, err = compare(tmp_path / runs, "--outcome", "won")
        assert code == 2
        assert f"--outcome won is not in all of the runs: allowed here is {allowed}" in err


def test_returns_and_gaps_are_not_compared(tmp_path, compare):
    write_networks(tmp_path / "runs")
    write_run(tmp_path / "runs" / "table")
    code, _, err = compare(tmp_path / "runs")
    assert code == 2
    assert "cannot compare coverage, which has a Nash gap, with mpe/simple_spread" in err
    assert err.count("\n") == 1
