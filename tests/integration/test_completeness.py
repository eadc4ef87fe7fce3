"""`callgauge completeness` beside a real pipeline: exact while it runs, exit code 1 when something is gone."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

from callgauge.codec import encode
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import asking
from callgauge_history.store import open_store
from callgauge_sinks.completeness.check import check
from callgauge_sinks.completeness.report import Report
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.commands import callgauge
from tests.integration.test_sinks import POISON, produce
from tests.random_calls import random_calls

CALLS = 3_000


def command(settings: Settings, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `callgauge completeness`."""
    done = callgauge(settings, "completeness", *arguments, COLUMNS="160")
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.decode()


def wait_for(settings: Settings, condition: Callable[[Report], bool]) -> None:
    last: list[Report] = []

    def holds() -> bool:
        with asking(settings) as ask:
            last[:] = [check(ask)]
        return condition(last[0])

    assert wait_until(holds, 90, poll_s=0.3), last[0].as_json()


def test_exact_and_then_not(broker: Broker, tmp_path: Path) -> None:
    """Calls and poison are all accounted for; a call deleted from the store is a gap with its block."""
    settings = pipeline_settings(broker.bootstrap, tmp_path)
    ensure_topics(settings)
    values: list[bytes | None] = [encode(call) for call in random_calls(CALLS, seed=21)]
    for index, poison in enumerate(POISON.values()):
        values.insert(index * 200, poison)
    with Role("sinks", settings) as sinks, Role("rollup", settings) as rollup:
        sinks.wait_ready()
        rollup.wait_ready()
        produce(settings, settings.topics.calls.name, values)

        def arrived(report: Report) -> bool:
            sinks.check()
            rollup.check()
            # Whatever is still on its way, nothing is ever called missing.
            assert report.complete, report.as_json()
            stored = report.total("stored") + report.total("letters")
            return stored == report.total("records") == len(values) and not report.to_come

        wait_for(settings, arrived)
        code, output = command(settings)
        assert code == 0, output
        verdict = f"exact: {len(values):,} records = {CALLS:,} counted + 0 duplicates + {len(POISON)} dead"
        assert f"completeness: {verdict}; {CALLS:,} calls stored" in output.splitlines()[-1]
        sinks.process.send_signal(signal.SIGTERM)
        assert sinks.wait(30) == 0

    store = open_store(settings.store.get_secret_value())
    [[event_id, source, offset]] = store.query("SELECT event_id, source, kafka_offset FROM calls LIMIT 1").rows
    store.command(f"ALTER TABLE calls DELETE WHERE event_id = '{event_id}' SETTINGS mutations_sync = 2")
    store.close()
    code, output = command(settings, "--json")
    assert code == 1, output
    found = json.loads(output)
    [gap] = found["gaps"]
    assert (gap["kind"], gap["source"]) == ("calls", source)
    assert "1 of " in gap["message"]
    assert found["totals"]["stored"] == CALLS - 1
    assert int(offset) >= 0
