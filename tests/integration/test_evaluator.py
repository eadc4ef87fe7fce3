"""Two evaluators on a real broker: one judges, another goes on where it ended, and each transition is told once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
from confluent_kafka import Producer

from callgauge.judgements import mark_message
from callgauge.origins import describe_origins
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_actions.alert_log import AlertLog
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_evaluator.app import ROLE, make_evaluator
from callgauge_evaluator.cursor import read_judged
from callgauge_evaluator.evaluator import Evaluator
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store
from tests.brokers import Broker
from tests.unit.sinks.made_calls import T0, store_calls

RULES = """
rules:
  - {name: failing, by: [user_id], aggregate: error_rate, lookback: 2m, value: 50%, min_count: 5, for: 1m}
"""
BUDGETS = "budgets:\n  - {name: day, by: user_id, limit: 1, period: day, levels: [100%]}\n"


@contextmanager
def running(evaluator: Evaluator) -> Iterator[Evaluator]:
    thread = threading.Thread(target=evaluator.run)
    thread.start()
    try:
        yield evaluator
    finally:
        evaluator.stop()
        thread.join()


def produce(settings: Settings, topic: str, key: bytes, value: bytes) -> None:
    producer = Producer(settings.librdkafka())
    producer.produce(topic, value, key, 0)
    assert producer.flush(30) == 0


def alerts_on(settings: Settings) -> list[Alert]:
    told: list[Alert] = []
    with closing(AlertLog(settings)) as log:
        take = log.book.take

        def keep(record: Alert, partition: int) -> None:
            told.append(record)
            take(record, partition)

        log.book.take = keep  # type: ignore[method-assign, assignment]  # every record, not only the last of each alert
        log.read_to_end()
    return sorted(told, key=lambda alert: (alert.rule, alert.at, alert.seq))


def fill(store: Store) -> None:
    """Ada's calls fail from minute 3 to 6; each costs 6 cents."""
    store_calls(
        store,
        [
            {
                "end": T0 + minute * 60 + at,
                "user_id": "ada",
                "cost_usd": 0.06,
                "status": "error" if 3 <= minute < 7 else "success",
            }
            for minute in range(15)
            for at in range(0, 60, 20)
        ],
    )


def test_two_evaluators_tell_one_alert(broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> None:
    """Also when the one that leads ends; and not before the sinks have stored what was on the topic."""
    (tmp_path / "rules.yaml").write_text(RULES)
    (tmp_path / "budgets.yaml").write_text(BUDGETS)
    files = {"rules_file": tmp_path / "rules.yaml", "budgets_file": tmp_path / "budgets.yaml"}
    settings = settings_of(broker, partitions=1, windows_partitions=2, **files)
    ensure_topics(settings)
    _, mark = mark_message("a deploy", T0, {}, {}, T0)
    produce(settings, settings.topics.rules.name, mark.key, mark.value)
    produce(settings, settings.topics.calls.name, b"k", b"{}")
    source = describe_origins(settings, [settings.topics.calls.name])[settings.topics.calls.name].id + "/0"
    now = [T0 + 62.0]

    with closing(open_store(f"chdb://{tmp_path / 'store'}")) as store:
        migrate(store)
        fill(store)

        def judged_to(minute: int) -> bool:
            return wait_until(lambda: read_judged(store.query, settings.group(ROLE)) == (T0 + minute * 60) * 1000, 60)

        # The second one is made later: one that nobody runs yet is a member of the group, and may be given the lead.
        first = make_evaluator(settings, store, clock=lambda: now[0])
        with running(first):
            assert wait_until(lambda: first.leads, 60)
            assert read_judged(store.query, settings.group(ROLE)) is None  # a record is not stored yet
            columns = {"sink": ["calls"], "source": [source], "first_offset": [0], "next_offset": [1]}
            store.insert("stored_offsets", pa.table(columns))
            assert judged_to(1)
            second = make_evaluator(settings, store, clock=lambda: now[0])
            with running(second):
                now[0] = T0 + 6 * 60 + 2
                assert judged_to(6)
                first.stop()
                assert wait_until(lambda: second.leads, 60)
                now[0] = T0 + 14 * 60 + 2
                assert judged_to(14)
        assert not first.leads
    found = [(alert.rule, alert.state, (alert.at - T0) / 60, alert.seq) for alert in alerts_on(settings)]
    assert found == [
        ("budget_day", "firing", 6, 0),
        ("failing", "pending", 5, 0),
        ("failing", "firing", 6, 1),
        ("failing", "resolved", 8, 2),
    ]
