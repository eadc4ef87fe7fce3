"""Scores on their way: produced, rolled up beside calls, stored; through kill -9 of the rollup worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callgauge.codec import encode
from callgauge.schema import Score
from callgauge.units import millionths
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import asking
from callgauge_sinks.completeness.check import check
from tests.brokers import Broker
from tests.chaos.load import GROUPINGS
from tests.chaos.pipeline import Role, pipeline_settings
from tests.integration.rollup_stream import WindowsLog
from tests.integration.test_sinks import produce
from tests.oracle import merged, merged_scores, recount, recount_scores
from tests.random_calls import random_calls
from tests.random_scores import random_scores

POISON: list[bytes | None] = [b"{", None, b'{"kind": "score"}', b'{"kind": "call", "score_id": "s"}']


def test_from_the_topic_to_the_store(broker: Broker, tmp_path: Path) -> None:
    """Rows on the windows topic and in the store are the recount of what was sent, beside those of calls."""
    settings = pipeline_settings(broker.bootstrap, tmp_path, block_offsets=256)
    ensure_topics(settings)
    calls = list(random_calls(500, seed=31))
    scores = list(random_scores(2_000, seed=32))
    half = len(scores) // 2
    windows = WindowsLog(settings)

    def rows(kind: str) -> list[Any]:
        return [record for _, record in windows.read().records if record.kind == kind]

    with Role("sinks", settings) as sinks, Role("rollup", settings) as rollup:
        sinks.wait_ready()
        rollup.wait_ready()
        produce(settings, settings.topics.calls.name, [encode(call) for call in calls])
        produce(settings, settings.topics.scores.name, [*map(encode, scores[:half]), *POISON])
        assert wait_until(lambda: bool(rows("score_row")), 60, poll_s=0.2)
        rollup.kill()
        rollup.start()
        produce(settings, settings.topics.scores.name, [encode(score) for score in scores[half:]])
        expected = len(calls) + len(scores)

        def arrived() -> bool:
            sinks.check()
            rollup.check()
            with asking(settings) as ask:
                report = check(ask)
            assert report.complete, report.as_json()
            done = report.total("stored") == report.total("counted") == expected
            return done and report.total("letters") == report.total("dead") == len(POISON) and not report.to_come

        assert wait_until(arrived, 120, poll_s=0.5)
        assert merged_scores(rows("score_row")) == recount_scores(scores, GROUPINGS)
        assert merged(rows("row")) == recount(calls, GROUPINGS)

        def stored() -> list[list[Any]]:
            with asking(settings) as ask:
                sql = "SELECT sum(scores), round(sum(total) * 1e6), sum(opens) FROM score_windows_merged"
                return ask(f"{sql} WHERE grouping = '@10s'").rows

        total = sum(millionths(score.value) for score in scores if isinstance(score, Score))
        opens = sum(not isinstance(record, Score) and record.to_state == "open" for record in scores)
        totals = [[len(scores), total + opens * 1_000_000, opens]]
        assert wait_until(lambda: stored() == totals, 60, poll_s=0.5), (stored(), totals)
    windows.close()
