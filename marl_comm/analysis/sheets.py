"""A table of a comparison as plain data, and as text that fits a terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

_ANY_WIDTH = 100_000


class Cell(NamedTuple):
    """One entry.

    Attributes:
        text: As printed.
        value: As a number, where it is one; infinite where most seeds never got there.
        low: Lower end of its 95 % interval, where it has one.
        high: Upper end.
    """

    text: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Row(NamedTuple):
    """One row: the configuration that it is about, and an entry for each column."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: What it shows.
        caption: How its entries are to be read.
        first: Title of the column of labels; None gives each label a row of its own, above those
            that it is about.
        columns: Titles of the other columns.
        rows: Those with the same label follow each other.
    """

    title: str
    caption: str
    first: str | None
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print a table and a blank line, in the widest form that fits without breaking words."""
    if _width_of(whole := _whole(sheet)).maximum <= console.width:
        console.print(whole)
        console.print()
        return
    console.print(f"[bold]{sheet.title}[/bold]", markup=True)
    for label, rows in _by_label(sheet):
        console.print(f"\n{label}", soft_wrap=True)
        narrow = _of_rows(sheet.columns, rows)
        if _width_of(narrow).minimum > console.width:
            narrow = _turned(sheet.columns, rows)
        console.print(narrow)
    console.print(sheet.caption)
    console.print()


def _by_label(sheet: Sheet) -> Iterator[tuple[str, list[Row]]]:
    for label in dict.fromkeys(row.label for row in sheet.rows):
        yield label, [row for row in sheet.rows if row.label == label]


def _whole(sheet: Sheet) -> Table:
    table = Table(
        title=sheet.title,
        caption=sheet.caption,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    if sheet.first is not None:
        for title in (sheet.first, *sheet.columns):
            table.add_column(title, overflow="fold")
        for row in sheet.rows:
            table.add_row(row.label, *(cell.text for cell in row.cells))
        return table
    _add_columns(table, sheet.columns)
    for label, rows in _by_label(sheet):
        table.add_row(label)
        for row in rows:
            first, *others = (cell.text for cell in row.cells)
            table.add_row(f"  {first}", *others)
        table.add_section()
    return table


def _of_rows(columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return a table in which intervals stand below what they are about."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    _add_columns(table, columns)
    for row in rows:
        table.add_row(*(cell.text.replace(" [", "\n[") for cell in row.cells))
    return table


def _turned(columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """Return a table with a line for each entry."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    for row in rows:
        for title, cell in zip(columns, row.cells, strict=True):
            table.add_row(title, cell.text)
    return table


def _add_columns(table: Table, titles: Sequence[str]) -> None:
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", overflow="fold")


def _width_of(table: Table) -> Measurement:
    """Return how wide a table would be without breaking words, and with all that it wants."""
    return Console(width=_ANY_WIDTH, markup=False, emoji=False).measure(table)
