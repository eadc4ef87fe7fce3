"""How `callgauge completeness` looks."""

from __future__ import annotations

import io

from rich.console import Console

from callgauge.printable import printable_lines
from callgauge_deploy.screen import MOST_GAPS, print_completeness
from callgauge_sinks.completeness.report import Gap, Hour, Report

SOURCE = "f5cf08a2653b4e71a1b315/AaH+IQ/rf0ODYVfiWaUd2Q/0"
NOON_MS = 1_767_268_800_000


def printed(report: Report, width: int = 80) -> str:
    out = io.StringIO()
    print_completeness(report, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def hour(**changes: int) -> Hour:
    values = {"records": 1_234_567, "counted": 1_234_560, "dead": 7, "stored": 1_234_560, "letters": 7}
    return Hour(SOURCE, NOON_MS, **values | changes)  # type: ignore[arg-type]


def test_the_table_fits_80_columns() -> None:
    """Sources are short, hours in UTC, totals below; the verdict is the last line."""
    lines = printed(Report(0, [hour(), hour()], [], [], [])).splitlines()
    assert max(map(len, lines[:-1])) <= 80
    [first, _] = [line.split() for line in lines if line.strip().startswith("f5cf/AaH+/0")]
    assert first == ["f5cf/AaH+/0", "01-01", "12h", "1,234,567", "1,234,560", "0", "7", "1,234,560", "7", "ok"]
    assert any(line.split()[:2] == ["total", "2,469,134"] for line in lines)
    assert lines[-1].startswith("completeness: exact: 2,469,134 records = ")


def test_rare_columns_show_when_there_is_something() -> None:
    """Duplicates with other content, late, folded, clamped, lost."""
    plain = printed(Report(0, [hour()], [], [], []), 120)
    assert not any(word in plain for word in ("differ", "late", "folded", "clamped", "lost"))
    assert "late" in printed(Report(0, [hour(late=3)], [], [], []), 120)
    differing = printed(Report(0, [hour(duplicates=2, differing=2, counted=1_234_558)], [], [], []), 120)
    assert "differ" in differing.splitlines()[0]
    assert "; 2 duplicates with other content; " in differing


def test_gaps_are_told_with_their_whole_source() -> None:
    """The first 20 of them, and how many more."""
    gaps = [Gap(SOURCE, NOON_MS, "calls", f"block {number}: [gone]") for number in range(25)]
    out = printed(Report(0, [hour()], gaps, ["something is on its way"], ["something to know"]))
    assert f"gap: {SOURCE}: block 0: [gone]" in out
    assert out.count("gap: ") == MOST_GAPS + 1
    assert "and 5 more (--json lists all)" in out
    assert "pending: something is on its way\nnote: something to know\ncompleteness: 25 gaps: " in out


def test_a_source_s_name_cannot_command_the_terminal() -> None:
    """Names and messages are shown with their control characters escaped."""
    evil = "\x1b[2J/\u202e\n/0"
    shown = printed(Report(0, [Hour(evil, NOON_MS)], [Gap(evil, NOON_MS, "calls", evil)], [evil], [evil]))
    assert printable_lines(shown) == shown
    assert r"gap: \x1b[2J/\u202e\n/0: \x1b[2J/\u202e\n/0" in shown
