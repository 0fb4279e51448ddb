"""The report as one HTML page that needs nothing else."""

import base64
import re
from collections.abc import Collection, Sequence
from html import escape
from pathlib import Path

from marl_comm.paper.report import TITLE, Report, Section, command_of_figure
from marl_comm.paper.rules import Criterion, Judgement, Line
from marl_comm.paper.text import detectable, measured, required, tally

_STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
_ORIGIN = ("figure", "scale", "made", "estimator", "seeds")
_COLUMNS = ("setting", "value", "95 % interval", "would show", "outcome", "note")


def render(report: Report, pictures: Path, *, whole: bool = True) -> str:
    """Return the page.

    Args:
        report: What it says.
        pictures: The folder that holds pictures and data.
        whole: Whether they become part of the page; else it lies beside them and names them.
    """
    made = {section.name for section in report.sections}
    claims = _claims(report, made) if report.asked_for else ""
    figures = "\n".join(_figure(section, pictures, whole) for section in report.sections)
    origins = "\n".join(_origin(section) for section in report.sections)
    heads = "".join(f"<th>{name}</th>" for name in _ORIGIN)
    links = "\n".join(
        f'<li><a href="#{section.name}">{_inline(section.title)}</a></li>'
        for section in report.sections
    )
    missing = "".join(f"<li>{_inline(line)}</li>" for line in report.missing)
    not_made = f"<h2>Not made</h2><ul>{missing}</ul>" if missing else ""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(TITLE)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(TITLE)}</h1>
<p>{_inline(report.introduction)}</p>
<p class="quiet">Scale: {escape(report.scale)}. {_inline(report.cost)}</p>
<table class="origins stacked">
<thead><tr>{heads}</tr></thead>
<tbody>
{origins}
</tbody>
</table>
{claims}
<h2>Figures</h2>
<ul>{links}</ul>
{figures}
{not_made}
<h2>Software</h2>
<p class="quiet">{escape(versions)}.</p>
</main>
</body>
</html>
"""


def _origin(section: Section) -> str:
    link = f'<a href="#{section.name}">{escape(section.name)}</a>'
    texts = (section.scale, section.made, section.estimators, section.seeds)
    return _row(_ORIGIN, [link, *map(escape, texts)])


def _row(names: Sequence[str], cells: Sequence[str]) -> str:
    """Return a line of a table; on narrow screens the names stand beside its cells."""
    labelled = zip(names, cells, strict=True)
    shown = [f'<td data-label="{name}">{cell}</td>' for name, cell in labelled]
    return f"<tr>{''.join(shown)}</tr>"


def _claims(report: Report, made: set[str]) -> str:
    judgements = report.asked_for
    overview = "\n".join(_overview(judgement) for judgement in judgements)
    claims = "\n".join(_claim(judgement, report.asked, made) for judgement in judgements)
    return f"""<h2 id="claims">Claims</h2>
<table class="overview">
<thead><tr><th>claim</th><th></th><th>verdict</th></tr></thead>
<tbody>
{overview}
</tbody>
</table>
<h2>What decides them</h2>
{claims}"""


def _overview(judgement: Judgement) -> str:
    claim = judgement.claim
    return (
        f'<tr><td>{escape(claim.key)}</td><td><a href="#claim-{_slug(claim.key)}">'
        f'{escape(claim.text)}</a></td><td>{_badge(judgement.verdict)}<br><span class="quiet">'
        f"{escape(tally(judgement))}</span></td></tr>"
    )


def _claim(judgement: Judgement, asked: Collection[str], made: set[str]) -> str:
    tables = "\n".join(
        _criterion(
            criterion, [line for line in judgement.lines if line.criterion is criterion], made
        )
        for criterion in judgement.claim.criteria
        if criterion.figure in asked
    )
    return f"""<section id="claim-{_slug(judgement.claim.key)}">
<h3>{escape(judgement.claim.key)}. {escape(judgement.claim.text)}</h3>
<p>{_badge(judgement.verdict)} <span class="quiet">{escape(tally(judgement))}</span></p>
{tables}
</section>"""


def _criterion(criterion: Criterion, lines: Sequence[Line], made: set[str]) -> str:
    figure = criterion.figure
    source = f'<a href="#{figure}">{figure}</a>' if figure in made else f"{figure}, not made"
    rows = []
    for line in lines:
        value, interval, note = measured(line)
        cells = {
            "setting": escape(line.setting),
            "value": escape(value),
            "95 % interval": escape(interval),
            "would show": escape(detectable(line)),
            "outcome": _badge(line.outcome),
            "note": escape(note),
        }
        rows.append(_row(list(cells), list(cells.values())))
    heads = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    statistic = criterion.statistic[0].upper() + criterion.statistic[1:]
    wanted = escape(required(lines[0]))
    return f"""<p class="criterion">{escape(statistic)}: must be <strong>{wanted}</strong>
({source})</p>
<table class="lines stacked"><thead><tr>{heads}</tr></thead>
<tbody>{"".join(rows)}</tbody></table>"""


def _figure(section: Section, pictures: Path, whole: bool) -> str:
    picture = _place(pictures / section.picture, "image/png", whole)
    data = ""
    if (pictures / section.data).exists():
        place = _place(pictures / section.data, "text/csv", whole)
        data = f'<p><a href="{place}" download="{section.data}">Numbers of the figure (CSV)</a></p>'
    findings = "".join(map(_block, section.findings))
    commands = "\n".join([*section.commands, command_of_figure(section)])
    return f"""<figure id="{section.name}">
<h3>{_inline(section.title)}</h3>
<img alt="{escape(section.title)}" src="{picture}">
<figcaption>{_inline(section.caption)}</figcaption>
{findings}
{data}
<p class="quiet">{escape(section.origin)}</p>
<pre>{escape(commands)}</pre>
</figure>"""


def _place(file: Path, kind: str, whole: bool) -> str:
    """Return where a page finds a file: in itself, or beside itself."""
    if not whole:
        return file.name
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _badge(text: str) -> str:
    return f'<span class="badge {_slug(text)}">{escape(text)}</span>'


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _block(text: str) -> str:
    """Return a finding: a paragraph, or a table where its lines begin with a bar."""
    if not text.startswith("|"):
        return f"<p>{_inline(text)}</p>"
    head, _, *body = ([cell.strip() for cell in line[1:-1].split("|")] for line in text.split("\n"))
    heads = "".join(f"<th>{_inline(cell)}</th>" for cell in head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in line)}</tr>" for line in body
    )
    # Wider than a phone: it scrolls by itself, the page does not.
    return (
        f'<div class="wide"><table class="finding"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _inline(text: str) -> str:
    """Return one paragraph's Markdown as HTML: code, bold and emphasis."""
    shown = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    shown = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", shown)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", shown)
