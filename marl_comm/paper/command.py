"""The command behind scripts/reproduce_figures.py: sweeps, figures, verdicts, report."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from marl_comm.analysis.configurations import pool
from marl_comm.command_line.arguments import Parser
from marl_comm.command_line.exits import FAILURE, report
from marl_comm.command_line.program import program_name
from marl_comm.loggers.progress import duration
from marl_comm.paper import page_html, page_markdown
from marl_comm.paper.experiments import Job, command_of, jobs_of_experiment
from marl_comm.paper.figure import PaperFigure, chosen_figures, paper_figures
from marl_comm.paper.published import commit, machine, publish
from marl_comm.paper.report import (
    Report,
    Section,
    estimators_in_words,
    report_of,
    seeds_in_words,
    write_claims,
)
from marl_comm.paper.workers import Sweep, finished_run, run_jobs
from marl_comm.plots.data import write_data
from marl_comm.plots.legible import unreadable
from marl_comm.plots.panels import give_title
from marl_comm.plots.saving import save
from marl_comm.storage.files import whole_file

_DESCRIPTION = """\
Run the sweeps of the figures, draw them, judge the claims, write the report (HTML and Markdown).
Runs that are there already are reused, unfinished ones resumed.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if a job failed, 2 for bad input, 130 if interrupted."""
    try:
        return _reproduce(_parser().parse_args(arguments))
    except (Exception, KeyboardInterrupt) as error:
        return report(error)


def _reproduce(options: argparse.Namespace) -> int:
    chosen = chosen_figures(options.names)
    figures = [figure for figure in chosen if not figure.lacks()]
    without = [f"`{each.name}`: first `{each.lacks()}`" for each in chosen if each.lacks()]
    for line in without:
        _tell(f"left out: {line}")
    scales = _scales(figures, options)
    typed = {each.name: _typed(each, scales[each.name], options.device) for each in figures}
    jobs = {name: _jobs(of_figure) for name, of_figure in typed.items()}
    every = {job.name: job for of_figure in jobs.values() for job in of_figure}
    found = {name: finished_run(job, options.runs) for name, job in every.items()}
    there = {name: run for name, run in found.items() if run is not None}
    missing_jobs = [job for name, job in every.items() if name not in there]
    _tell(_cost_beforehand(len(every), missing_jobs, options.jobs))
    if options.cost:
        return 0
    start = time.monotonic()
    sweep = run_jobs(list(every.values()), there, options.runs, options.jobs, _tell)
    sections, missing = [], []
    made_from = f"{date.today()} from commit {commit()} on {machine()}"
    for figure in figures:
        lacking = [job.name for job in jobs[figure.name] if job.name not in sweep.runs]
        if lacking:
            missing.append(f"`{figure.name}`: {len(lacking)} runs failed, such as {lacking[0]}")
            continue
        name, gpu = figure.name, options.device != "cpu" and figure.networks
        made = f"{made_from}, networks on a GPU" if gpu else made_from
        section = _section(figure, scales[name], typed[name], jobs[name], sweep, made, options.out)
        sections.append(section)
        _tell(f"drawn: {section.picture}")
    missing += without
    cost = _cost_afterwards(sweep, time.monotonic() - start, options.jobs)
    _write(report_of(sections, missing, cost, [figure.name for figure in chosen]), options.out)
    if options.publish is not None:
        publish(sections, options.out / "figures", options.publish)
    _tell(f"report: {options.out / 'index.html'}. {cost}")
    return FAILURE if sweep.failed else 0


def _scales(figures: Sequence[PaperFigure], options: argparse.Namespace) -> dict[str, str]:
    """Return the scale of every figure by its name."""
    full = {figure.name for figure in chosen_figures(options.full)} if options.full else set()
    return {figure.name: "full" if figure.name in full else options.scale for figure in figures}


def _jobs(typed: Mapping[str, tuple[str, ...]]) -> list[Job]:
    return [job for name, overrides in typed.items() for job in jobs_of_experiment(name, overrides)]


def _typed(figure: PaperFigure, scale: str, device: str) -> dict[str, tuple[str, ...]]:
    """Return what is typed after each of a figure's experiments."""
    there = (f"learner.device={device}",) if figure.networks and device != "cpu" else ()
    small = figure.quick if scale == "quick" else {}
    return {name: (*small.get(name, ()), *there) for name in figure.experiments}


def _section(
    figure: PaperFigure,
    scale: str,
    typed: Mapping[str, tuple[str, ...]],
    jobs: Sequence[Job],
    sweep: Sweep,
    made: str,
    out: Path,
) -> Section:
    runs = [sweep.runs[name] for name in dict.fromkeys(job.name for job in jobs)]
    configurations = pool(runs, _tell)
    drawn = figure.draw(configurations)
    give_title(drawn, figure.title)
    for fault in unreadable(drawn):
        _tell(f"{figure.name}: {fault}")
    _save(drawn, out / "figures", figure.name)
    write_data(drawn, out / "figures" / f"{figure.name}.csv")
    return Section(
        name=figure.name,
        title=figure.title,
        caption=figure.caption,
        scale=scale,
        commands=tuple(command_of(name, overrides) for name, overrides in typed.items()),
        runs=len(runs),
        seeds=seeds_in_words(configurations) if runs else figure.seeds,
        estimators=estimators_in_words(configurations) if runs else figure.estimators,
        made=made,
        findings=tuple(figure.finding(configurations)),
        evidence=tuple(figure.evidence(configurations)),
    )


def _save(figure: Figure, directory: Path, name: str) -> None:
    """Write a figure as PNG (of 256 colours) and PDF; equal runs make equal files."""
    picture, _ = save(figure, directory, name, dpi=150)
    with Image.open(picture) as drawn:
        small = drawn.convert("RGB").quantize(256)
    small.save(picture, optimize=True)


def _write(content: Report, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "index.html": page_html.render(content, directory / "figures"),
        "report.md": page_markdown.render(content, "figures/", directory / "figures"),
    }.items():
        with whole_file(directory / name) as file:
            file.write(text.encode())
    write_claims(content.judgements, directory / "claims.json")


def _cost_beforehand(all_jobs: int, missing: Sequence[Job], workers: int) -> str:
    seconds = sum(job.seconds for job in missing)
    return (
        f"{all_jobs} runs, {len(missing)} of them to do: roughly "
        f"{duration(seconds / workers)} (h:mm:ss or m:ss) on {workers} idle cores"
    )


def _cost_afterwards(sweep: Sweep, seconds: float, workers: int) -> str:
    return (
        f"{len(sweep.runs)} runs, {sweep.computed} of them computed this time, "
        f"{len(sweep.failed)} failed; {duration(seconds)} with {workers} processes."
    )


def _parser() -> Parser:
    parser = Parser(
        prog=program_name("python scripts/reproduce_figures.py"),
        description=_DESCRIPTION,
        epilog="figures: " + ", ".join(paper_figures()),
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="figures; all if none is named")
    parser.add_argument(
        "--scale", choices=("quick", "full"), default="quick", help="default: %(default)s"
    )
    parser.add_argument(
        "--full",
        action="append",
        metavar="NAME",
        help="this figure at full scale, the others as --scale says; may be repeated",
    )
    parser.add_argument("--jobs", type=_count, default=2, help="runs at a time; default 2")
    parser.add_argument(
        "--device",
        choices=("cpu", "cuda"),
        default="cpu",
        help="where networks of MAPPO compute; default: %(default)s",
    )
    parser.add_argument("--cost", action="store_true", help="print what it would cost, and stop")
    parser.add_argument("--runs", type=Path, default=Path("outputs/runs"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("outputs/report"), metavar="DIR")
    parser.add_argument(
        "--publish",
        type=Path,
        metavar="DIR",
        help="also put Markdown, PNG and claims into DIR, beside the figures published there",
    )
    return parser


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
