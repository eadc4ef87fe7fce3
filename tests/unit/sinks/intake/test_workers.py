"""One worker that ends by itself ends all."""

from __future__ import annotations

import logging
import threading

import pytest

from callgauge.errors import StoreError
from callgauge_intake.workers import run_workers


class Waiting:
    """Runs until it is stopped."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.stopped = threading.Event()

    def run(self) -> None:
        self.ready.set()
        self.stopped.wait()

    def stop(self) -> None:
        self.stopped.set()


class Ending(Waiting):
    """Ends at once: with an error if it was given one."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self._error = error

    def run(self) -> None:
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, "sink b ended although nobody stopped it: this process ends, to be started again"),
        (StoreError("no such table"), "sink b ended: no such table"),
        (KeyError("x"), "sink b ended by an error that callgauge does not know; it is a defect, please report it"),
    ],
)
def test_a_worker_that_ends_ends_all(error: BaseException | None, said: str, caplog: pytest.LogCaptureFixture) -> None:
    """The others are stopped, the exit code is 1, and the log says which one it was."""
    other = Waiting()
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as ended:
        run_workers({"sink a": other, "sink b": Ending(error)}, None)
    assert ended.value.code == 1
    assert other.stopped.is_set()
    assert [record.getMessage() for record in caplog.records] == [said]


def test_workers_that_are_stopped_end_well(caplog: pytest.LogCaptureFixture) -> None:
    """No error, no exit code."""
    workers, stop = {"a": Waiting(), "b": Waiting()}, threading.Event()

    def stop_when_ready() -> None:
        for worker in workers.values():
            worker.ready.wait()
        stop.set()

    threading.Thread(target=stop_when_ready).start()
    with caplog.at_level(logging.ERROR):
        run_workers(workers, None, stop)
    assert not caplog.records
