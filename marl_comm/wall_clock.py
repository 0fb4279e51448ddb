"""Would it pay on my network? Time to a Nash gap or a return, from runs and three numbers.

python -m marl_comm.wall_clock outputs/sweeps/mine latency=0.05 bandwidth=1e6 simulation_speed=1e5
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from marl_comm.analysis.configurations import Configuration, inequality, pool
from marl_comm.analysis.interquartile import interquartile_mean, mean_of
from marl_comm.analysis.returns import costs_of_return, final_returns
from marl_comm.analysis.runs import load_runs
from marl_comm.analysis.selection import Unit, costs
from marl_comm.analysis.text import interval, number
from marl_comm.arrays import Array
from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import ended, report
from marl_comm.command_line.program import program_name
from marl_comm.errors import InputError
from marl_comm.plain_text import printable

_WIDTH_OF_FILES = 160
_GOALS = ("gap", "return")
_DESCRIPTION = """\
Time until a Nash gap or, in environments, a return is reached, per algorithm, on a network with
the given latency and bandwidth. A round costs the latency twice (write, then read); all bytes of
all agents cross one shared link; samples are played one after another. Local computation is not
counted.
"""
_EPILOG = """\
settings, each optional:
  latency=SECONDS            one way (default 0.05)
  bandwidth=BYTES            per second, of the shared link (default 1e6)
  simulation_speed=SAMPLES   joint actions played per second (default 1e5)
  gap=REWARD                 a recorded Nash gap (default: the smallest that all runs recorded)
  return=REWARD              of evaluation episodes, summed over the agents; in environments, where
                             it has to be named: time until an evaluation first gives it
"""


class Network(BaseModel):
    """What a network and a simulator can do.

    Attributes:
        latency: One way, in seconds.
        bandwidth: Of the link that all agents share, in bytes per second.
        simulation_speed: Joint actions played per second.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    latency: Annotated[float, Field(ge=0)] = 0.05
    bandwidth: Annotated[float, Field(gt=0)] = 1e6
    simulation_speed: Annotated[float, Field(gt=0)] = 1e5

    def seconds(self, rounds: Array, transferred: Array, samples: Array) -> dict[str, Array]:
        """Return what takes the time, in seconds, by part; `inf` where the counts are.

        Args:
            rounds: Communication rounds.
            transferred: Bytes written and read, all agents together.
            samples: Joint actions played.
        """
        # Without latency, infinitely many rounds still take forever.
        with np.errstate(invalid="ignore"):
            latency = np.where(np.isinf(rounds), np.inf, 2 * self.latency * rounds)
        return {
            "latency": latency,
            "transfer": transferred / self.bandwidth,
            "simulation": samples / self.simulation_speed,
        }


def times_to_gap(configuration: Configuration, gap: float, network: Network) -> dict[str, Array]:
    """Return each part of the time of each seed, (seeds,) in seconds; `inf` for never."""
    return _times(costs, configuration, gap, network)


def times_to_return(
    configuration: Configuration, target: float, network: Network
) -> dict[str, Array]:
    """Return each part of the time of each seed, (seeds,) in seconds; `inf` for never."""
    return _times(costs_of_return, configuration, target, network)


def _times(
    costs_of: Callable[[Configuration, float, Unit], Array],
    configuration: Configuration,
    goal: float,
    network: Network,
) -> dict[str, Array]:
    units: tuple[Unit, ...] = ("round", "bytes", "samples")
    return network.seconds(*(costs_of(configuration, goal, unit) for unit in units))


@dataclass(frozen=True)
class _Goal:
    """What the runs are to reach: its name, its value, and the times that it took."""

    name: str
    value: float
    times: Callable[[Configuration, float, Network], dict[str, Array]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 2 for bad input."""
    parser = Parser(
        prog=program_name("python -m marl_comm.wall_clock"),
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", metavar="DIR | KEY=VALUE", nargs="+")
    try:
        directories, network, goals = _understood(parser.parse_args(arguments).words)
        configurations = pool(load_runs(directories, _tell), _tell)
        _print(configurations, network, _goal_of(configurations, goals))
    except (Exception, KeyboardInterrupt) as error:
        return report(error)
    return 0


def _understood(words: Sequence[str]) -> tuple[list[Path], Network, dict[str, float]]:
    directories: list[Path] = []
    settings: dict[str, str] = {}
    for word in words:
        key, is_setting, value = word.partition("=")
        if is_setting and not Path(word).exists():
            settings[key] = value
        else:
            directories.append(Path(word))
    if not directories:
        raise InputError("name at least one directory with finished runs")
    goals = {name: settings.pop(name) for name in _GOALS if name in settings}
    try:
        network = Network.model_validate(settings)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        if problem["type"] == "extra_forbidden":
            known = ", ".join([*Network.model_fields, *_GOALS])
            raise InputError(f"{key}: unknown setting, allowed are {known}") from error
        raise InputError(f"{key}={settings[key]}: {problem['msg']}") from error
    return directories, network, {name: _number(name, text) for name, text in goals.items()}


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{name}={text}: must be a number") from error


def _goal_of(configurations: Sequence[Configuration], goals: Mapping[str, float]) -> _Goal:
    """Return what the runs are to reach.

    Raises:
        InputError: It is missing, was not recorded, or is not of all these runs.
    """
    kinds = {each.plays_environment for each in configurations}
    if kinds == {True}:
        if "gap" in goals or "return" not in goals:
            ends = [float(mean_of(final_returns(each)).value) for each in configurations]
            raise InputError(
                "environments have returns and no Nash gap: name one to be reached with "
                f"return=REWARD; the final ones lie between {min(ends):.4g} and {max(ends):.4g}"
            )
        return _Goal("a return", goals["return"], times_to_return)
    if True in kinds or "return" in goals:
        raise InputError("a return is reached in environments only: name their runs alone")
    gap = goals.get("gap")
    shared = set.intersection(*(set(each.thresholds) for each in configurations))
    if not shared or (gap is not None and gap not in shared):
        allowed = ", ".join(f"{each:g}" for each in sorted(shared, reverse=True)) or "none"
        raise InputError(f"gap={gap}: must be a gap that all runs recorded: {allowed}")
    return _Goal("a Nash gap", min(shared) if gap is None else gap, times_to_gap)


def _print(configurations: Sequence[Configuration], network: Network, goal: _Goal) -> None:
    if (warning := inequality(configurations)) is not None:
        _tell(f"warning: {warning}")
    if any(
        each.config["samples_per_round"] is None and not each.plays_environment
        for each in configurations
    ):
        _tell("warning: runs with exact gradients move no bytes and play no samples")
    title = (
        f"time to {goal.name} of {goal.value:g}: latency {network.latency:g} s, bandwidth "
        f"{network.bandwidth:g} bytes/s, simulation {network.simulation_speed:g} samples/s"
    )
    table = Table(title=title, title_justify="left")
    for name in ("configuration", "seconds", "95 % interval", "of it latency, transfer, play"):
        table.add_column(name)
    table.add_column("never arrived")
    means: dict[str, float] = {}
    for each in configurations:
        parts = goal.times(each, goal.value, network)
        seconds = np.sum(list(parts.values()), axis=0)
        whole = mean_of(seconds)
        means[each.label] = whole.value
        table.add_row(
            each.label,
            number(whole.value),
            interval(whole),
            _shares(parts, whole.value),
            f"{np.isinf(seconds).sum()} of {len(seconds)}",
        )
    console = Console(
        width=None if sys.stdout.isatty() else _WIDTH_OF_FILES,
        markup=False,
        highlight=False,
        emoji=False,
    )
    console.print(table)
    fastest = min(means, key=lambda label: means[label])
    if means[fastest] < float("inf"):
        console.print(f"fastest on this network: {fastest}")


def _shares(parts: dict[str, Array], whole: float) -> str:
    if not 0 < whole < float("inf"):
        return "-"
    return ", ".join(f"{float(interquartile_mean(part)) / whole:.0%}" for part in parts.values())


def _tell(line: str) -> None:
    print(printable(line), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(ended(main()))
