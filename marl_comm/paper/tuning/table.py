"""The comparison of a problem as a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of, ratio_of
from marl_comm.arrays import Array
from marl_comm.paper.tuning.variants import ORACLE_OF, REFERENCE, VARIANTS, Variant

_HEAD = (
    "| algorithm | rounds | never | bytes (kB) | rounds / importance sampling | "
    "rounds / the same without prediction | rounds / oracle | setting |"
)


def table(document: Mapping[str, Any]) -> str:
    """Return a Markdown table of a problem's document.

    What was chosen at the edge of what was tried says so: it is no best, and others are not
    compared with it.
    """
    found = document["algorithms"]
    lines = [_HEAD, "|---" * _HEAD.count(" | ") + "|---|"]
    lines += [_line(variant, found) for variant in VARIANTS if variant.name in found]
    return "\n".join(lines)


def values(entry: Mapping[str, Any], cost: str = "round") -> Array:
    """Return what each seed had used when it arrived, (seeds,), infinite for never."""
    return np.array([np.inf if each is None else float(each) for each in entry[cost]])


def ratio_between(
    found: Mapping[str, Any], one: str, other: str, cost: str = "round"
) -> Estimate | None:
    """Return the paired ratio of a cost, if both algorithms are there and at their best."""
    if one == other or not {one, other} <= found.keys():
        return None
    if found[one]["at_the_edge"] or found[other]["at_the_edge"]:
        return None
    return ratio_of(values(found[one], cost), values(found[other], cost))


def _line(variant: Variant, found: Mapping[str, Any]) -> str:
    entry = found[variant.name]
    rounds = values(entry)
    setting = " ".join(f"{key}={value}" for key, value in entry["setting"].items())
    if entry["at_the_edge"]:
        setting += f" (at the edge of its grid: {', '.join(entry['at_the_edge'])})"
    others = [REFERENCE, variant.without, ORACLE_OF.get(variant.without, "")]
    cells = [
        variant.name,
        _in_words(mean_of(rounds)),
        f"{np.isinf(rounds).mean():.0%}",
        f"{mean_of(values(entry, 'bytes')).value / 1000:.0f}",
        *(_in_words(ratio_between(found, variant.name, other)) for other in others),
        f"`{setting}`",
    ]
    return f"| {' | '.join(cells)} |"


def _in_words(estimate: Estimate | None) -> str:
    if estimate is None:
        return "-"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
