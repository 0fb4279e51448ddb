"""Measures rounds of agents as processes on a real link, beside what `wall_clock` predicts.

on_a_wire.py check    at 1, 20 and 100 ms, 1 and 100 Mbit/s: measured against predicted
on_a_wire.py figure   three algorithms to one Nash gap: on_a_wire.json, .png and .pdf in --out
on_a_wire.py draw     the figure again, of the numbers in on_a_wire.json
on_a_wire.py cut      the link is cut for 5 s, with more and with less patience than that
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from agent_group import Group
from matplotlib.figure import Figure
from slow_link import PLAY, ROUNDS, SlowLink, problem

from marl_comm.plots.saving import save
from marl_comm.plots.style import BLACK, BLUE, RC_PARAMS, SKY_BLUE
from marl_comm.wall_clock import Network

DELAYS, MEGABITS = (0.001, 0.02, 0.1), (1, 100)
BYTES_PER_MEGABIT = 125_000
TOLERANCE = 0.1
PATIENCE = 600.0
AGENTS = 8
# Enough that a round is longer than what a busy machine adds to it.
SAMPLES = {1: 1000, 100: 50_000}
ALGORITHMS = ("full_communication", "importance_sampling", "base_policy_prediction")
GAP = 0.01
NUMBERS = "on_a_wire.json"
LINKS = ((0.02, 1), (0.1, 100))  # seconds one way, Mbit/s


@dataclass(frozen=True)
class Played:
    """What a group of processes has left.

    Attributes:
        measured: Its `agents.json`.
        said: What the world has printed.
        code: The world's exit code.
        rounds: (local updates + 1,), rounds so far, by local update.
        gaps: (local updates + 1,), Nash gaps.
        moved: (local updates + 1,), bytes booked so far.
    """

    measured: dict[str, Any]
    said: str
    code: int | None
    rounds: "np.ndarray[Any, Any]"
    gaps: "np.ndarray[Any, Any]"
    moved: "np.ndarray[Any, Any]"


def start(link: SlowLink, folder: Path, agents: int, *words: str) -> Group:
    """Start the world in one namespace, and all agents in the other one."""
    places = [link.near, *[link.far] * agents]
    return Group(
        folder,
        agents,
        *words,
        "--interface",
        PLAY,
        "--rounds-interface",
        ROUNDS,
        address="10.77.1.1",
        namespaces=places,
    )


def ended(group: Group) -> Played:
    """Wait for all, and return what they have left."""
    code = group.codes(patience=PATIENCE)[0]
    file, log = group.folder / "run" / "agents.json", group.folder / "run" / "metrics.jsonl"
    measured = json.loads(file.read_text()) if file.exists() else {}
    points = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    return Played(
        measured,
        "\n".join(group.said(0)),
        code,
        np.array([point["round"] for point in points]),
        np.array([point["nash_gap"] for point in points]),
        np.array([point["bytes_up"] + point["bytes_down"] for point in points]),
    )


def predicted(link: SlowLink, rounds: int, moved: int) -> float:
    """Return what `wall_clock` says that rounds take on a link, in seconds; play left out."""
    network = Network(latency=link.delay, bandwidth=link.rate, simulation_speed=1e300)
    parts = network.seconds(np.array(rounds), np.array(moved), np.array(0))
    return float(sum(parts.values()))


def check(
    delays: tuple[float, ...], megabits: tuple[int, ...], rounds: int, windows: tuple[bool, ...]
) -> bool:
    """Print a line for each kind of link; return whether all estimates were near enough."""
    good = True
    for rate in megabits:
        for delay in delays:
            for opened in windows:
                played, link = _rounds_on(delay, rate, rounds, opened)
                expected = predicted(link, rounds, int(played.moved[-1]))
                found = sum(played.measured["round_seconds"])
                off = found / expected - 1
                # A new connection has to find out first how much it may send at once.
                later = sum(played.measured["round_seconds"][1:])
                later_off = later * rounds / (expected * max(rounds - 1, 1)) - 1
                good &= abs(off if opened else later_off) <= TOLERANCE
                window = "open window" if opened else "ordinary TCP"
                print(
                    f"{delay * 1000:g} ms, {rate} Mbit/s, {window}: {rounds} rounds predicted "
                    f"{expected:.3f} s, measured {found:.3f} s, {off:+.1%}"
                    + ("" if opened else f"; without the first {later_off:+.1%}")
                    + f" (allowed {TOLERANCE:.0%})",
                    flush=True,
                )
    return good


def _rounds_on(delay: float, rate: int, rounds: int, opened: bool) -> tuple[Played, SlowLink]:
    words = (
        "game=coverage",
        "algorithm=full_communication",
        f"max_local_steps={rounds}",
        f"samples_per_round={SAMPLES[rate]}",
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        SlowLink(delay, rate * BYTES_PER_MEGABIT, open_window=opened) as link,
    ):
        played = ended(start(link, Path(folder), AGENTS, *words))
    if played.code != 0:
        sys.exit(f"the run failed: {played.said}")
    return played, link


def measure_and_draw(out: Path) -> None:
    """Play three algorithms to the same Nash gap on two links, and draw how long that took."""
    found = []
    for delay, rate in LINKS:
        for algorithm in ALGORITHMS:
            words = (
                "game=coverage",
                f"algorithm={algorithm}",
                "samples_per_round=1000",
                f"metrics.gap_thresholds=[{GAP}]",
                "metrics.stop_at_smallest_gap=true",
                "max_local_steps=2000",
            )
            with (
                tempfile.TemporaryDirectory() as folder,
                SlowLink(delay, rate * BYTES_PER_MEGABIT) as link,
            ):
                played = ended(start(link, Path(folder), AGENTS, *words))
            if played.code != 0 or played.gaps[-1] > GAP:
                sys.exit(f"{algorithm} did not get to a gap of {GAP}: {played.said}")
            found.append(
                {
                    "delay": delay,
                    "megabits": rate,
                    "algorithm": algorithm,
                    "rounds": int(played.rounds[-1]),
                    "bytes": int(played.moved[-1]),
                    "predicted": round(
                        predicted(link, int(played.rounds[-1]), int(played.moved[-1])), 3
                    ),
                    "measured": round(sum(played.measured["round_seconds"]), 3),
                    "whole": round(played.measured["seconds"], 3),
                }
            )
            print(json.dumps(found[-1]), flush=True)
    (out / NUMBERS).write_text(json.dumps(found, indent=1) + "\n")
    draw(out)


def draw(out: Path) -> None:
    """Draw what was measured."""
    found = json.loads((out / NUMBERS).read_text())
    with mpl.rc_context(RC_PARAMS):
        save(drawn(found), out, "on_a_wire")


def drawn(found: list[dict[str, Any]]) -> Figure:
    """Return bars of what was predicted and measured, a panel for each link."""
    figure = Figure(figsize=(6.6, 2.9), layout="constrained")
    panels = figure.subplots(1, len(LINKS))
    kinds = (
        ("predicted", "predicted by wall_clock", SKY_BLUE),
        ("measured", "measured, rounds", BLUE),
        ("whole", "measured, with play and local updates", BLACK),
    )
    for panel, (delay, rate) in zip(panels, LINKS, strict=True):
        rows = [each for each in found if (each["delay"], each["megabits"]) == (delay, rate)]
        places = np.arange(len(rows))
        for number, (key, label, color) in enumerate(kinds):
            heights = [row[key] for row in rows]
            bars = panel.bar(places + 0.27 * (number - 1), heights, 0.25, color=color, label=label)
            panel.bar_label(bars, fmt="%.1f", fontsize=6.5, padding=1)
        names = [
            row["algorithm"].replace("base_", "base-").replace("_", "\n")
            + f"\n{row['rounds']} rounds"
            for row in rows
        ]
        panel.set_xticks(places, names, fontsize=7.5)
        panel.grid(visible=False, axis="x")
        panel.set(title=f"{delay * 1000:g} ms one way, {rate} Mbit/s", ylabel="seconds")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def cut(seconds: float) -> bool:
    """Cut the link for a while; return whether it went as it should."""
    good = True
    words = (
        "game=coverage",
        "algorithm=full_communication",
        "max_local_steps=400",
        "samples_per_round=200",
        "checkpoint_seconds=0.2",
    )
    with tempfile.TemporaryDirectory() as folder, SlowLink(0.001, 1e8) as link:
        run = Path(folder) / "run"
        for patience in (seconds / 2, 60.0, 60.0):
            group = start(link, Path(folder), 2, *words, "--timeout", f"{patience:g}")
            cutting = threading.Thread(target=_cut_soon, args=(link, run, seconds))
            cutting.start()
            played = ended(group)
            cutting.join()
            finished = (run / "summary.json").exists()
            good &= finished == (patience > seconds) and played.code == (0 if finished else 1)
            last = played.said.strip().splitlines()[-1]
            print(f"cut for {seconds:g} s, --timeout {patience:g}: code {played.code}, {last}")
            if finished:
                break
        alone = Path(folder) / "alone"
        command = [sys.executable, "-m", "marl_comm.run", "game.agents=2", "logger=local", *words]
        subprocess.run([*command, f"hydra.run.dir={alone}"], check=True, capture_output=True)
        same = all(
            (alone / name).read_bytes() == (run / name).read_bytes()
            for name in ("metrics.jsonl", "final.npz")
        )
        print(f"the same bytes as in one process: {'yes' if same else 'no'}")
    return good and same


def _cut_soon(link: SlowLink, run: Path, seconds: float) -> None:
    log = run / "metrics.jsonl"
    before = log.stat().st_size if log.exists() else 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not log.exists() or log.stat().st_size < before + 5000):
        time.sleep(0.05)
    link.cut(seconds)


def main() -> int:
    """Run what the command line names; return 0 where all was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("check", "figure", "draw", "cut"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--delays", type=float, nargs="+", default=DELAYS, metavar="SECONDS")
    parser.add_argument("--megabits", type=int, nargs="+", default=MEGABITS, choices=SAMPLES)
    parser.add_argument("--opened", action="store_true", help="with an open window only")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"), help="folder")
    options = parser.parse_args()
    if options.what == "draw":
        draw(options.out)
        return 0
    if (reason := problem()) is not None:
        print(reason)
        return 2
    if options.what == "check":
        windows = (True,) if options.opened else (True, False)
        good = check(tuple(options.delays), tuple(options.megabits), options.rounds, windows)
        return int(not good)
    if options.what == "cut":
        return int(not cut(5.0))
    measure_and_draw(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
