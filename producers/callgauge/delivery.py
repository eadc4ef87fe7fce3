"""From a Gauge's queue to its transport: one bounded queue, one daemon thread per process."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable

from callgauge.forks import reset_in_children
from callgauge.heartbeats import Heart
from callgauge.log_once import LogOnce
from callgauge.outgoing import Given, Outgoing
from callgauge.sending import BUSY_POLL_S, Later, Sender
from callgauge.spill.spilling import Spilling
from callgauge.transport import Outbound, Transport

__all__ = ["ATEXIT_S", "Delivery", "LogOnce"]

#: How long all deliveries together may hold up the end of the process, in seconds.
ATEXIT_S = 5.0

# Woken by a first call, the thread lets others gather: one wake-up a batch spares the host's threads the rest.
GATHER_S = 0.01
RETRY_S = (0.5, 30.0)


class Delivery:
    """Takes calls without waiting, and sends them on a daemon thread that starts with the first, or by `start`.

    `capacity` bounds all calls that are pending, those inside the transport included. For the other arguments see
    `Sender`.
    """

    def __init__(
        self,
        transport: Transport,
        outgoing: Outgoing,
        capacity: int,
        log: LogOnce,
        *,
        heart: Heart | None = None,
        spilling: Spilling | None = None,
        observe: Callable[[Outbound], None] | None = None,
    ) -> None:
        self._capacity = capacity
        self._log = log
        self._sender = Sender(
            transport, outgoing, capacity, log, heart, spilling, observe, self._is_over, self._tell_settled
        )
        self.spilling = spilling
        self._fresh()
        _deliveries.add(self)
        reset_in_children(self)

    def _fresh(self) -> None:
        self.counts, self._queue = self._sender.counts, self._sender.queue
        # Re-entrant: a signal handler or finalizer of the host may emit while its own thread is inside `offer`.
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._settled = threading.Condition()
        self._thread: threading.Thread | None = None
        self._close_by: float | None = None

    def reset_in_child(self) -> None:
        """After a fork, in the child: nothing queued or counted, no thread, no connection. The parent keeps its own."""
        closed = self._close_by is not None
        self._sender.reset_in_child()
        self._fresh()
        self._close_by = 0.0 if closed else None

    def start(self) -> None:
        """Start the thread before there is anything to send, for heartbeats and for what waits on disk."""
        with self._lock:
            if self._thread is None and self._close_by is None:
                try:
                    self._start()
                except RuntimeError as error:  # no more threads; the first call tries again
                    self._log.warn("start", "the delivery thread could not be started: %s", error)

    def offer(self, call: Given | Outbound | Later) -> bool:
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
        """Wait until nothing is pending or on disk, at most `timeout_s` seconds. Returns how much still is."""
        with self._settled:
            self._settled.wait_for(lambda: self._sender.waiting <= 0, timeout_s)
        return self._sender.waiting

    def _tell_settled(self) -> None:
        with self._settled:
            self._settled.notify_all()

    def retire(self, timeout_s: float) -> None:
        """Take no more, go on delivering for at most `timeout_s` seconds, then end the thread. Does not wait."""
        with self._lock:
            if self._close_by is None:
                self._close_by = time.monotonic() + timeout_s
        self._wake.set()

    def close(self, timeout_s: float) -> int:
        """`retire`, and wait for it. Returns how many calls were neither delivered nor kept on disk."""
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
                self._sender.open()
                self._deliver()
            except Exception as error:  # the host must not be hurt, and the next try may do better
                self._log.warn(f"transport {type(error).__name__}", "calls cannot be sent, trying again: %s", error)
                self._sender.close(reopens=True)
                self._sender.spill_if_full()
                self._pause(pause_s)
                pause_s = min(2 * pause_s, RETRY_S[1])
        self._sender.finish()

    def _deliver(self) -> None:
        while True:
            # Cleared before the queue and the end are looked at: what comes after finds it clear, and sets it.
            self._wake.clear()
            if self._is_over():
                return
            all_sent = self._sender.send()
            if not all_sent or self.counts.pending or self._close_by is not None:
                self._sender.poll(BUSY_POLL_S)
            else:
                if self._wake.wait(self._sender.idle_s) and self._close_by is None:
                    time.sleep(GATHER_S)
                self._sender.poll(0)

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
            self._sender.spill_if_full()


# A hook of the process can not be taken back, so there is one, over whatever deliveries are alive.
_deliveries: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _close_all() -> None:
    until = time.monotonic() + ATEXIT_S
    for delivery in list(_deliveries):
        delivery.close(max(0.0, until - time.monotonic()))


atexit.register(_close_all)
