"""What was published of all problems, as the tables of docs/tuned.md."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field

from marl_comm.analysis.estimates import Estimate
from marl_comm.analysis.interquartile import mean_of
from marl_comm.errors import InputError
from marl_comm.paper.tuning.problems import PROBLEMS
from marl_comm.paper.tuning.table import ratio_between, values
from marl_comm.paper.tuning.variants import Cost

Document = Mapping[str, Any]

NAMES = {
    "full_communication": "full communication",
    "importance_sampling": "importance sampling",
    "prediction_line": "prediction, line",
    "prediction_oracle": "prediction, exact path (oracle)",
    "doubly_robust": "doubly robust",
    "model_alone": "model of rewards alone",
    "doubly_robust_line": "doubly robust + line",
    "doubly_robust_model": "doubly robust + model",
    "doubly_robust_oracle": "doubly robust + oracle",
    "recommended": "the recipe, untuned",
}
"""In words, of the variants that tables and the picture show."""
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
_RATIO_OF = {"round": "rounds of", "bytes": "bytes of"}
_WITH_SETTINGS = (
    "full_communication",
    "importance_sampling",
    "prediction_line",
    "prediction_oracle",
    "doubly_robust",
    "doubly_robust_model",
    "model_alone",
)


class _Entry(BaseModel):
    setting: dict[str, str | int | float]
    at_the_edge: list[str]
    round: Annotated[list[float | None], Field(min_length=1)]
    bytes: Annotated[list[float | None], Field(min_length=1)]


class _Document(BaseModel):
    problem: str
    gap: float
    cost: Cost
    algorithms: dict[str, _Entry]


def documents(directory: Path) -> list[Document]:
    """Return what a directory holds, in the order of the problems.

    Raises:
        InputError: It holds nothing, or something else.
    """
    names = [problem.name for problem in PROBLEMS]
    found = [document_in(file) for file in directory.glob("*.json")]
    if not found:
        raise InputError(f"{directory}: holds no results of this command")
    return sorted(found, key=lambda each: (_place(each["problem"], names), each["problem"]))


def document_in(file: Path) -> dict[str, Any]:
    """Return what a file holds of a problem.

    Raises:
        InputError: It holds something else.
    """
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _Document.model_validate(document)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: holds no results of this command") from error
    return document


def tables(found: Sequence[Document]) -> str:
    """Return the tables of costs, of ratios and of settings; bytes, where tuned for, below rounds.

    Args:
        found: Documents of problems, as `documents` reads them.
    """
    parts = []
    for cost in ("round", "bytes"):
        of_cost = [each for each in found if each["cost"] == cost]
        if of_cost:
            parts += [_costs(of_cost, cost), _ratios(of_cost, cost), _settings(of_cost)]
    return "\n\n".join(parts)


def _costs(found: Sequence[Document], cost: str) -> str:
    shown = {key: name for key, name in NAMES.items() if _any(found, key)}
    head = ["game", "gap", *shown.values()]
    rows = [
        [each["problem"], f"{each['gap']:g}"]
        + [_cell(each["algorithms"].get(name), cost) for name in shown]
        for each in found
    ]
    return _table(head, rows)


def _ratios(found: Sequence[Document], cost: str) -> str:
    shown = [pair for pair in _RATIOS if any(_any([each], *pair) for each in found)]
    rows = [
        [f"{one} / {other}"]
        + [_interval(ratio_between(each["algorithms"], one, other, cost)) for each in found]
        for one, other in shown
    ]
    return _table([_RATIO_OF[cost], *(each["problem"] for each in found)], rows)


def _settings(found: Sequence[Document]) -> str:
    rows = []
    for each in found:
        for name in _WITH_SETTINGS:
            if name in each["algorithms"]:
                setting = each["algorithms"][name]["setting"]
                typed = " ".join(f"{key}={value}" for key, value in setting.items())
                rows.append([each["problem"], name, f"`{typed}`"])
    return _table(["game", "algorithm", "best setting"], rows)


def _cell(entry: Document | None, cost: str) -> str:
    """Return the interquartile mean, its interval, and how many never arrived; bytes in kB."""
    if entry is None:
        return "-"
    spent = values(entry, cost) / (1000 if cost == "bytes" else 1)
    never = int(np.isinf(spent).sum())
    words = _interval(mean_of(spent)) + (" kB" if cost == "bytes" else "")
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
