"""What a finished run says: where its results are, what they are, and what to type next."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from marl_comm.analysis.text import number
from marl_comm.command_line.program import typed
from marl_comm.loggers.judged import judged_by
from marl_comm.plain_text import printable
from marl_comm.storage.digests import read_summary

_RESULTS = {
    "nash_gap": "Nash gap",
    "evaluation_sampled_return": "return, summed over agents",
}
"""What a run is judged by, in words."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def closing_lines(directory: Path) -> list[str]:
    """Return what there is to say of a finished run.

    Args:
        directory: Of the run.

    Raises:
        DamagedError: Its summary cannot be read.
        InputError: It is a link, a pipe or the like.
    """
    summary = read_summary(directory)
    seeds = summary["seeds"]
    here = Path.cwd()
    if directory.is_relative_to(here):
        directory = directory.relative_to(here)
    lines = [f"results: {directory}"]
    if (result := result_of(seeds)) is not None:
        lines.append(result)
    lines.append(_costs(seeds))
    predictability = summary.get("predictability")
    if isinstance(predictability, Mapping) and predictability.get("iterations"):
        lines.append(f"{predictability['verdict']}")
    command = "compare" if "nash_gap" in seeds[0] else "evaluate"
    lines.append(f"next: {typed(command, str(directory))}")
    return [printable(line) for line in lines]


def result_of(seeds: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a run's Nash gap or return in words, with its spread over the seeds.

    Args:
        seeds: The `seeds` of its summary, or the last known figures of each seed.

    Returns:
        None where there is neither.
    """
    if (judged := judged_by(seeds)) is None:
        return None
    name, values = judged
    text = f"{_RESULTS[name]}: {number(fmean(values))}"
    if len(values) == 1:
        return text
    low, high = number(min(values)), number(max(values))
    return f"{text} (mean of {len(values)} seeds, {low} to {high})"


def _costs(seeds: Sequence[Mapping[str, Any]]) -> str:
    rounds, updates, samples, up, down = (
        fmean(seed[count] for seed in seeds)
        for count in ("rounds", "local_steps", "samples", "bytes_up", "bytes_down")
    )
    each = " per seed" if len(seeds) > 1 else ""
    return (
        f"cost{each}: {number(rounds)} rounds, {number(updates)} local updates, "
        f"{samples:,.0f} samples, {_size(up + down)}"
    )


def _size(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} {_UNITS[-1]}"
