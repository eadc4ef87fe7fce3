"""The processes `callgauge sinks` and `callgauge notify` run."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence

from callgauge.errors import BrokerError
from callgauge.origins import describe_origins
from callgauge.settings import Settings
from callgauge_sinks.api import ApiServer
from callgauge_sinks.backoff import backoff_s
from callgauge_sinks.consumer import Intake, open_consumer
from callgauge_sinks.dead_letters import DeadLetterWriter
from callgauge_sinks.migrate import migrate
from callgauge_sinks.notify.configured import channels_of
from callgauge_sinks.notify.notifier import Notifier
from callgauge_sinks.sink import Sink
from callgauge_sinks.specs import NAMES, origin_topics, spec_of
from callgauge_sinks.store import Store, StoreUnavailable, is_embedded, open_store
from callgauge_sinks.workers import Worker, run_workers

__all__ = ["run_notifier", "run_sinks"]

log = logging.getLogger(__name__)


def run_sinks(settings: Settings, names: Sequence[str] = NAMES, stop: threading.Event | None = None) -> None:
    """Store topics until SIGTERM, SIGINT or `stop`; with an embedded store also serve its query API.

    Raises:
        SystemExit: 1, with the reason on stderr, when a sink failed.
        CallgaugeError: nothing could be started.
    """
    _log_to_stderr(settings)
    dsn = settings.store.get_secret_value()
    with contextlib.ExitStack() as stack:
        first = _open_when_it_answers(dsn)
        stack.callback(first.close)
        migrate(first)
        origins = _origins_when_known(settings)
        specs = [spec_of(name, settings, origins) for name in names]
        workers: dict[str, Worker] = {}
        for spec in specs:
            store = first
            if not is_embedded(dsn) and workers:
                store = _open_when_it_answers(dsn)
                stack.callback(store.close)
            intake = Intake(open_consumer(settings, f"sink-{spec.name}"), spec.topic, time.monotonic)
            letters = None if spec.name == "dead" else DeadLetterWriter(settings)
            workers[f"sink {spec.name}"] = Sink(spec, intake, store, letters)
        if is_embedded(dsn):
            workers["query API"] = ApiServer(settings, first)
        run_workers(workers, settings.ready_file, stop)


def run_notifier(settings: Settings, stop: threading.Event | None = None) -> None:
    """Deliver alerts to every configured channel until SIGTERM, SIGINT or `stop`.

    Raises:
        SystemExit: 1, with the reason on stderr, when a channel's loop failed.
        SettingError: no channel is configured.
    """
    _log_to_stderr(settings)
    workers: dict[str, Worker] = {}
    for channel in channels_of(settings):
        # A group per channel: a webhook that is down holds up nothing else.
        consumer = open_consumer(settings, f"notify-{channel.name}")
        intake = Intake(consumer, settings.topics.alerts.name, time.monotonic)
        workers[f"notifier {channel.name}"] = Notifier(intake, channel)
    run_workers(workers, settings.ready_file, stop)


def _open_when_it_answers(dsn: str, sleep: Callable[[float], None] = time.sleep) -> Store:
    for wait_s in backoff_s():
        try:
            return open_store(dsn)
        except StoreUnavailable as error:
            log.warning("%s; next attempt in %.1f s", error, wait_s)
            sleep(wait_s)
    raise AssertionError("backoff ends never")


def _origins_when_known(settings: Settings, sleep: Callable[[float], None] = time.sleep) -> dict[str, str]:
    """Topic -> "cluster id/topic id", for as long as this process lives.

    librdkafka does not tell that a topic was made anew: it goes on at the old offset, or from the beginning where that
    is out of range. So the sinks must be started again with the topic.
    """
    for wait_s in backoff_s():
        try:
            found = describe_origins(settings, origin_topics(settings))
            return {name: origin.id for name, origin in found.items()}
        except BrokerError as error:
            log.warning("%s; next attempt in %.1f s", error, wait_s)
            sleep(wait_s)
    raise AssertionError("backoff ends never")


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # One line per request of a webhook is not for our log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
