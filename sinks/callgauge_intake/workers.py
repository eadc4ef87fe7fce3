"""Runs workers, each on a thread of its own, until a signal comes. The first worker that fails ends the process."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from callgauge.errors import CallgaugeError

__all__ = ["Worker", "run_workers"]

log = logging.getLogger(__name__)


class Worker(Protocol):
    """A loop that sets `ready` when it has begun its work, and ends after `stop` was called."""

    @property
    def ready(self) -> threading.Event: ...
    def run(self) -> None: ...
    def stop(self) -> None: ...


def run_workers(workers: Mapping[str, Worker], ready_file: Path | None, stop: threading.Event | None = None) -> None:
    """Run all workers until SIGTERM, SIGINT, `stop` or the first failure, then stop each and wait for it.

    The signals are handled only if this is called on the main thread.

    Raises:
        SystemExit: with code 1 if a worker failed; the reason is in the log.
    """
    stop = stop or threading.Event()
    failed = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())

    def guard(name: str, worker: Worker) -> None:
        try:
            worker.run()
            if not (stop.is_set() or failed.is_set()):
                log.error("%s ended although nobody stopped it: this process ends, to be started again", name)
                failed.set()
        except CallgaugeError as error:
            log.error("%s ended: %s", name, error)
            failed.set()
        except BaseException:
            log.exception("%s ended by an error that callgauge does not know; it is a defect, please report it", name)
            failed.set()

    threads = [threading.Thread(target=guard, args=item, name=item[0]) for item in workers.items()]
    for thread in threads:
        thread.start()
    _watch(workers, ready_file, stop, failed)
    for worker in workers.values():
        worker.stop()
    for thread in threads:
        thread.join()
    if failed.is_set():
        raise SystemExit(1)


def _watch(workers: Mapping[str, Any], ready_file: Path | None, stop: threading.Event, failed: threading.Event) -> None:
    """Wait for a stop or a failure, and make the ready file once every worker is ready."""
    told = False
    while not stop.wait(0.1) and not failed.is_set():
        if not told and all(worker.ready.is_set() for worker in workers.values()):
            told = True
            log.info("ready: %s", ", ".join(workers))
            if ready_file is not None:
                ready_file.parent.mkdir(parents=True, exist_ok=True)
                ready_file.write_text(f"{time.time():.3f}\n")
