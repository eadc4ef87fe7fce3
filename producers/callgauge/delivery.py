"""From a Gauge's queue to its transport: one bounded queue, one daemon thread per process."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from dataclasses import dataclass

from callgauge.errors import BrokerError
from callgauge.log_once import LogOnce
from callgauge.outgoing import Given, Outgoing
from callgauge.transport import Transport

__all__ = ["ATEXIT_S", "Counts", "Delivery", "LogOnce"]

#: How long all deliveries together may hold up the end of the process, in seconds.
ATEXIT_S = 5.0

# How long the thread stays in one poll while messages are under way; also how long a full transport is left alone.
BUSY_POLL_S = 0.02
# Woken by a first call, the thread lets others gather: one wake-up a batch spares the host's threads the rest.
GATHER_S = 0.01
# Without anything under way the thread sleeps, and looks after the connection this often.
IDLE_POLL_S = 5.0
RETRY_S = (0.5, 30.0)


@dataclass
class Counts:
    """What became of the calls of this process."""

    taken: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    invalid: int = 0

    @property
    def pending(self) -> int:
        """Taken and neither delivered nor failed yet."""
        return self.taken - self.delivered - self.failed


class Delivery:
    """Takes calls without waiting, and sends them on a daemon thread that starts with the first.

    `capacity` bounds all calls that are pending, those inside the transport included.
    """

    def __init__(self, transport: Transport, outgoing: Outgoing, capacity: int, log: LogOnce) -> None:
        self._transport = transport
        self._outgoing = outgoing
        self._capacity = capacity
        self._log = log
        self._fresh()
        _deliveries.add(self)

    def _fresh(self) -> None:
        self.counts = Counts()
        self._queue: deque[Given] = deque()
        # Re-entrant: a signal handler or finalizer of the host may emit while its own thread is inside `offer`.
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._thread: threading.Thread | None = None
        self._close_by: float | None = None

    def reset_in_child(self) -> None:
        """After a fork, in the child: nothing queued or counted, no thread, no connection. The parent keeps its own."""
        closed = self._close_by is not None
        self._transport.abandon()
        self._fresh()
        self._close_by = 0.0 if closed else None

    def offer(self, call: Given) -> bool:
        """Take a call, or count it as dropped: when `capacity` is reached, or after `close`. Never waits."""
        with self._lock:
            if self._close_by is not None or self.counts.pending >= self._capacity:
                self.counts.dropped += 1
                return False
            if self._thread is None or not self._thread.is_alive():
                self._start()
            self.counts.taken += 1
            self._queue.append(call)
        if not self._wake.is_set():
            self._wake.set()
        return True

    def count(self, *, dropped: int = 0, invalid: int = 0) -> None:
        """Count calls that were not even offered."""
        with self._lock:
            self.counts.dropped += dropped
            self.counts.invalid += invalid

    def flush(self, timeout_s: float) -> int:
        """Wait until nothing is pending, at most `timeout_s` seconds. Returns what is still pending."""
        with self._settled:
            self._settled.wait_for(lambda: self.counts.pending <= 0, timeout_s)
        return self.counts.pending

    def retire(self, timeout_s: float) -> None:
        """Take no more, go on delivering for at most `timeout_s` seconds, then end the thread. Does not wait."""
        with self._lock:
            if self._close_by is None:
                self._close_by = time.monotonic() + timeout_s
        self._wake.set()

    def close(self, timeout_s: float) -> int:
        """`retire`, and wait for it. Returns how many calls were not delivered."""
        failed_before = self.counts.failed
        self.retire(timeout_s)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s + 2.0)
        return self.counts.pending + self.counts.failed - failed_before

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="callgauge", daemon=True)
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        """The delivery thread: open, deliver until told to end, open again should the connection be beyond use."""
        pause_s = RETRY_S[0]
        while not self._is_over():
            try:
                self._transport.open(self._report)
                self._deliver()
            except Exception as error:  # the host must not be hurt, and the next try may do better
                self._log.warn(f"transport {type(error).__name__}", "calls cannot be sent, trying again: %s", error)
                self._close_transport()
                self._pause(pause_s)
                pause_s = min(2 * pause_s, RETRY_S[1])
        self._close_transport()

    def _deliver(self) -> None:
        while True:
            # Cleared before the queue and the end are looked at: what comes after finds it clear, and sets it.
            self._wake.clear()
            if self._is_over():
                return
            all_sent = self._send_queued()
            if not all_sent or self.counts.pending or self._close_by is not None:
                self._transport.poll(BUSY_POLL_S)
            else:
                if self._wake.wait(IDLE_POLL_S) and self._close_by is None:
                    time.sleep(GATHER_S)
                self._transport.poll(0)

    def _send_queued(self) -> bool:
        """Send what is queued, oldest first, until the transport is full or time is up; True when all is sent.

        A call leaves the queue when it is taken.
        """
        queue = self._queue
        while queue and not self._is_over():
            if not self._send(queue[0]):
                return False
            queue.popleft()
        return not queue

    def _send(self, call: Given) -> bool:
        message = self._message_of(call)
        if message is None:
            return True
        try:
            return self._transport.send(*message)
        except BrokerError:
            raise
        except Exception as error:  # this call's fault, as far as one can tell: the next must not wait behind it
            self._report(type(error).__name__)
            return True

    def _message_of(self, call: Given) -> tuple[bytes, bytes] | None:
        try:
            return self._outgoing.message_of(call)
        except Exception as error:  # one bad call must not hold up the others
            self._log.warn("encode", "a call could not be encoded: %s", type(error).__name__)
            self._report("encode")
            return None

    def _report(self, reason: str | None) -> None:
        if reason is None:
            self.counts.delivered += 1
        else:
            self.counts.failed += 1
            self._log.warn(f"failed {reason}", "a call was not delivered: %s", reason)
        if self.counts.pending <= 0:
            with self._settled:
                self._settled.notify_all()

    def _is_over(self) -> bool:
        if self._close_by is None:
            return False
        return self.counts.pending <= 0 or time.monotonic() >= self._close_by

    def _pause(self, seconds: float) -> None:
        """Wait before another try; once the delivery is closed only briefly, as little time is left."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._wake.clear()
            if self._close_by is not None:
                time.sleep(max(0.0, min(left, 0.1, self._close_by - time.monotonic())))
                return
            self._wake.wait(left)

    def _close_transport(self) -> None:
        try:
            self._transport.close(0)
        except Exception as error:  # nothing is left to do but to say so
            self._log.warn(f"close {type(error).__name__}", "the connection did not close: %s", error)


# Hooks of the process can not be taken back, so there is one of each, over whatever deliveries are alive.
_deliveries: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _close_all() -> None:
    until = time.monotonic() + ATEXIT_S
    for delivery in list(_deliveries):
        delivery.close(max(0.0, until - time.monotonic()))


def _reset_all_in_child() -> None:
    for delivery in list(_deliveries):
        delivery.reset_in_child()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_reset_all_in_child)
