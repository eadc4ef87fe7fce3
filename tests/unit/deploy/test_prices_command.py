"""`callgauge prices` prints what a model costs and how the cost of a call comes about."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from callgauge.errors import SettingError
from callgauge_deploy import cli
from tests.unit.deploy.test_extras import command_with


def prices(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["prices", *arguments])


def rows(*arguments: str) -> list[list[str]]:
    done = prices(*arguments)
    assert done.exit_code == 0
    return [line.split() for line in done.stdout.splitlines() if line]


def test_the_cost_of_a_call() -> None:
    """What is paid as what, at which price; the parts add up to the cost."""
    counts = ["--input", "130213", "--cache-read", "128955", "--cache-write", "1253", "--output", "500"]
    assert rows("claude-sonnet-4-6", "--provider", "anthropic", "--date", "2026-11-28", *counts) == [
        ["found", "anthropic/claude-sonnet-4-6"],
        ["source", "genai-prices", "0.2.3,", "2026-11-28"],
        ["tokens", "$", "per", "million", "$"],
        ["input", "5", "3", "0.000015"],
        ["cache", "read", "128,955", "0.3", "0.0386865"],
        ["cache", "write", "1,253", "3.75", "0.00469875"],
        ["output", "500", "15", "0.0075"],
        ["cost_usd", "0.05090025"],
    ]


def test_the_prices_of_a_model() -> None:
    """Without tokens: each kind, and the tiers."""
    assert rows("gemini-2.5-pro", "--date", "2026-11-28")[2:5] == [
        ["$", "per", "million"],
        ["input", "1.25"],
        ["above", "200,000", "input", "2.5"],
    ]


def test_the_time_of_day() -> None:
    """Where the price depends on it, in UTC."""
    arguments = ["deepseek-chat", "--provider", "deepseek", "--input", "1000", "--output", "0", "--date"]
    costs = [rows(*arguments, at)[-1][1] for at in ("2026-01-01T16:29", "2026-01-01T16:30", "2026-01-01T17:30+01:00")]
    assert costs == ["0.00027", "0.000135", "0.000135"]
    assert "changes at 00:00, 00:30, 16:30 UTC" in prices("deepseek-chat").stdout


def test_own_prices_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry is named by its line."""
    path = tmp_path / "prices.yaml"
    path.write_text("prices:\n  - model: gpt-4o\n    input_mtok: 1\n    per_call: 0.5\n")
    monkeypatch.setenv("CALLGAUGE_PRICES_FILE", str(path))
    found = rows("gpt-4o", "--input", "1000000")
    assert found[0] == ["found", "line", "2:", "gpt-4o"]
    assert found[1][:2] == ["source", "prices.yaml"]
    assert found[3:] == [["input", "1,000,000", "1", "1"], ["the", "call", "0.5"], ["cost_usd", "1.5"]]
    assert rows("gpt-4o")[3:] == [["input", "1"], ["each", "call,", "in", "dollars", "0.5"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope\x1b[2J"], "no price of model 'nope\\x1b[2J'; CALLGAUGE_PRICES_FILE can name one"),
        (["gpt-4o", "--provider", "vllm"], "no price of model 'gpt-4o' of provider 'vllm'; CALLGAUGE_PRICES_FILE can"),
        (["gpt-4o", "--input", "5"], "no cost: it depends on tokens that are not given; add --output"),
        (["gpt-4o", "--input", "5", "--output", "1", "--cache-read", "6"], "no cost: the parts of a count are more"),
    ],
)
def test_what_cannot_be_told(arguments: list[str], said: str) -> None:
    """One line says why; the exit code is 1."""
    done = prices(*arguments)
    assert done.exit_code == 1
    assert said in done.output
    assert len(done.output.splitlines()) in (1, 4)


def test_a_date_that_is_none() -> None:
    """Says what to write."""
    done = prices("gpt-4o", "--date", "tomorrow")
    assert isinstance(done.exception, SettingError)
    assert str(done.exception) == (
        "--date 'tomorrow': write a day such as 2026-01-31, or a time such as 2026-01-31T16:30"
    )


def test_without_the_table_it_says_what_to_install() -> None:
    """The extra is named, in one line."""
    done = command_with({"cli"}, "prices", "gpt-4o")
    assert done.returncode == 1
    assert done.stderr == ("callgauge: error: genai_prices is not installed: pip install 'callgauge[prices]'\n")
