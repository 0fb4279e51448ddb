"""What was published of all problems, as the tables of docs/tuned.md."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.errors import InputError
from marl_comm.paper.tuning.problems import PROBLEMS
from marl_comm.paper.tuning.table import ratio_between, values

Document = Mapping[str, Any]

_ROUNDS = {
    "full_communication": "full communication",
    "importance_sampling": "importance sampling",
    "prediction_line": "prediction, line",
    "prediction_oracle": "oracle",
    "doubly_robust": "doubly robust",
    "model_alone": "model alone",
    "doubly_robust_line": "doubly robust + line",
    "doubly_robust_model": "doubly robust + model",
    "doubly_robust_oracle": "doubly robust + oracle",
    "recommended": "recommended, untuned",
}
_RATIOS = (
    ("full_communication", "importance_sampling"),
    ("prediction_line", "importance_sampling"),
    ("prediction_rehearse", "importance_sampling"),
    ("prediction_last_gradient", "importance_sampling"),
    ("prediction_oracle", "importance_sampling"),
    ("prediction_line", "prediction_oracle"),
    ("doubly_robust", "importance_sampling"),
    ("doubly_robust_line", "doubly_robust"),
    ("doubly_robust_model", "doubly_robust"),
    ("recommended", "importance_sampling"),
    ("recommended_line", "recommended"),
)
_WITH_SETTINGS = (
    "full_communication",
    "importance_sampling",
    "prediction_line",
    "doubly_robust",
    "model_alone",
)


def documents(directory: Path) -> list[Document]:
    """Return what a directory holds, in the order of the problems.

    Raises:
        InputError: It holds nothing.
    """
    names = [problem.name for problem in PROBLEMS]
    found = [json.loads(file.read_text(encoding="utf-8")) for file in directory.glob("*.json")]
    if not found:
        raise InputError(f"{directory}: holds no results of this command")
    return sorted(found, key=lambda each: (_place(each["problem"], names), each["problem"]))


def tables(found: Sequence[Document]) -> str:
    """Return the tables of rounds, of ratios and of settings."""
    return "\n\n".join([_rounds(found), _ratios(found), _settings(found)])


def _rounds(found: Sequence[Document]) -> str:
    shown = {key: name for key, name in _ROUNDS.items() if _any(found, key)}
    head = ["game", "gap", *shown.values()]
    rows = [
        [each["problem"], f"{each['gap']:g}"]
        + [_cell(each["algorithms"].get(name)) for name in shown]
        for each in found
    ]
    return _table(head, rows)


def _ratios(found: Sequence[Document]) -> str:
    shown = [pair for pair in _RATIOS if any(_any([each], *pair) for each in found)]
    rows = [
        [f"{one} / {other}"]
        + [_interval(ratio_between(each["algorithms"], one, other)) for each in found]
        for one, other in shown
    ]
    return _table(["rounds of", *(each["problem"] for each in found)], rows)


def _settings(found: Sequence[Document]) -> str:
    rows = []
    for each in found:
        for name in _WITH_SETTINGS:
            if name in each["algorithms"]:
                setting = each["algorithms"][name]["setting"]
                typed = " ".join(f"{key}={value}" for key, value in setting.items())
                rows.append([each["problem"], name, f"`{typed}`"])
    return _table(["game", "algorithm", "best setting"], rows)


def _cell(entry: Document | None) -> str:
    """Return the interquartile mean, its interval, and how many never arrived."""
    if entry is None:
        return "-"
    rounds = values(entry)
    never = int(np.isinf(rounds).sum())
    words = _interval(mean_of(rounds))
    words += f", {never} never" if never else ""
    return words + (" (edge)" if entry["at_the_edge"] else "")


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or np.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


def _any(found: Sequence[Document], *names: str) -> bool:
    return any(set(names) <= each["algorithms"].keys() for each in found)


def _place(name: str, names: list[str]) -> int:
    return next((place for place, known in enumerate(names) if name.startswith(known)), len(names))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
