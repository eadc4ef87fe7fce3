"""The process that `callgauge notify` runs."""

from __future__ import annotations

import threading
import time

from callgauge.log_lines import log_to_stderr
from callgauge.settings import Settings
from callgauge_intake.consumer import Intake, open_consumer
from callgauge_intake.workers import Worker, run_workers
from callgauge_notify.configured import channels_of
from callgauge_notify.notifier import Notifier

__all__ = ["run"]


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Deliver alerts to every configured channel until SIGTERM, SIGINT or `stop`.

    Raises:
        SystemExit: with code 1 if a channel's loop failed; the reason is in the log.
        SettingError: no channel is configured.
    """
    log_to_stderr(settings.log_level)
    workers: dict[str, Worker] = {}
    for channel in channels_of(settings):
        # Each channel has a consumer group of its own, so that a webhook that is down does not hold up the others.
        consumer = open_consumer(settings, f"notify-{channel.name}")
        intake = Intake(consumer, settings.topics.alerts.name, time.monotonic)
        workers[f"notifier {channel.name}"] = Notifier(intake, channel)
    run_workers(workers, settings.ready_file, stop)
