"""From a Gauge's queue to its transport: one bounded queue, one daemon thread per process."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from callgauge.errors import BrokerError
from callgauge.heartbeats import Heart
from callgauge.log_once import LogOnce
from callgauge.outgoing import Given, Outgoing
from callgauge.spill.spilling import Spilling, came_back
from callgauge.transport import Kind, Outbound, Transport

__all__ = ["ATEXIT_S", "Counts", "Delivery", "Later", "LogOnce"]

#: What makes a message when its turn comes, on the delivery thread.
Later = Callable[[], Outbound]
#: How long all deliveries together may hold up the end of the process, in seconds.
ATEXIT_S = 5.0

# How long the thread stays in one poll while messages are under way; also how long a full transport is left alone.
BUSY_POLL_S = 0.02
# Woken by a first call, the thread lets others gather: one wake-up a batch spares the host's threads the rest.
GATHER_S = 0.01
# Without anything under way the thread sleeps, and looks after the connection this often.
IDLE_POLL_S = 5.0
RETRY_S = (0.5, 30.0)
# How long the end of a delivery waits for its last heartbeat.
LAST_BEAT_S = 0.5
# So many messages are written to disk at once.
SPILL_BATCH = 256


@dataclass
class Counts:
    """What became of the calls and judgements of this process."""

    taken: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    invalid: int = 0
    spilled: int = 0

    @property
    def pending(self) -> int:
        """Taken, and in memory still."""
        return self.taken - self.delivered - self.failed - self.spilled


class Delivery:
    """Takes calls without waiting, and sends them on a daemon thread that starts with the first.

    `capacity` bounds all calls that are pending, those inside the transport included. With a folder to spill to, the
    transport is given half of that; when it has them and takes no more, what waits in the queue goes to disk.

    Args:
        heart: makes heartbeats; None: there are none.
        spilling: keeps on disk what the bus does not take; None: nothing is kept. Also an attribute.
        observe: is shown each message when it is encoded, once.
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
        self._transport = transport
        self._outgoing = outgoing
        self._capacity = capacity
        self._log = log
        self._heart = heart
        self.spilling = spilling
        self._observe = observe
        self._fresh()
        _deliveries.add(self)

    def _fresh(self) -> None:
        self.counts = Counts()
        self._queue: deque[Given | Outbound | Later] = deque()
        self._next: Outbound | None = None
        """The first of the queue, once it is encoded."""
        self._in_transport = 0
        self._returned: list[Outbound] = []
        """What came back from the transport and is still to be written to disk."""
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
        if self.spilling is not None:
            self.spilling.reset_in_child()
        if self._heart is not None:
            self._heart.reset()
        self._fresh()
        self._close_by = 0.0 if closed else None

    def start(self) -> None:
        """Start the thread before there is anything to send, for heartbeats and for what waits on disk."""
        with self._lock:
            if self._thread is None and self._close_by is None:
                self._start()

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
            self._settled.wait_for(lambda: self._waiting() <= 0, timeout_s)
        return self._waiting()

    def _waiting(self) -> int:
        return self.counts.pending + (self.spilling.waiting if self.spilling is not None else 0)

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
                self._transport.open(self._report)
                self._deliver()
            except Exception as error:  # the host must not be hurt, and the next try may do better
                self._log.warn(f"transport {type(error).__name__}", "calls cannot be sent, trying again: %s", error)
                self._close_transport()
                self._spill_if_full()
                self._pause(pause_s)
                pause_s = min(2 * pause_s, RETRY_S[1])
        self._beat_last()
        self._close_transport()
        if self.spilling is not None:
            while self._spill_some():
                pass
            self.spilling.close()

    def _deliver(self) -> None:
        while True:
            # Cleared before the queue and the end are looked at: what comes after finds it clear, and sets it.
            self._wake.clear()
            if self._is_over():
                return
            self._beat_if_due()
            all_sent = self._send_queued()
            if not all_sent:
                self._spill_if_full()
            if not all_sent or self.counts.pending or self._close_by is not None:
                self._transport.poll(BUSY_POLL_S)
            else:
                if self._wake.wait(self._idle_s()) and self._close_by is None:
                    time.sleep(GATHER_S)
                self._transport.poll(0)
            self._keep_returned()

    def _idle_s(self) -> float:
        return IDLE_POLL_S if self._heart is None else max(0.0, min(IDLE_POLL_S, self._heart.due_in_s))

    def _send_queued(self) -> bool:
        """Send what is on disk, then what is queued, oldest first, until the transport is full or time is up; True when
        all is sent.

        A call leaves the queue when it is taken.
        """
        if self.spilling is not None and not self._replay(self.spilling):
            return False
        most = self._capacity if self.spilling is None else max(1, self._capacity // 2)
        while not self._is_over() and (message := self._first()) is not None:
            if self._in_transport >= most or not self._send(message):
                return False
            self._leave_queue()
        return not self._queue

    def _replay(self, spilling: Spilling) -> bool:
        """Send what is on disk; True when nothing is. What the transport has is older, and goes first."""
        spilling.adopt_if_due()
        while spilling.waiting and not self._is_over():
            if not spilling.is_replaying and (self._in_transport or not spilling.begin_file()):
                return not spilling.waiting
            if not spilling.send_file(partial(self._send_from_disk, spilling)):
                return False
            self._tell_if_settled()
        return not spilling.waiting

    def _send_from_disk(self, spilling: Spilling, message: Outbound) -> bool:
        try:
            return self._transport.send(message)
        except BrokerError:
            raise
        except Exception as error:  # as in `_send`
            spilling.settled(type(error).__name__)
            return True

    def _first(self) -> Outbound | None:
        """The first of the queue as a message; None when the queue is empty. What cannot be encoded fails."""
        while self._next is None and self._queue:
            given = self._queue[0]
            self._next = given if isinstance(given, Outbound) else self._message_of(given)
            if self._next is None:
                self._queue.popleft()
            elif self._observe is not None:
                self._observe(self._next)
        return self._next

    def _leave_queue(self) -> None:
        self._next = None
        self._queue.popleft()

    def _send(self, message: Outbound) -> bool:
        self._in_transport += 1
        taken = False
        try:
            taken = self._transport.send(message)
        except BrokerError:
            raise
        except Exception as error:  # this call's fault, as far as one can tell: the next must not wait behind it
            taken = True
            self._report(message.kind, type(error).__name__, None)
        finally:
            self._in_transport -= not taken
        return taken

    def _message_of(self, call: Given | Later) -> Outbound | None:
        try:
            if callable(call):
                return call()
            return Outbound("calls", *self._outgoing.message_of(call))
        except Exception as error:  # one bad call must not hold up the others
            self._log.warn("encode", "a call could not be encoded: %s", type(error).__name__)
            self._fail("encode")
            return None

    def _report(self, kind: Kind, reason: str | None, message: Outbound | None) -> None:
        """What became of a message. While a file is sent from disk, all but heartbeats are of that file."""
        if kind == "heartbeats":
            if self._heart is not None:
                self._heart.settled(reason)
            if reason is not None and not came_back(reason):
                self._log.warn(f"heartbeat {reason}", "a heartbeat was not delivered: %s", reason)
            return
        if self.spilling is not None and self.spilling.is_replaying:
            self.spilling.settled(reason)
            return
        self._in_transport -= 1
        if reason is None:
            self.counts.delivered += 1
        elif self.spilling is not None and message is not None and came_back(reason):
            self._returned.append(message)
        else:
            self._fail(reason)
        self._tell_if_settled()

    def _fail(self, reason: str) -> None:
        self.counts.failed += 1
        self._log.warn(f"failed {reason}", "a call was not delivered: %s", reason)
        self._tell_if_settled()

    def _tell_if_settled(self) -> None:
        if self.counts.pending <= 0:
            with self._settled:
                self._settled.notify_all()

    def _spill_if_full(self) -> None:
        """Write the queue to disk once it holds a quarter of the capacity, which the transport does not take."""
        while len(self._queue) >= max(1, self._capacity // 4) and self._spill_some():
            pass

    def _spill_some(self) -> bool:
        """Write the first of the queue to disk; False if nothing was, or could be, written."""
        if self.spilling is None:
            return False
        messages = [message for _ in range(SPILL_BATCH) if (message := self._taken_first()) is not None]
        if not messages:
            return False
        if self.spilling.keep(messages):
            self.counts.spilled += len(messages)
            return True
        self._queue.extendleft(reversed(messages))
        return False

    def _taken_first(self) -> Outbound | None:
        message = self._first()
        if message is not None:
            self._leave_queue()
        return message

    def _keep_returned(self) -> None:
        """Write to disk what came back from the transport: before all that is there, since it is older."""
        returned, self._returned = self._returned, []
        if not returned or self.spilling is None:
            return
        if self.spilling.keep(returned, first=True):
            self.counts.spilled += len(returned)
        else:
            for _ in returned:
                self._fail("came back, and the disk took it not")

    def _heart_counts(self) -> dict[str, int]:
        counts = {name: count for name, count in asdict(self.counts).items() if name != "taken"}
        counts |= {"emitted": self.counts.taken, "waiting": max(0, self.counts.pending)}
        if self.spilling is not None:
            counts |= {"replayed": self.spilling.replayed, "on_disk": self.spilling.waiting}
            counts["replay_failed"] = self.spilling.failed
        return counts

    def _beat_if_due(self) -> None:
        if self._heart is None or self._heart.due_in_s > 0:
            return
        try:
            self._heart.beat_if_due(self._transport.send, self._heart_counts())
        except BrokerError:
            raise
        except Exception as error:  # calls go on without it
            self._log.warn(
                f"heartbeat {type(error).__name__}", "a heartbeat was not sent: %s: %s", type(error).__name__, error
            )

    def _beat_last(self) -> None:
        """Tell that the Gauge is closed; only where the broker has answered before, so that nobody waits in vain."""
        heart = self._heart
        if heart is None or not heart.was_delivered or heart.is_under_way:
            return
        try:
            heart.beat(self._transport.send, self._heart_counts(), closed=True)
            until = time.monotonic() + LAST_BEAT_S
            while heart.is_under_way and time.monotonic() < until:
                self._transport.poll(BUSY_POLL_S)
        except Exception as error:  # the end goes on
            self._log.warn(
                f"heartbeat {type(error).__name__}",
                "the last heartbeat was not sent: %s: %s",
                type(error).__name__,
                error,
            )

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
            self._spill_if_full()

    def _close_transport(self) -> None:
        try:
            self._transport.close(0)
            if self.spilling is not None:
                self.spilling.put_back()
            self._keep_returned()
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
