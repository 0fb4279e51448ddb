"""The report as Markdown."""

from collections.abc import Collection, Sequence
from pathlib import Path

from marl_comm.paper.report import TITLE, Report, Section, command_of_figure
from marl_comm.paper.rules import Judgement
from marl_comm.paper.text import detectable, measured, required, tally


def claims_tables(judgements: Sequence[Judgement], asked: Collection[str]) -> str:
    """Return the verdicts, and under them every number that made them."""
    lines = ["| claim | | verdict | settings |", "|---|---|---|---|"]
    for judgement in judgements:
        claim = judgement.claim
        lines.append(
            f"| {claim.key} | {claim.text} | **{judgement.verdict}** | {tally(judgement)} |"
        )
    lines += [
        "",
        "| claim | measured | setting | value | 95 % interval | required | would show | outcome | "
        "figure |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for judgement in judgements:
        for line in judgement.lines:
            if line.criterion.figure not in asked:
                continue
            value, interval, note = measured(line)
            setting = f"{line.setting} ({note})" if note else line.setting
            lines.append(
                f"| {judgement.claim.key} | {line.criterion.statistic} | {setting} | {value} | "
                f"{interval} | {required(line)} | {detectable(line)} | {line.outcome} | "
                f"`{line.criterion.figure}` |"
            )
    return "\n".join(lines)


def render(report: Report, pictures: str, folder: Path) -> str:
    """Return the whole report.

    Args:
        report: What it says.
        pictures: The folder of the pictures as seen from the file, ending in a slash or empty.
        folder: That folder.
    """
    parts = [f"# {TITLE}", report.introduction, f"Scale: {report.scale}. {report.cost}"]
    parts += ["## What was made when", _overview(report.sections)]
    if report.asked_for:
        parts += ["## Claims", claims_tables(report.asked_for, report.asked)]
    parts += ["## Figures"]
    parts += [_section(section, pictures, folder) for section in report.sections]
    if report.missing:
        parts += ["## Not made", "\n".join(f"* {line}" for line in report.missing)]
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    parts += ["## Software", f"{versions}."]
    return "\n\n".join(parts) + "\n"


def _overview(sections: Sequence[Section]) -> str:
    """Return what was made when: nobody should take old figures for new ones."""
    lines = ["| figure | scale | made | estimator | seeds |", "|---|---|---|---|---|"]
    lines += [
        f"| `{each.name}` | {each.scale} | {each.made} | {each.estimators} | {each.seeds} |"
        for each in sections
    ]
    return "\n".join(lines)


def _section(section: Section, pictures: str, folder: Path) -> str:
    commands = "\n".join([*section.commands, command_of_figure(section)])
    has_data = (folder / section.data).exists()
    return "\n\n".join(
        [
            f"### {section.title}",
            f"![{section.title}]({pictures}{section.picture})",
            section.caption,
            *section.findings,
            *([f"[Numbers of the figure (CSV)]({pictures}{section.data})"] if has_data else []),
            section.origin,
            f"```\n{commands}\n```",
        ]
    )
