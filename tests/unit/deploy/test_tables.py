"""Tables never cut what they show."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from callgauge.settings import Settings, load_settings
from callgauge_deploy.results import print_rows
from callgauge_deploy.screen import print_settings
from callgauge_deploy.tables import draw_table

UUID = "61f0c404-5cb3-11e7-907b-a6006ad3dba0"


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_table_for_people() -> None:
    """Values are printed, brackets and all, numbers to the right, control characters escaped."""
    console = terminal(120)
    draw_table(console, ["model", "calls"], [["gpt-4o [x]", 3], ["\x1b[2J\u202e", 1_234_567.5]])
    assert r"│ gpt-4o [x]    │         3 │" in said(console)
    assert r"│ \x1b[2J\u202e │ 1234567.5 │" in said(console)


def test_names_run_over_and_texts_wrap() -> None:
    """On a narrow terminal an id stays in one piece, and every word of a text is there."""
    console = terminal(50)
    text = " ".join(f"word{number}" for number in range(30))
    draw_table(console, ["event_id", "error_message"], [[UUID, text]])
    assert UUID in said(console)
    assert "…" not in said(console)
    assert [word for word in said(console).split() if word.startswith("word")] == text.split()


def test_a_very_long_word_is_folded() -> None:
    """No character of it is lost."""
    console = terminal(80)
    draw_table(console, ["raw"], [["x" * 1_000]])
    assert said(console).count("x") == 1_000
    assert max(map(len, said(console).splitlines())) == 80


@pytest.mark.parametrize("width", [20, 80, 200])
def test_settings_are_whole_on_any_terminal(width: int) -> None:
    """Every variable's name can be copied."""
    console = terminal(width)
    print_settings(load_settings(), console)
    assert all(f" CALLGAUGE_{name.upper()} " in said(console) for name in Settings.model_fields)


def test_settings_in_a_pipe_are_plain() -> None:
    """A line each: name, value, meaning, parted by tabs."""
    console = Console(file=io.StringIO(), width=40)
    print_settings(load_settings(bootstrap_servers="kafka-1:9092,kafka-2:9092"), console)
    lines = said(console).splitlines()
    assert lines[0] == "Variable\tValue\tMeaning"
    meaning = Settings.model_fields["bootstrap_servers"].description
    assert lines[1] == f"CALLGAUGE_BOOTSTRAP_SERVERS\tkafka-1:9092,kafka-2:9092\t{meaning}"
    assert len(lines) == 1 + len(Settings.model_fields)


def test_rows_are_a_table_on_a_terminal_only() -> None:
    """In a pipe they are plain, unless a table is asked for, which is then never wrapped."""
    piped, asked, shown = (Console(file=io.StringIO(), width=40), Console(file=io.StringIO(), width=40), terminal(40))
    text = "a text of some length " * 10
    print_rows(["a"], [[text]], console=piped)
    print_rows(["a"], [[text]], "table", console=asked)
    print_rows(["a"], [[text]], console=shown)
    assert said(piped) == f"a\n{text}\n"
    assert text in said(asked)
    assert said(shown).count("│") > 4
