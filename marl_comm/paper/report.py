"""What the report says, before it takes the form of Markdown or HTML."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from marl_comm.analysis.configurations import Configuration
from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.rules import Evidence, Judgement, judge
from marl_comm.paper.text import detectable, measured, required, tally
from marl_comm.storage.files import whole_file
from marl_comm.storage.versions import versions

TITLE = "marl_comm: the claims, tested"


@dataclass(frozen=True)
class Section:
    """One figure of the report, as it was made: all that is needed to print it again.

    Attributes:
        name: Of the figure; its picture is NAME.png.
        title: What it shows.
        caption: How to read it, Markdown of one paragraph.
        scale: quick or full.
        commands: The commands that make its runs, sweep by sweep.
        runs: How many runs it was drawn from.
        seeds: Which seeds they played, in words.
        estimators: How they estimated action values, in words.
        made: When, and from which commit, in words.
        findings: What the runs show, in Markdown paragraphs.
        evidence: What it measured for the claims.
    """

    name: str
    title: str
    caption: str
    scale: str
    commands: tuple[str, ...]
    runs: int
    seeds: str
    estimators: str
    made: str
    findings: tuple[str, ...]
    evidence: tuple[Evidence, ...]

    @property
    def picture(self) -> str:
        """The file name of its PNG; a PDF of the same name lies beside it."""
        return f"{self.name}.png"

    @property
    def data(self) -> str:
        """The file name of the numbers that it draws, CSV."""
        return f"{self.name}.csv"

    @property
    def origin(self) -> str:
        """What it was made from, as a sentence that its commands end."""
        if not self.runs:
            return f"Computed on {self.made}, {self.seeds}, estimator: {self.estimators}, by"
        return (
            f"{self.runs} runs, {self.seeds}, estimator: {self.estimators}, made on {self.made}, by"
        )


@dataclass(frozen=True)
class Report:
    """All of it.

    Attributes:
        judgements: The claims, judged.
        sections: The figures, in order.
        versions: Software, by name.
        missing: Figures that were not made, and why.
        cost: What was run for it, in words.
        asked: Names of the figures that were asked for, made or not.
    """

    judgements: tuple[Judgement, ...]
    sections: tuple[Section, ...]
    versions: dict[str, str]
    missing: tuple[str, ...]
    cost: str
    asked: frozenset[str]

    @property
    def scale(self) -> str:
        """Return the scale of the figures, in words."""
        named: dict[str, list[str]] = {}
        for section in self.sections:
            named.setdefault(section.scale, []).append(section.name)
        if len(named) < 2:
            return "".join(named)
        return "; ".join(f"{scale}: {', '.join(names)}" for scale, names in sorted(named.items()))

    @property
    def asked_for(self) -> tuple[Judgement, ...]:
        """Return the claims that ask something of a figure that was asked for."""
        return tuple(
            each
            for each in self.judgements
            if any(criterion.figure in self.asked for criterion in each.claim.criteria)
        )

    @property
    def introduction(self) -> str:
        """Return the paragraph under the title."""
        return (
            "Each verdict is computed by rules that were written down before the runs "
            "(`docs/claims.md`). Values are interquartile means over seeds with 95 % bootstrap "
            "intervals; each seed is another random game. A setting is *met* if its whole interval "
            "lies on the claimed side of the threshold; *would show* is the value that would just "
            "have been met, had its interval been as wide as the measured one."
        )


def report_of(
    sections: Sequence[Section], missing: Sequence[str], cost: str, asked: Iterable[str]
) -> Report:
    """Return a report of sections, the claims judged by what they measured.

    Args:
        sections: In the order in which they are printed.
        missing: Figures that were not made, and why.
        cost: What was run for it, in words.
        asked: Names of the figures that were asked for, made or not.
    """
    evidence = [each for section in sections for each in section.evidence]
    judgements = tuple(judge(CLAIMS, evidence))
    return Report(judgements, tuple(sections), versions(), tuple(missing), cost, frozenset(asked))


def command_of_figure(section: Section) -> str:
    """Return the command that makes one figure of the report."""
    command = f"python scripts/reproduce_figures.py {section.name}"
    if section.scale != "quick":
        command += f" --scale {section.scale}"
    on_a_gpu = any("learner.device=cuda" in each for each in section.commands)
    return f"{command} --device cuda" if on_a_gpu else command


def seeds_in_words(configurations: Sequence[Configuration]) -> str:
    """Return which seeds were played, and by how many configurations."""
    sets = {tuple(run.summary.seed for run in each.seeds) for each in configurations}
    words = []
    for seeds in sorted(sets):
        together = seeds == tuple(range(seeds[0], seeds[-1] + 1))
        words.append(
            f"{seeds[0]} to {seeds[-1]}"
            if together and len(seeds) > 1
            else ", ".join(map(str, seeds))
        )
    return f"seeds {' and '.join(words)} in {len(configurations)} configurations"


def estimators_in_words(configurations: Sequence[Configuration]) -> str:
    """Return which estimators were used, those of networks as their weights are called."""
    values = {
        "": [each.config.get("learner.estimator") for each in configurations],
        "weights ": [each.config.get("learner.importance_weights") for each in configurations],
    }
    found = {
        f"{kind}{value}": None for kind in values for value in values[kind] if value is not None
    }
    return ", ".join(found) or "none"


def write_claims(judgements: Sequence[Judgement], file: Path) -> None:
    """Write the claims table for programs."""
    content = [
        {
            "claim": judgement.claim.key,
            "text": judgement.claim.text,
            "verdict": judgement.verdict.value,
            "settings": tally(judgement),
            "lines": [
                {
                    "figure": line.criterion.figure,
                    "statistic": line.criterion.statistic,
                    "setting": line.setting,
                    "required": required(line),
                    "measured": measured(line)[0],
                    "interval": measured(line)[1],
                    "would_show": detectable(line),
                    "note": measured(line)[2],
                    "outcome": line.outcome.value,
                }
                for line in judgement.lines
            ],
        }
        for judgement in judgements
    ]
    with whole_file(file) as stream:
        stream.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
