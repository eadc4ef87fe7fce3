"""Peers that run in a JVM count what they are said to count."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge_deploy.process import tail, wait_until
from callgauge_deploy.topics import ensure_topics
from tests.bench.peers.child import started
from tests.bench.peers.environments import Environment, EnvironmentFailed, environment_of
from tests.bench.peers.fold import WINDOW_S, add_call, ended_at, new_totals
from tests.bench.peers.progress import Job
from tests.bench.process import cores
from tests.bench.stream import Message, template_of
from tests.brokers import Broker, in_ci
from tests.chaos.load import Load, Publisher
from tests.random_calls import random_calls

TIMEOUT_S = 300.0
START_S, SPAN_S = 1_700_000_000.0, 25.0
LABELS = ("service", "feature", "model")
CLOSER = "closes windows"  # the service of calls that are only sent so that time goes on
SUMS = ("calls", "errors", "input_tokens", "output_tokens", "cost_usd", "latency_ms")

#: (series, start of the window)
Key = tuple[str, int]


def environment(name: str) -> Environment:
    """Kept outside of the checkout; skipped without Java and Maven, an error in CI."""
    root = os.environ.get("CALLGAUGE_TEST_CACHE")
    try:
        return environment_of(name, (Path(root) if root else Path.home() / ".cache" / "callgauge") / "peers")
    except EnvironmentFailed as error:
        if in_ci():
            raise
        pytest.skip(str(error))


def messages() -> list[Message]:
    """3,000 calls over 25 seconds, in the order of their ends; the fields that may be missing are, here and there."""
    calls = random_calls(3_000, seed=13, start=START_S, span_s=SPAN_S)
    templates = [template_of(call, {"feature": ("", "search", "chat")[at % 3]}) for at, call in enumerate(calls)]
    return [template.message(at, template.ts) for at, template in enumerate(templates)]


def expected(sent: list[Message]) -> dict[Key, dict[str, Any]]:
    """What plain Python counts in them."""
    totals: dict[Key, dict[str, Any]] = defaultdict(new_totals)
    for _, value in sent:
        call = json.loads(value)
        series = ",".join(call.get(label, "") for label in LABELS)
        add_call(totals[series, int(ended_at(call)) // WINDOW_S * WINDOW_S], call)
    return {key: {name: window[name] for name in SUMS} for key, window in totals.items()}


def added_up(path: Path) -> dict[Key, dict[str, Any]]:
    """The rows of a reader so far; where it has one a partition, their sum."""
    totals: dict[Key, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for line in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if line.endswith("}\n") and CLOSER not in line:
            row = json.loads(line)
            assert row.get("in_histogram", row["calls"]) == row["calls"]
            for name in SUMS:
                totals[row["series"], row["start"]][name] += row[name]
    return dict(totals)


def closing_calls(partitions: int) -> Callable[[], list[Call]]:
    """Makes calls that come after the end of all windows, enough for each partition to get one (the key decides).

    They are only a little later each time, so that no reader forgets a window before it has told it.
    """
    ts = START_S + SPAN_S + 2 * WINDOW_S + 5

    def make() -> list[Call]:
        nonlocal ts
        ts += 0.02
        keys = range(partitions * 16)
        return [Call(event_id=f"{ts}-{key}", trace_id=f"{key}", ts=ts, service=CLOSER, latency_ms=1.0) for key in keys]

    return make


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.parametrize("name", ["kafka_streams", "flink_sql"])
def test_a_window_has_the_sums_of_its_calls(
    name: str, tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path, long: bool
) -> None:
    """Per series and window of event time, from four partitions: counts exactly, sums of floats but for rounding."""
    if not long:
        pytest.skip("installs the peer, of 830 MB with Flink: with --long (make chaos)")
    reader = environment(name)
    settings = settings_of(tansu, partitions=4)
    ensure_topics(settings)
    sent = messages()
    wanted = expected(sent)
    publish(settings, sent)
    rows, later = tmp_path / "rows.jsonl", closing_calls(4)
    job = Job(tansu.bootstrap, settings.topics.calls.name, 1, settings.group_prefix, ",".join(LABELS), str(rows))
    with started(name, reader, job, cores()[-1], tmp_path) as process:

        def complete() -> bool:
            assert process.poll() is None, tail(tmp_path / f"{name}.err")
            publish(settings, [template_of(call, {}).message(0, call.ts) for call in later()])
            return len(added_up(rows)) >= len(wanted) and count_of(rows) >= len(sent)

        wait_until(complete, TIMEOUT_S, poll_s=1.0)
    found = added_up(rows)
    assert found.keys() == wanted.keys()
    assert all(found[key] == pytest.approx(wanted[key], rel=1e-9) for key in wanted)


def count_of(rows: Path) -> int:
    """Calls in the rows so far."""
    return sum(int(row["calls"]) for row in added_up(rows).values())


def publish(settings: Settings, values: list[Message]) -> None:
    """Send them, and wait until the broker has them."""
    Publisher(settings, Load(values, {}, 0, 0), per_s=float("inf"), gate=0).publish_all()
