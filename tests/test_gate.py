"""The gate itself: runs that repeat, and changes of every kind that it must name."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from gate import main
from gate_commands import commands

ROOT = Path(__file__).parent.parent
FEW = (
    "game=coverage,algorithm=base_policy_prediction,communication=missing",
    "game=markov_congestion,algorithm.predictor=rehearse",
    "game=pettingzoo,algorithm=stale",
    "game=coverage,communication=missing,game.reward_noise=0.1,num_seeds=3",
    "experiment=ceiling_oracle",
    "sweep",
)
CONFIG = {"seed": 0, "game": {"name": "coverage", "arguments": {}}, "weights": [1.0, 2.0]}
POINTS = [{"seed": 0, "local_step": step, "value": 0.1 * step} for step in range(4)]
SUMMARY = {"seeds": [{"seed": 0, "value": 0.3}], "versions": {"numpy": "2"}}


def played(folder: Path) -> Path:
    chosen = [argument for name in FEW for argument in ("--only", name)]
    subprocess.run([sys.executable, "tests/gate.py", "run", folder, *chosen], check=True, cwd=ROOT)
    return folder


def test_the_same_commands_leave_the_same_bytes(tmp_path, monkeypatch, capsys):
    before, after = played(tmp_path / "before"), played(tmp_path / "after")
    assert compared(monkeypatch, before, after) == 0
    runs = list(json.loads((before / "digests.json").read_text())["runs"])
    assert all(any(run.startswith(name) for run in runs) for name in FEW)
    assert capsys.readouterr().out == f"{len(runs)} runs, 0 differ\n"
    alone = tmp_path / "alone" / FEW[0]
    (command,) = (command for command in commands() if command.name == FEW[0])
    arguments = (*command.arguments, f"hydra.run.dir='{alone}'")
    subprocess.run([sys.executable, "-m", "marl_comm.run", *arguments], check=True, cwd=ROOT)
    assert compared(monkeypatch, alone, before / "runs" / FEW[0]) == 0, "a process of its own"


OWN = ("game=one_shot", "game=over_time", "algorithm=own", "communication=own")

BY_LEARNER = ("prediction/npg", "prediction/mappo")  # chosen by the learner


def test_every_option_of_every_group_is_in_a_command():
    typed = {argument for command in commands() for argument in command.arguments}
    for group in ("game", "algorithm", "communication", "experiment"):
        for file in (ROOT / "configs" / group).rglob("*.yaml"):
            option = file.relative_to(ROOT / "configs" / group).with_suffix("").as_posix()
            # Classes of the user's own are tried where the page shows them.
            usual = f"{group}={option}" in ("communication=unlimited", *OWN)
            typed_as = f"{group}/{option}".replace("/prediction/", "/prediction=")
            typed_as = typed_as if "=" in typed_as else f"{group}={option}"
            assert usual or option in BY_LEARNER or typed_as in typed


def compared(monkeypatch, before: Path, after: Path, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gate.py", "compare", str(before), str(after), *options])
    return main()


def write(folder: Path, config=CONFIG, points=POINTS, summary=SUMMARY, **arrays) -> Path:
    run = folder / "a" / "run"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    lines = [json.dumps(point, separators=(",", ":")) + "\n" for point in points]
    (run / "metrics.jsonl").write_text("".join(lines))
    (run / "summary.json").write_text(json.dumps(summary))
    np.savez(run / "final.npz", **({"policy": np.ones((1, 2))} | arrays))
    return folder


CHANGED = [{**point, "value": 0.5} if point["local_step"] == 2 else point for point in POINTS]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"config": {**CONFIG, "seed": 1}}, "config.yaml: changed seed 0 -> 1"),
        ({"config": {**CONFIG, "seed": 0.0}}, "config.yaml: changed seed 0 -> 0.0"),
        ({"config": {**CONFIG, "weights": [1.0]}}, "changed weights [1.0, 2.0] -> [1.0]"),
        ({"config": {**CONFIG, "reuse": None}}, "config.yaml: added reuse None"),
        ({"config": {"seed": 0, "weights": [1.0, 2.0]}}, "removed game.name 'coverage'"),
        ({"config": dict(reversed(CONFIG.items()))}, "config.yaml: file fields in another order"),
        ({"points": CHANGED}, "changed value in 1 of 4 lines, first in line 3: 0.2 -> 0.5"),
        ({"points": POINTS[:3]}, "metrics.jsonl: file 4 -> 3 lines"),
        ({"points": [{**p, "reuse": 1} for p in POINTS]}, "metrics.jsonl: added reuse in 4 lines"),
        ({"points": [{"seed": 0, "value": p["value"]} for p in POINTS]}, "removed local_step"),
        ({"points": [dict(reversed(p.items())) for p in POINTS]}, "fields in another order"),
        ({"policy": np.array([[1.0, 1.25]])}, "changed policy 1 of 2 numbers, by up to 0.25"),
        ({"policy": np.ones((1, 2), np.float32)}, "changed policy float64(1, 2) -> float32(1, 2)"),
        ({"policy": np.array([[1.0, np.nan]])}, "final.npz: changed policy 1 of 2 numbers"),
        ({"payoff": np.ones(3)}, "final.npz: added payoff"),
        ({"summary": {"seeds": [{"seed": 0, "value": 0.4}]}}, "changed seeds[0].value 0.3 -> 0.4"),
    ],
)
def test_every_change_is_named(tmp_path, monkeypatch, capsys, change, told):
    before, after = write(tmp_path / "before"), write(tmp_path / "after", **change)
    assert compared(monkeypatch, before, after) == 1
    assert told in capsys.readouterr().out


def test_other_versions_of_libraries_are_no_difference(tmp_path, monkeypatch):
    newer = {**SUMMARY, "versions": {"numpy": "3"}}
    before, after = write(tmp_path / "before"), write(tmp_path / "after", summary=newer)
    assert compared(monkeypatch, before, after) == 0


def test_named_fields_may_be_added_and_nothing_else_may_change_with_them(tmp_path, monkeypatch):
    added = {
        "config": {**CONFIG, "algorithm": {"reuse": {"rounds": 3}}},
        "points": [{**p, "reused": 1} for p in POINTS],
        "summary": {"seeds": [{"seed": 0, "value": 0.3, "stopped": 1}]},
    }
    before, after = write(tmp_path / "before"), write(tmp_path / "after", **added)
    names = ("--added", "algorithm.reuse", "--added", "reused", "--added", "seeds.stopped")
    assert compared(monkeypatch, before, after) == 1
    assert compared(monkeypatch, before, after, *names[:4]) == 1
    assert compared(monkeypatch, before, after, *names) == 0
    changed = write(
        tmp_path / "changed", **added | {"points": [{**p, "reused": 1} for p in CHANGED]}
    )
    assert compared(monkeypatch, before, changed, *names) == 1
    config = after / "a" / "run" / "config.yaml"
    config.write_text(config.read_text().replace("reuse:\n", "reuse: \n"))
    assert compared(monkeypatch, before, after, *names) == 1, "other bytes beside what is added"


def test_runs_that_are_gone_or_new_are_named(tmp_path, monkeypatch, capsys):
    before, after = write(tmp_path / "before"), write(tmp_path / "after")
    write(after / "b")
    assert compared(monkeypatch, before, after) == 1
    assert "b/a/run\n    run: file was not there" in capsys.readouterr().out
    assert compared(monkeypatch, before, after, "--more-runs") == 0
    assert compared(monkeypatch, after, before, "--more-runs") == 1


def test_files_of_digests_suffice_to_see_a_difference(tmp_path, monkeypatch, capsys):
    for name, digest in (("before", "1"), ("after", "2")):
        (tmp_path / name).mkdir()
        found = {"runs": {"run": {"config.yaml": "0", "final.npz": digest}}}
        (tmp_path / name / "digests.json").write_text(json.dumps(found))
    before, after = tmp_path / "before" / "digests.json", tmp_path / "after" / "digests.json"
    assert compared(monkeypatch, before, before) == 0
    assert compared(monkeypatch, before, after) == 1
    assert "final.npz: file another digest" in capsys.readouterr().out
