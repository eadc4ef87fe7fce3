"""`callgauge rules test --trace` on calls in a file."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from callgauge import Call, TraceError
from callgauge.codec import encode
from callgauge_deploy import cli
from callgauge_load.trace import read_trace

START_S = 1_700_000_000.0 // 60 * 60
RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 50%, for: 10s, severity: critical}
  - {name: by_hand, by: [variant], aggregate: calls, lookback: 10s, value: 1}
"""


def call(number: int) -> Call:
    """One a second for ten minutes; those of minute 5 fail."""
    status: Any = "error" if 300 <= number < 360 else "success"
    return Call(event_id=f"e{number}", ts=START_S + number, service="s", model="a", latency_ms=500.0, status=status)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A rule file, and calls as on the bus."""
    rules, calls = tmp_path / "rules.yaml", tmp_path / "calls.ndjson.gz"
    rules.write_text(RULES)
    calls.write_bytes(gzip.compress(b"\n".join(encode(call(number)) for number in range(600)) + b"\n\n"))
    return rules, calls


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["rules", "test", *map(str, arguments)])


def test_what_fires_over_the_calls_of_a_file(files: tuple[Path, Path]) -> None:
    done = run(files[0], "--trace", files[1], "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    (episode,) = told["episodes"]
    assert (episode["rule"], episode["labels"], episode["worst"]) == ("failing", {"model": "a"}, 1.0)
    assert (episode["fired_at"], episode["resolved_at"]) == ("2023-11-14 22:18:30Z", "2023-11-14 22:19:10Z")
    assert (told["from"], told["to"]) == ("2023-11-14 22:13:00Z", "2023-11-14 22:23:00Z")
    assert told["left_out"] == ["by_hand"]


def test_a_part_of_it(files: tuple[Path, Path]) -> None:
    """What was over before --from is not told, and for people it says what the trace does not hold."""
    done = run(files[0], "--trace", files[1], "--from", "2023-11-14T22:20Z")
    assert "alerts: 0 (0.0 a day)" in done.stdout
    assert "failing\tmodel" not in done.stdout
    done = run(files[0], "--trace", files[1])
    assert "the trace begins later than the rules look back" in done.stdout


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--from", "2024-01-01"), "has no calls between --from and --to"),
        (("--history",), "rules from history ask the store"),
    ],
)
def test_what_cannot_be_tested_is_refused(files: tuple[Path, Path], more: tuple[str, ...], told: str) -> None:
    done = run(files[0], "--trace", files[1], *more)
    assert done.exit_code != 0
    assert told in str(done.exception)


def test_without_a_trace_from_is_needed(files: tuple[Path, Path]) -> None:
    assert "--from is missing" in str(run(files[0]).exception)


def test_a_line_that_is_no_call_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(encode(call(1)) + b'\n{"event_id": "x"}\n')
    with pytest.raises(TraceError, match=r"calls.jsonl, line 2: no call \(.*ts"):
        list(read_trace(path))
