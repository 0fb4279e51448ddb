"""Watches the memory and the log of runs that never end: `soak.py --minutes 60 DIRECTORY`.

Starts a tabular run and a MAPPO run side by side, looks at both at fixed intervals, and ends them
with SIGTERM. Leaves `soak.csv`, `soak.png` and `soak.pdf` in the directory, and prints how fast
resident memory and log grew. With `--minutes 0` it starts nothing, and draws the table that is
there.
"""

import argparse
import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from marl_comm.plots.saving import save
from marl_comm.plots.style import BLUE, RC_PARAMS, VERMILION, WIDTH

ENDLESS = ("max_local_steps=1000000000", "communication.max_rounds=null", "logger=local")
RUNS = {
    "tabular": (
        "game=coverage",
        "game.reward_noise=0.1",
        "communication=missing",
        "communication.probability=0.8",
        "num_seeds=20",
        "metrics.every=100",
        *ENDLESS,
    ),
    "mappo": (
        "game=mpe/simple_spread",
        "communication=periodic",
        "communication.period=4",
        "communication.warmup=4",
        "game.copies=8",
        "num_seeds=2",
        *ENDLESS,
    ),
}
COLOURS = {"tabular": BLUE, "mappo": VERMILION}
TAIL = 8192  # bytes, more than the longest line of a log


@dataclass(frozen=True)
class Sample:
    """How a run stands: since its start, resident memory, size of its log, how far it is."""

    run: str
    minutes: float
    resident_mib: float
    log_bytes: int
    local_updates: int


def sample(run: str, minutes: float, process: int, log: Path) -> Sample:
    """Look at a running process and at its log."""
    status = Path(f"/proc/{process}/status").read_text()
    (resident,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        whole = file.read(TAIL).rpartition(b"\n")[0]
    updates = json.loads(whole.rpartition(b"\n")[2])["local_step"] if whole else 0
    return Sample(run, round(minutes, 3), int(resident) / 1024, size, updates)


def watch(directory: Path, minutes: float, interval: float) -> None:
    """Write the samples of all runs, which are started here and ended after some minutes."""
    processes: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for run, overrides in RUNS.items():
            command = ["-m", "marl_comm.run", *overrides, f"hydra.run.dir={directory / run}"]
            processes[run] = subprocess.Popen(
                [sys.executable, *command], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        began = time.monotonic()
        with (directory / "soak.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(field.name for field in fields(Sample))
            while (passed := (time.monotonic() - began) / 60) < minutes:
                time.sleep(interval)
                for run, process in processes.items():
                    if process.poll() is not None:
                        raise SystemExit(f"the {run} run ended by itself: {process.returncode}")
                    log = directory / run / "metrics.jsonl"
                    if log.exists():
                        table.writerow(astuple(sample(run, passed, process.pid, log)))
                file.flush()
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {run: process.wait() for run, process in processes.items()}
    print(f"exit codes after SIGTERM: {codes}")


def read(table: Path) -> list[Sample]:
    """Return the samples of a table."""
    with table.open(newline="") as file:
        return [
            Sample(
                line["run"],
                float(line["minutes"]),
                float(line["resident_mib"]),
                int(line["log_bytes"]),
                int(line["local_updates"]),
            )
            for line in csv.DictReader(file)
        ]


def report(samples: list[Sample], settling: float) -> None:
    """Print growth per run: of memory once `settling` minutes have passed, and of the log."""
    for run in RUNS:
        mine = [sample for sample in samples if sample.run == run]
        late = [sample for sample in mine if sample.minutes >= settling]
        hours = np.array([sample.minutes / 60 for sample in late])
        memory = np.array([sample.resident_mib for sample in late])
        slope = np.polyfit(hours, memory, 1)[0]
        last = mine[-1]
        print(
            f"{run}: {last.local_updates:,} local updates in {last.minutes:.0f} minutes; resident "
            f"{memory.min():.1f} to {memory.max():.1f} MiB after {settling:g} minutes, "
            f"{slope:+.2f} MiB per hour; log {last.log_bytes:,} bytes, "
            f"{last.log_bytes / max(1, last.local_updates):.2f} per local update"
        )


def draw(samples: list[Sample], directory: Path) -> None:
    """Draw memory and log against time, as PNG and PDF."""
    from matplotlib import rc_context

    with rc_context(RC_PARAMS):
        figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
        memory, log = figure.subplots(1, 2)
        for run in RUNS:
            mine = [sample for sample in samples if sample.run == run]
            minutes = [sample.minutes for sample in mine]
            style = {"color": COLOURS[run], "label": run}
            memory.plot(minutes, [sample.resident_mib for sample in mine], **style)
            log.plot(minutes, [sample.log_bytes / 1e6 for sample in mine], **style)
        memory.set(xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, None))
        log.set(xlabel="minutes", ylabel="metrics.jsonl, MB", ylim=(0, None))
        memory.legend()
    save(figure, directory, "soak")


def main() -> int:
    """Watch, report, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="where runs, table and figure go")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--interval", type=float, default=10, help="seconds between samples")
    parser.add_argument("--settling", type=float, default=10, help="minutes left out of slopes")
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    if arguments.minutes > 0:
        watch(arguments.directory, arguments.minutes, arguments.interval)
    samples = read(arguments.directory / "soak.csv")
    draw(samples, arguments.directory)
    report(samples, arguments.settling)
    return 0


if __name__ == "__main__":
    sys.exit(main())
