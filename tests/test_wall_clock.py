import re

import numpy as np
import pytest
from fake_runs import BYTES_PER_SAMPLE, points, write_environment_run, write_run

from marl_comm import wall_clock
from marl_comm.analysis.configurations import pool
from marl_comm.analysis.runs import load_runs


def test_time_is_latency_transfer_and_play():
    parts = wall_clock.Network(latency=0.1, bandwidth=100.0, simulation_speed=10.0).seconds(
        np.array([3.0]), np.array([500.0]), np.array([40.0])
    )
    assert {name: part[0] for name, part in parts.items()} == pytest.approx(
        {"latency": 0.6, "transfer": 5.0, "simulation": 4.0}
    )


def test_times_come_from_what_was_used_at_the_gap(tmp_path):
    write_run(tmp_path / "run", seeds=range(2))
    (configuration,) = pool(load_runs([tmp_path], print), print)
    parts = wall_clock.times_to_gap(configuration, 0.1, wall_clock.Network(latency=1, bandwidth=1))
    # The gap 0.5 exp(-0.2 t) is at most 0.1 after 9 local updates, in the second round.
    assert parts["latency"].tolist() == [4.0, 4.0]
    assert parts["transfer"].tolist() == [2000 * BYTES_PER_SAMPLE * 4] * 2


def test_without_latency_what_never_arrives_still_takes_forever(tmp_path):
    write_run(tmp_path / "run", record=lambda seed: points(5))
    (configuration,) = pool(load_runs([tmp_path], print), print)
    never = wall_clock.times_to_gap(configuration, 0.01, wall_clock.Network(latency=0))
    assert np.isinf(never["latency"]).all()


def test_the_command_names_the_fastest_and_counts_who_never_arrived(tmp_path, capsys):
    write_run(tmp_path / "slow", "importance_sampling", record=lambda seed: points(30, rate=0.1))
    write_run(tmp_path / "fast", "base_policy_prediction", record=lambda seed: points(40))
    assert wall_clock.main([str(tmp_path), "gap=0.1", "latency=2"]) == 0
    output = capsys.readouterr().out
    assert "fastest on this network: base_policy_prediction" in output
    assert "latency 2 s" in output
    rows = [line for line in output.splitlines() if "0 of 8" in line]
    assert len(rows) == 2
    for row in rows:
        shares = [int(share) for share in re.findall(r"(\d+)%", row)]
        assert len(shares) == 3
        assert abs(sum(shares) - 100) <= 1
    assert wall_clock.main([str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "8 of 8" in output
    assert "%" not in next(line for line in output.splitlines() if "8 of 8" in line)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["speed=3"],
            "speed: unknown setting, allowed are latency, bandwidth, simulation_speed, gap, return",
        ),
        (["latency=fast"], "latency=fast"),
        (["bandwidth=0"], "bandwidth=0"),
        (["latency=inf"], "latency=inf"),
        (["gap=0.5"], "gap=0.5: must be a gap that all runs recorded: 0.1, 0.01"),
        (["gap=small"], "gap=small: must be a number"),
    ],
)
def test_bad_settings_take_one_line_and_exit_code_2(tmp_path, capsys, words, line):
    write_run(tmp_path / "run")
    assert wall_clock.main([str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


def test_no_directory_is_refused(capsys):
    assert wall_clock.main(["latency=1"]) == 2
    assert "name at least one directory" in capsys.readouterr().err


def test_in_environments_time_is_to_a_return(tmp_path, capsys):
    write_environment_run(tmp_path / "run", seeds=range(8))
    (configuration,) = pool(load_runs([tmp_path], print), print)
    parts = wall_clock.times_to_return(
        configuration, -67.0, wall_clock.Network(latency=1, bandwidth=1)
    )
    # From -80 to -60 in 40 updates: -65 is seen at the evaluation after 30, in the twelfth round.
    assert parts["latency"].tolist() == [24.0] * 8
    assert parts["transfer"].tolist() == [3000 * BYTES_PER_SAMPLE * 3] * 8
    assert wall_clock.main([str(tmp_path), "return=-67", "latency=1"]) == 0
    assert "time to a return of -67: latency 1 s" in capsys.readouterr().out
    assert wall_clock.main([str(tmp_path), "return=0"]) == 0
    assert "8 of 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "return=REWARD; the final ones lie between -60 and -60"),
        (["gap=0.1"], "environments have returns and no Nash gap"),
        (["return=high"], "return=high: must be a number"),
        (["tables", "return=-60"], "a return is reached in environments only"),
    ],
)
def test_environments_need_a_return_and_tables_a_gap(tmp_path, capsys, words, line):
    write_environment_run(tmp_path / "networks" / "run", seeds=range(2))
    write_run(tmp_path / "tables" / "run")
    directory = "tables" if "tables" in words else "networks"
    rest = [word for word in words if word != "tables"]
    assert wall_clock.main([str(tmp_path / directory), *rest]) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1
