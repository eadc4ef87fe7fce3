"""LLMDrift through the live pipeline: after how many calls a swapped model is told, and whether none is told as one.

    python -m tests.bench.quality_drift

tansu, rollup, quality and detect run as they do in production, by the default rules. Each series is a model name that
one version answers for 130 minutes, and then another, or the same (a control), for an hour; those minutes are the
records' times, which tansu takes from the producer, and pass in about a minute and a half.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import Producer

from callgauge.codec import encode, read_alert_record
from callgauge.schema import Alert, Call, Content
from callgauge.settings import Settings, load_settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import end, spawn, wait_until
from callgauge_deploy.topics import ensure_topics
from tests.bench.quality_data import rows_of
from tests.bench.report import report
from tests.brokers import start_broker
from tests.chaos.pipeline import committed, ends
from tests.integration.test_detect import records

__all__ = ["SERIES", "Told", "measure"]

BEFORE_S, AFTER_S, REAL_S = 130 * 60.0, 60 * 60.0, 90.0
RULES = ("refusals_change", "hallucination_markers_change", "answers_change", "length_change_since_pinned")


class Series(NamedTuple):
    """A model name, and the versions of LLMDrift that answer under it; the same twice: its two halves."""

    name: str
    data: str
    before: str
    after: str


SERIES = (
    Series("gpt-4", "opinionqa", "gpt-4-0314", "gpt-4-0613"),
    Series("gpt-3.5", "opinionqa", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    Series("gpt-4, same version", "opinionqa", "gpt-4-0314", "gpt-4-0314"),
    Series("gpt-3.5, same version", "opinionqa", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0301"),
    Series("gpt-4 happy numbers", "countahappynumber", "gpt-4-0314", "gpt-4-0613"),
    Series("gpt-3.5 happy numbers", "countahappynumber", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613"),
    Series("gpt-4 happy numbers, same version", "countahappynumber", "gpt-4-0314", "gpt-4-0314"),
    Series("gpt-3.5 happy numbers, same version", "countahappynumber", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0301"),
)


class Told(NamedTuple):
    """What a rule told of a series.

    Attributes:
        calls: sent of the second version when the window ended that the alert is of; negative: before there was one.
    """

    series: str
    rule: str
    calls: float
    reason: str


def placed(series: Series, rows: list[dict[str, str]]) -> Iterator[tuple[float, dict[str, str]]]:
    """(seconds from the start, row) of a series' calls, evenly spread."""
    versions = [[row for row in rows if row["model"].endswith(name)] for name in (series.before, series.after)]
    if series.before == series.after:
        # In turn: the file goes from subject to subject, so its first half asks for other things than its second.
        versions = [versions[0][0::2], versions[0][1::2]]
    step = BEFORE_S / len(versions[0])
    for begin, part in zip((0.0, BEFORE_S), versions, strict=True):
        for n, row in enumerate(part):
            if begin == 0.0 or n * step < AFTER_S:
                yield begin + n * step, row


def send(settings: Settings, begin: float) -> dict[str, float]:
    """Send everything, a little slower than the workers read. Returns the seconds between the calls of each series."""
    data = {name: rows_of(f"llmdrift/{name}.csv.gz") for name in {series.data for series in SERIES}}
    calls = sorted(
        ((at, series, n, row) for series in SERIES for n, (at, row) in enumerate(placed(series, data[series.data]))),
        key=lambda call: call[0],
    )
    producer = Producer(settings.librdkafka() | {"enable.idempotence": True})
    began = time.monotonic()
    for at, series, n, row in calls:
        while at / (BEFORE_S + AFTER_S) * REAL_S > time.monotonic() - began:
            producer.poll(0.01)
        ids: dict[str, Any] = {
            "event_id": f"{series.name}/{n}",
            "trace_id": f"{series.name}/{n}",
            "service": "llmdrift",
        }
        tokens = int(float(row["answer_token"]))
        call = Call(
            **ids, ts=begin + at, latency_ms=0.0, model=series.name, output_tokens=tokens, finish_reason="stop",
            response_chars=len(row["answer"]),
        )  # fmt: skip
        labels = {"model": series.name}
        content = Content(**ids, ts=begin + at, labels=labels, prompt=row["query"], response=row["answer"])
        for topic, message in ((settings.topics.calls, call), (settings.topics.content, content)):
            stamp = round((begin + at) * 1000)
            producer.produce(topic.name, encode(message), key=ids["trace_id"], timestamp=stamp)
    assert producer.flush(60) == 0
    return {
        series.name: BEFORE_S / sum(1 for at, s, _, _ in calls if s is series and at < BEFORE_S) for series in SERIES
    }


def is_scored(settings: Settings) -> bool:
    """All contents are."""
    topic = settings.topics.content
    done = committed(settings, "quality", topic.name, topic.partitions)
    return done == ends(settings, topic.name, topic.partitions)


def alerts(settings: Settings) -> list[Alert]:
    """Those that fired, in order."""
    topic = settings.topics.alerts
    found = [read_alert_record(m.value()) for p in range(topic.partitions) for m in records(settings, topic.name, p)]
    return [each for each in found if isinstance(each, Alert) and each.state == "firing" and each.rule in RULES]


def wait_told(settings: Settings) -> list[Alert]:
    """The alerts, when detect has read all that rollup said of the scores, and has said nothing more since."""
    topic, still, known = settings.topics.windows, 0, -1
    while still < 12:  # rollup takes five seconds to say that nothing more comes, on a busy machine longer
        before = ends(settings, topic.name, topic.partitions)
        time.sleep(5.0)
        done = committed(settings, "detect", topic.name, topic.partitions)
        found = alerts(settings)
        is_still = len(found) == known and all(a >= b for a, b in zip(done, before, strict=True))
        still, known = still + 1 if is_still else 0, len(found)
    return found


def measure() -> list[Told]:
    """Run it all and say what was told."""
    with start_broker("tansu") as broker, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = load_settings(
            bootstrap_servers=broker.bootstrap, topic_prefix="drift", group_prefix="drift", quality_calls="off",
            session_timeout_s=6.0, rebalance_timeout_s=4.0, heartbeat_s=1.5, replication_factor=1,
        )  # fmt: skip
        ensure_topics(settings)
        for role in ("rollup", "detect", "quality"):
            log = stack.enter_context(open(Path(folder) / role, "wb"))
            ready = Path(folder) / f"{role}.ready"
            own = settings.model_copy(update={"ready_file": ready})
            command = [sys.executable, "-m", "callgauge_deploy.cli", role]
            process = spawn(command, env=child_environment(own), stdout=log, stderr=log)
            stack.callback(end, process, 15)
            assert wait_until(ready.exists, 90), (Path(folder) / role).read_text()
        begin = (time.time() - BEFORE_S - AFTER_S - REAL_S) // 600 * 600
        steps = send(settings, begin)
        assert wait_until(lambda: is_scored(settings), 300, poll_s=1.0)
        found = wait_told(settings)
        return [
            Told(
                alert.labels["model"], alert.rule,
                (alert.at - begin - BEFORE_S) / steps[alert.labels["model"]], alert.summary,
            )
            for alert in found
        ]  # fmt: skip


def main() -> None:
    """Run and report."""
    rows = [told._asdict() for told in measure()]
    report("quality_drift", rows, title="LLMDrift, live", notes="calls: of the second version, until it was told")


if __name__ == "__main__":
    main()
