"""What is published under docs/: the figures made now, beside those made earlier.

Some figures take hours, others minutes, and not all are made again at once. So each figure's
section is kept as it was made (`sections.json`), with what it measured; the page and the verdicts
are printed anew from all of them, and say of each when and from what it was made.
"""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from marl_comm.paper import page_html, page_markdown
from marl_comm.paper.claims import CLAIMS
from marl_comm.paper.figure import paper_figures
from marl_comm.paper.report import Section, report_of, write_claims
from marl_comm.paper.rules import Evidence
from marl_comm.storage.files import whole_file

SECTIONS = "sections.json"
PAGE = "report.html"
_ADAPTER = TypeAdapter(list[Section], config={"ser_json_inf_nan": "constants"})


def publish(sections: Sequence[Section], pictures: Path, target: Path) -> None:
    """Put sections and their pictures into a folder, in place of those of the same figures.

    Args:
        sections: Made now.
        pictures: Holds their PNGs, and the data of some as CSV.
        target: Holds those published earlier, or nothing; made if needed.
    """
    target.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name in (section.picture, section.data):
            shutil.copy(pictures / name, target)
    there = {section.name: section for section in published(target)}
    there |= {section.name: section for section in sections}
    figures = paper_figures()
    kept = [
        replace(still_asked_for(there[name]), title=figure.title)
        for name, figure in figures.items()
        if name in there
    ]
    missing = [f"`{name}`: not made yet" for name in figures if name not in there]
    with whole_file(target / SECTIONS) as file:
        file.write(_ADAPTER.dump_json(kept, indent=1) + b"\n")
    report = report_of(kept, missing, "Not all figures were made at once: see the table.", figures)
    with whole_file(target / "README.md") as file:
        file.write(page_markdown.render(report, "", target).encode())
    with whole_file(target / PAGE) as file:
        file.write(page_html.render(report, target, whole=False).encode())
    write_claims(report.judgements, target / "claims.json")


def published(target: Path) -> list[Section]:
    """Return the sections that a folder holds; none if nothing was published there."""
    file = target / SECTIONS
    return _ADAPTER.validate_json(file.read_bytes()) if file.exists() else []


def still_asked_for(section: Section) -> Section:
    """Return a section with that of its evidence which some claim still asks its figure for."""
    asked = {
        (criterion.key, setting)
        for claim in CLAIMS
        for criterion in claim.criteria
        for setting in criterion.settings
        if criterion.figure == section.name
    }

    def is_asked(each: Evidence) -> bool:
        return (each.criterion, each.setting) in asked

    return replace(section, evidence=tuple(filter(is_asked, section.evidence)))


def machine() -> str:
    """Return what kind of machine this is: system, processor, cores."""
    return f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores"


def commit() -> str:
    """Return the short name of the commit that the code is of, and whether it was changed since."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        name = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "."],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{name} with changes" if changed else name
