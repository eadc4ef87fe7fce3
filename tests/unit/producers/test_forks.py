"""A fork waits for what a thread of ours must not leave half done, and the child can go on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from callgauge.forks import SETTLED_S, Settling, no_fork
from tests.forked import Child


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits() -> None:
    """While another thread is inside `no_fork`; then parent and child may both enter it."""
    inside, leave, order = threading.Event(), threading.Event(), list[str]()

    def hold() -> None:
        with no_fork():
            inside.set()
            leave.wait(60)
            order.append("left")

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(60)
    threading.Timer(0.05, leave.set).start()

    def enter() -> str:
        with no_fork():
            return " ".join(order)

    child = Child(enter)
    order.append("forked")
    thread.join()
    assert child.result() == "left"
    assert order == ["left", "forked"]
    with no_fork():
        pass


def forked_s() -> float:
    """How long a fork takes, seconds; the child may go on."""
    begun = time.monotonic()
    child = Child(lambda: str(Settling().is_over))
    took_s = time.monotonic() - begun
    assert child.result() == "False"
    return took_s


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_waits_until_a_connection_stands() -> None:
    """Then it happens at once; meanwhile others may enter `no_fork`."""
    with no_fork():
        connecting = Settling()
    order: list[str] = []

    def connect() -> None:
        with no_fork():
            order.append("settled")
        connecting.done()

    threading.Timer(0.05, connect).start()
    assert forked_s() < SETTLED_S
    assert order == ["settled"]
    assert forked_s() < SETTLED_S


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_does_not_wait_for_a_broker_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that never stands holds up the forks of its first seconds only."""
    monkeypatch.setattr("callgauge.forks.SETTLED_S", 0.1)
    connecting = Settling()
    assert forked_s() >= 0.09
    assert connecting.is_over
    connecting.done()


IMPORTED_BY = """
import sys, threading
from callgauge import Gauge, load_settings
before = {"confluent_kafka" in sys.modules}
gauge = Gauge(load_settings(service="s", bootstrap_servers="127.0.0.1:1"))
before.add("confluent_kafka.cimpl" in sys.modules)
modules = set(sys.modules)
gauge.emit(model="m", status="error", tags={"a": 1})
gauge.flush(0.5)
print(before == {False, True}, sorted(set(sys.modules) - modules))
"""


def test_nothing_is_imported_after_a_gauge_is_made() -> None:
    """Not by its delivery thread, which a fork may find in the middle of it."""
    run = subprocess.run([sys.executable, "-c", IMPORTED_BY], capture_output=True, text=True, check=True)
    assert run.stdout == "True []\n"
