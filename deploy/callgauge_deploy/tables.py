"""Draws tables on a terminal without cutting anything: long texts are wrapped, and what cannot be wrapped runs over."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callgauge.printable import printable
from callgauge_deploy.formats import text_of

__all__ = ["draw_table", "fitted_widths"]

#: A column of texts is not wrapped to less than this.
TEXT_WIDTH = 20
#: A column of words (ids, names) is not wrapped, so that they can be copied, unless a word is longer than this.
WORD_WIDTH = 120
# A column has a blank on both sides and a line before it; the last one has a line after it too.
_FRAME = 3


def fitted_widths(widths: Sequence[int], least: Sequence[int], available: int) -> list[int]:
    """Narrow the widest columns until all fit into `available`, but none below its `least`.

    >>> fitted_widths([10, 200, 90], [10, 40, 40], 120)
    [10, 55, 55]
    >>> fitted_widths([10, 200, 90], [10, 40, 40], 60)
    [10, 40, 40]
    """
    fitted = [min(width, max(low, available)) for width, low in zip(widths, least, strict=True)]
    while sum(fitted) > available:
        wide = [place for place, width in enumerate(fitted) if width > least[place]]
        if not wide:
            break
        fitted[max(wide, key=fitted.__getitem__)] -= 1
    return fitted


def draw_table(
    console: Console, names: Sequence[str], rows: Sequence[Sequence[Any]], bold: Sequence[bool] | None = None
) -> None:
    """Draw rows below the names of their columns, numbers aligned to the right.

    Args:
        bold: for each row, whether it is bold.
    """
    cells = [[printable(_cell(value)) for value in row] for row in rows]
    titles = [printable(name) for name in names]
    columns = [[title, *(row[place] for row in cells)] for place, title in enumerate(titles)]
    widths = [max(map(cell_len, column)) for column in columns]
    least = [_least_width(column, width) for column, width in zip(columns, widths, strict=True)]
    frame = _FRAME * len(widths) + 1
    fitted = fitted_widths(widths, least, console.width - frame) if console.is_terminal else widths
    table = Table()
    for place, (title, width) in enumerate(zip(titles, fitted, strict=True)):
        justify = "right" if _are_numbers([row[place] for row in rows]) else "left"
        table.add_column(Text(title), width=width, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for place, row in enumerate(cells):
        table.add_row(*map(Text, row), style="bold" if bold and bold[place] else None)
    console.width = max(console.width, sum(fitted) + frame)  # what is wider runs over
    console.print(table)


def _least_width(column: Sequence[str], width: int) -> int:
    """How narrow a column may become; its title is never wrapped."""
    are_words = not any(" " in cell for cell in column[1:]) and width <= WORD_WIDTH
    return width if are_words else min(width, max(TEXT_WIDTH, cell_len(column[0])))


def _cell(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else text_of(value)


def _are_numbers(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(type(value) in (int, float, Decimal) for value in known)
