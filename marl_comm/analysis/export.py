"""Tables of a comparison as files: CSV, JSON, LaTeX."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from marl_comm.analysis.sheets import Cell, Sheet

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"$<$",
    ">": r"$>$",
    "∞": r"$\infty$",
    "κ": r"$\kappa$",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}


def to_csv(sheets: Sequence[Sheet]) -> str:
    """Return one line for each entry: which table, configuration, row and column, and its value.

    Infinite values are written `inf`; what is no number has a text only.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("table", "configuration", "row", "column", "value", "low", "high", "text"))
    for sheet in sheets:
        for label, key, column, cell in _entries(sheet):
            numbers = ("" if each is None else repr(float(each)) for each in cell[1:])
            writer.writerow((sheet.title, label, key, column, *numbers, cell.text))
    return stream.getvalue()


def to_json(sheets: Sequence[Sheet]) -> str:
    """Return the tables as a list of objects; infinite values are null, and said by the text."""

    def plain(cell: Cell) -> dict[str, Any]:
        return {
            name: each
            if isinstance(each, str) or (each and math.isfinite(each)) or each == 0
            else None
            for name, each in cell._asdict().items()
        }

    tables = [
        {
            "title": sheet.title,
            "caption": sheet.caption,
            "rows": [
                {
                    "configuration": row.label,
                    **{
                        title: plain(cell)
                        for title, cell in zip(sheet.columns, row.cells, strict=True)
                    },
                }
                for row in sheet.rows
            ],
        }
        for sheet in sheets
    ]
    return json.dumps(tables, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_latex(sheets: Sequence[Sheet]) -> str:
    """Return a `tabular` for each table, for LaTeX with the package booktabs."""
    return "\n".join(_tabular(sheet) for sheet in sheets)


def _tabular(sheet: Sheet) -> str:
    titles = ("configuration", *sheet.columns)
    lines = [
        f"% {' '.join(sheet.caption.split())}",
        rf"\begin{{tabular}}{{l{'r' * len(sheet.columns)}}}",
        r"\toprule",
        _line(titles),
        r"\midrule",
    ]
    label = None
    for row in sheet.rows:
        shown = row.label if row.label != label else ""
        label = row.label
        lines.append(_line((shown, *(cell.text for cell in row.cells))))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _line(texts: Sequence[str]) -> str:
    return " & ".join(map(_escaped, texts)) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def _entries(sheet: Sheet) -> Iterator[tuple[str, str, str, Cell]]:
    """Yield label, row, column and entry; rows below one label are named by their first entry."""
    for row in sheet.rows:
        columns = list(zip(sheet.columns, row.cells, strict=True))
        key = ""
        if sheet.first is None:
            (_, first), *columns = columns
            key = first.text
        for column, cell in columns:
            yield row.label, key, column, cell


FORMATS: dict[str, Callable[[Sequence[Sheet]], str]] = {
    "csv": to_csv,
    "json": to_json,
    "latex": to_latex,
}
"""Each format by the name of its option."""
