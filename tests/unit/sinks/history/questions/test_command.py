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
    "percentiles": ("percentiles", "ttft", *WHEN, "--by", "model", "--at", "99.9"),
    "series": ("series", "error_rate", *WHEN, "--by", "model", "--step", "30m"),
    "caches": ("caches", *WHEN, "--by", "service"),
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
    "periods": (
        "compare",
        "--before-since",
        "2026-02-28T23:00",
        *("--since", "2026-03-01", "--until", "2026-03-01T01:00"),
    ),
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


def test_two_periods_are_compared(run: Any, history: Filled) -> None:
    """The other period is as long as the first, if its end is not given."""
    found = json.loads(run(*EVERY["periods"], "--json").stdout)
    hours = oracle.grouped(history.of_models, lambda call: oracle.end_ms(call) // 3_600_000)
    start = found["now_period"]["start_ms"] // 3_600_000
    assert [found[side]["calls"] for side in ("before", "now")] == [len(hours[start - 1]), len(hours[start])]


def test_a_series_is_told_in_order_of_time(run: Any, history: Filled) -> None:
    """A line for each step and series: adding it up gives all calls."""
    lines = [line.split("\t") for line in run("series", *WHEN, "--by", "model", "--step", "5m").stdout.splitlines()]
    assert lines[0] == ["start", "model", "calls"]
    assert sorted(start for start, *_ in lines[1:]) == [start for start, *_ in lines[1:]]
    assert sum(int(float(calls)) for *_, calls in lines[1:]) == len(history.of_models)


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
        (("series", "--step", "soon"), "--step: 'soon' is no duration"),
        (("percentiles", "latncy"), "did you mean latency"),
        (("compare",), "compare what"),
        (("compare", "--before", "model=a", "--before-until", "1h"), "without --before-since"),
        (("drift", "--since", "1h", "--baseline", "now"), "--baseline now is not before --since 1h"),
        (("sizing", "--table", "cals"), "did you mean calls"),
        (("prices", "--call", "x", *WHEN), "no call 'x' with a cost"),
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
    assert "no calls with a user_id are stored" in result.stderr
    assert "no failed calls are stored" in run("errors", "--since", "2020-01-01", "--until", "2020-01-02").stderr
    assert json.loads(run("top", "--since", "2020-01-01", "--until", "2020-01-02", "--json").stdout) == []
