"""The process that `callgauge notify` runs."""

from __future__ import annotations

import logging
import queue
import threading
import time

from callgauge.errors import BrokerError
from callgauge.log_lines import log_to_stderr
from callgauge.settings import Settings
from callgauge_actions.alert_log import AlertLog
from callgauge_actions.publish import Publisher
from callgauge_intake.backoff import attempt_until_done
from callgauge_intake.client import open_consumer
from callgauge_intake.consumer import Intake
from callgauge_intake.metrics import Counted, serve_metrics
from callgauge_intake.workers import Worker, run_workers
from callgauge_notify.delivery.courier import Courier
from callgauge_notify.delivery.noting import Noting
from callgauge_notify.delivery.outbox import KafkaBus
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.heartbeat import Heartbeat
from callgauge_notify.notifier import Notifier
from callgauge_notify.process_facts import ProcessFacts
from callgauge_notify.processes import Processes
from callgauge_notify.processes_reader import ProcessesReader
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.made import receiver_of
from callgauge_notify.receivers.web import Web, allowed_by
from callgauge_notify.routing.load import load_routing
from callgauge_notify.routing.routes import Routing
from callgauge_notify.two_way.desk import Desk

__all__ = ["run"]

#: Slack wants an answer within three seconds.
_WRITE_S = 2.5

#: Libraries that log requests, whose paths and headers may be secrets.
_TALKATIVE = ("httpcore", "slack_sdk", "apprise")


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Tell alerts to the receivers of their routes until SIGTERM, SIGINT or `stop`.

    Raises:
        SystemExit: with code 1 if the loop failed; the reason is in the log.
        SettingError: the routes file or a receiver cannot be used.
    """
    log_to_stderr(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    routing = load_routing(settings)
    web, charts = Web(allowed_by(settings)), Charts()
    bus = KafkaBus(settings)
    attempt_until_done(bus.warm_up, BrokerError)
    noting = Noting(bus)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    couriers = {
        name: Courier(name, receiver_of(spec, routing, web, charts), spec.retry_for, noting.note, outcomes)
        for name, spec in routing.receivers.items()
    }
    intake = Intake(open_consumer(settings, "notify"), settings.topics.alerts.name, time.monotonic)
    processes = Processes()
    facts = ProcessFacts(processes, Publisher(settings, _WRITE_S).publish, time.time)
    notifier = Notifier(intake, routing, couriers, outcomes, noting, processes=processes, facts=facts)
    workers: dict[str, Worker] = {"notifier": notifier, "processes": ProcessesReader(settings, processes)}
    if settings.heartbeat_url.get_secret_value():
        workers["heartbeat"] = Heartbeat(settings, web, notifier)
    if settings.two_way_port:
        workers |= _two_way(settings, routing, web)
    serve_metrics(settings, "notify", [intake], [_counted(notifier)])
    run_workers(workers, settings.ready_file, stop)


def _counted(notifier: Notifier) -> Counted:
    """A notice is delivered once to each receiver of its route, or given up by it after its `retry_for`."""
    return Counted(
        *("notices", "Notices by what became of them.", ("outcome",)),
        lambda: {("delivered",): notifier.delivered, ("given_up",): notifier.given_up},
    )


def _two_way(settings: Settings, routing: Routing, web: Web) -> dict[str, Worker]:
    from callgauge_notify.two_way.server import TwoWayServer  # takes long to import, and is seldom needed

    desk = Desk(AlertLog(settings), Publisher(settings, _WRITE_S))
    return {"alerts reader": desk, "two-way server": TwoWayServer(settings, routing, desk, web)}
