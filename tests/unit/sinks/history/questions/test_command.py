"""`callgauge history ...`: tables for people, JSON for programs, and errors that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from callgauge.errors import CallgaugeError
from callgauge_deploy.cli import app
from callgauge_history import query
from callgauge_history.store import Ask
from tests.unit.sinks.history.questions import oracle
from tests.unit.sinks.history.questions.conftest import Filled

WHEN = ("--since", "2026-02-28T22:30", "--until", "2026-03-01T01:30Z")
EVERY = {
    "summary": ("summary", *WHEN),
    "by": ("summary", *WHEN, "--by", "model", "--by", "provider"),
    "top": ("top", "feature", *WHEN),
    "usage": ("usage", *WHEN, "--step", "hour"),
    "errors": ("errors", *WHEN, "-w", "provider=lepton"),
    "trace": ("trace", "trace-1"),
    "slowest": ("slowest", *WHEN),
    "dearest": ("slowest", "--dearest", *WHEN),
    "calls": ("calls", *WHEN, "-n", "3"),
    "scores": ("scores", *WHEN, "--by", "service"),
    "drift": ("drift", "--since", "2026-03-01", "--until", "2026-03-01T01:30"),
    "compare": ("compare", "--before", "model=gpt-4", "--now", "model=gpt-3.5-turbo", *WHEN),
    "anomalies": ("anomalies", *WHEN),
    "skew": ("skew", *WHEN),
    "volume": ("volume", *WHEN),
    "sizing": ("sizing",),
    "columns": ("sizing", "--table", "calls"),
}


@pytest.fixture
def run(history: Filled, monkeypatch: pytest.MonkeyPatch) -> Any:
    @contextmanager
    def asking(_: object) -> Iterator[Ask]:
        yield history.ask

    monkeypatch.setattr(query, "asking", asking)
    return lambda *words: CliRunner().invoke(app, ["history", *words])


@pytest.mark.parametrize("name", EVERY)
def test_every_question(run: Any, name: str) -> None:
    """Has an answer in lines, and the same as JSON."""
    for words in (EVERY[name], (*EVERY[name], "--json")):
        result = run(*words)
        assert result.exit_code == 0, (result.output, result.exception)
    assert json.loads(result.stdout)
    lines = run(*EVERY[name]).stdout.splitlines()
    assert len(lines) > 1
    assert len({line.count("\t") for line in lines}) == 1


def test_the_numbers_are_those_of_the_question(run: Any, history: Filled) -> None:
    """Exact in JSON: cost to the nano-dollar."""
    found = json.loads(run("summary", *WHEN, "--json").stdout, parse_float=str)
    assert found["numbers"]["calls"] == len(history.of_models)
    assert float(found["numbers"]["cost_usd"]) == float(oracle.cost_usd(history.of_models))
    assert found["period"] == {"start_ms": history.period.start_ms, "end_ms": history.period.end_ms}


def test_pages(run: Any) -> None:
    """The cursor of one page asks for the next."""
    first = json.loads(run("calls", *WHEN, "-n", "3", "--json").stdout)
    second = json.loads(run("calls", *WHEN, "-n", "3", "--cursor", first["cursor"], "--json").stdout)
    ids = [call["event_id"] for call in first["rows"] + second["rows"]]
    assert len(set(ids)) == 6


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("summary", "-w", "model"), "write label=value"),
        (("summary", "-w", "modle=x"), "did you mean model"),
        (("summary", "--since", "1h", "--until", "2h"), "is not before"),
        (("trace", "nope"), "nothing is stored of the trace 'nope'"),
        (("usage", "--zone", "Mars"), "no time zone"),
        (("calls", "--cursor", "x"), "no cursor"),
    ],
)
def test_errors_say_what_to_do(run: Any, words: tuple[str, ...], told: str) -> None:
    """In one line."""
    result = run(*words)
    assert isinstance(result.exception, CallgaugeError)
    assert told in str(result.exception)


def test_nothing_found(run: Any) -> None:
    """Is told on standard error; JSON is an empty list."""
    result = run("top", "--since", "2020-01-01", "--until", "2020-01-02")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing is stored" in result.stderr
    assert json.loads(run("top", "--since", "2020-01-01", "--until", "2020-01-02", "--json").stdout) == []
