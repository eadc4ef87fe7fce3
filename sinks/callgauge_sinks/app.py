"""The process that `callgauge sinks` runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from callgauge.errors import BrokerError, SettingError
from callgauge.log_lines import log_to_stderr
from callgauge.origins import describe_origins
from callgauge.prices.found import Prices, load_prices
from callgauge.settings import Settings
from callgauge_history.migrate import migrate
from callgauge_history.retention import keep, kept_days
from callgauge_history.store import Store, StoreUnavailable, is_embedded, open_store
from callgauge_history.tiers.job import TierJob
from callgauge_intake.backoff import attempt_until_done
from callgauge_intake.client import open_consumer
from callgauge_intake.consumer import Intake
from callgauge_intake.metrics import Counted, serve_metrics
from callgauge_intake.workers import Worker, run_workers
from callgauge_sinks.dead_letters import DeadLetterWriter
from callgauge_sinks.sink import Sink
from callgauge_sinks.specs import NAMES, origin_topics, spec_of
from callgauge_sinks.warm_up import warm_up

__all__ = ["run"]

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    names: Sequence[str] = NAMES,
    stop: threading.Event | None = None,
    *,
    console: Callable[[Settings, Store], Worker] | None = None,
) -> None:
    """Store topics until SIGTERM, SIGINT or `stop`; with an embedded store also judge by it, and serve the console.

    Args:
        console: makes the worker that serves the console, since an embedded store belongs to one process; not used
            with a server.

    Raises:
        SystemExit: with code 1 if a sink failed; the reason is in the log.
        CallgaugeError: the sinks could not be started.
    """
    log_to_stderr(settings.log_level)
    warm_up()
    dsn = settings.store_dsn
    with contextlib.ExitStack() as stack:
        first = _open_when_it_answers(dsn)
        stack.callback(first.close)
        migrate(first, settings.store_cluster)
        keep(first, kept_days(settings), settings.store_cluster)
        origins = _origins_when_known(settings)
        specs = [spec_of(name, settings, origins) for name in names]
        workers: dict[str, Worker] = {}
        sinks: dict[str, Sink] = {}
        intakes = []
        for spec in specs:
            store = first
            if not is_embedded(dsn) and workers:
                store = _open_when_it_answers(dsn)
                stack.callback(store.close)
            intake = Intake(open_consumer(settings, f"sink-{spec.name}"), spec.topic, time.monotonic)
            letters = None if spec.name == "dead" else DeadLetterWriter(settings)
            intakes.append(intake)
            workers[f"sink {spec.name}"] = sinks[spec.topic] = Sink(spec, intake, store, letters)
        store = first
        if not is_embedded(dsn):
            store = _open_when_it_answers(dsn)
            stack.callback(store.close)
        workers["tiers"] = TierJob(store, kept_days(settings), prices=_prices(settings))
        counted = [_stored(sinks)]
        if is_embedded(dsn):
            # Only one process can hold such a store, so whatever else needs it lives here.
            workers["evaluator"], of_evaluator = _evaluator(settings, first)
            counted += of_evaluator
            if console is not None:
                workers["console"] = console(settings, first)
        serve_metrics(settings, "sinks", intakes, counted)
        run_workers(workers, settings.ready_file, stop)


def _prices(settings: Settings) -> Prices | None:
    """Where the prices are looked up that calls were counted by; a file that is missing must not keep calls waiting."""
    try:
        return load_prices(settings.prices_file)
    except SettingError as error:
        log.warning("the prices used are not noted: %s", error)
        return None


def _stored(sinks: Mapping[str, Sink]) -> Counted:
    return Counted(
        *("processed_records", "Records that the worker is done with.", ("topic",)),
        lambda: {(topic,): sink.stored for topic, sink in sinks.items()},
    )


def _evaluator(settings: Settings, store: Store) -> tuple[Worker, list[Counted]]:
    # Beside a server it is another process, and needs another extra.
    from callgauge_evaluator.app import make_evaluator
    from callgauge_evaluator.metrics import counted_of

    evaluator = make_evaluator(settings, store)
    return evaluator, counted_of(evaluator)


def _open_when_it_answers(dsn: str) -> Store:
    return attempt_until_done(lambda: open_store(dsn), StoreUnavailable)


def _origins_when_known(settings: Settings) -> dict[str, str]:
    """Ask for topic -> "cluster id/topic id" until the broker answers.

    The answer is used for as long as this process lives. librdkafka does not tell that a topic was deleted and made
    again: it goes on at the old offset, or from the beginning if the new topic has no such offset. So the sinks must be
    restarted whenever a topic was made again.
    """
    found = attempt_until_done(lambda: describe_origins(settings, origin_topics(settings)), BrokerError)
    return {name: origin.id for name, origin in found.items()}
