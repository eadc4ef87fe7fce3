"""A judgement that comes later, from another process, counts in the series of its call: through the real rollup."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from callgauge import Gauge
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import asking
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.integration.test_forks import environment_of

GROUPINGS = "@10s service,model@10s service,operation@10s"
#: Another service, with a clock that is an hour ahead, which knows nothing of the call but its ref.
AN_HOUR_LATER = """
import sys, time
from callgauge import Gauge

with Gauge(clock=lambda: time.time() + 3_600) as gauge:
    assert gauge.feedback(sys.argv[1], thumbs="down", comment="wrong city")
    assert gauge.outcome("escalation", 1, sys.argv[1])
    assert gauge.feedback("1nonsense", thumbs="up") == ""
    gauge.breaker("openai", "closed", "open", "12 of 20 failed", provider="openai")
    assert gauge.flush(30) == 0
"""


def test_feedback_an_hour_later(tansu: Broker, tmp_path: Path) -> None:
    """In the series of the call's service and model, an hour after it. And what became of both services is known."""
    settings = pipeline_settings(tansu.bootstrap, tmp_path, groupings=GROUPINGS)
    ensure_topics(settings)
    with Role("sinks", settings) as sinks, Role("rollup", settings) as rollup:
        sinks.wait_ready()
        rollup.wait_ready()
        with Gauge(settings.model_copy(update={"service": "search", "gauge_heartbeat_s": 2.0})) as gauge:
            with gauge.trace("answer"), gauge.call(model="gpt-4o", provider="openai") as call:
                call.set(input_tokens=7, output_tokens=3)
            assert gauge.flush(30) == 0
            command = [sys.executable, "-W", "ignore", "-c", AN_HOUR_LATER, call.ref]
            environment = environment_of(settings) | {"CALLGAUGE_SERVICE": "web"}
            subprocess.run(command, env=environment, check=True, timeout=120)

            def rows(sql: str) -> list[list[Any]]:
                sinks.check()
                rollup.check()
                with asking(settings) as ask:
                    return ask(sql).rows

            scores = """SELECT name, origin, service, model, scores, mean, lowest_event_id,
                               window_start BETWEEN now() + INTERVAL 50 MINUTE AND now() + INTERVAL 70 MINUTE
                        FROM score_windows_merged WHERE grouping = 'service,model@10s' ORDER BY name"""
            expected = [
                ["escalation", "business", "search", "gpt-4o", 1, 1.0, call.event_id, 1],
                ["thumbs", "user", "search", "gpt-4o", 1, 0.0, call.event_id, 1],
            ]
            assert wait_until(lambda: rows(scores) == expected, 90, poll_s=0.3), rows(scores)
            opens = "SELECT origin, opens FROM score_windows_merged WHERE grouping = '@10s' AND name = 'breaker_open'"
            assert wait_until(lambda: rows(opens) == [["openai", 1]], 60, poll_s=0.3)
            # The span is a step, not a call: it counts where the operation is a label, and nowhere else.
            calls = "SELECT grouping, model, operation, calls FROM windows_merged ORDER BY grouping, operation"
            counted = [
                ["@10s", "", "", 1],
                ["service,model@10s", "gpt-4o", "", 1],
                ["service,operation@10s", "", "chain", 1],
                ["service,operation@10s", "", "chat", 1],
            ]
            assert wait_until(lambda: rows(calls) == counted, 60, poll_s=0.3), rows(calls)
            alive = "SELECT service, alive, ended, emitted, delivered, invalid FROM services ORDER BY service"
            known = [["search", 1, 0, 2, 2, 0], ["web", 0, 1, 3, 3, 1]]
            assert wait_until(lambda: rows(alive) == known, 60, poll_s=0.3), rows(alive)
            assert rows("SELECT count() FROM calls_final") == [[2]]
