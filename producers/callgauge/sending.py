"""What a Gauge's delivery thread does with messages: encode, send, keep on disk, send again, count."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from callgauge.beating import Beating
from callgauge.counts import Counts, told_counts
from callgauge.errors import BrokerError
from callgauge.heartbeats import Heart
from callgauge.log_once import LogOnce
from callgauge.outgoing import Given, Outgoing
from callgauge.spill.spilling import Spilling, came_back
from callgauge.transport import Kind, Outbound, Transport

__all__ = ["BUSY_POLL_S", "Later", "Sender"]

#: What makes a message when its turn comes, on the delivery thread.
Later = Callable[[], Outbound]
# How long the thread stays in one poll while messages are under way; also how long a full transport is left alone.
BUSY_POLL_S = 0.02
# Without anything under way the thread sleeps, and looks after the connection this often.
IDLE_POLL_S = 5.0
# So many messages are written to disk at once.
SPILL_BATCH = 256


class Sender:
    """Sends what is put into `queue`. For the delivery thread, but for `queue`, `counts` and `waiting`.

    With a folder to spill to, the transport is given half of the capacity; when it has that and takes no more, what
    waits in the queue goes to disk. What is on disk is sent before anything newer.

    Args:
        capacity: the most that is pending.
        heart: makes heartbeats; None: there are none.
        spilling: keeps on disk what the bus does not take; None: nothing is kept.
        observe: is shown each call when it is encoded, once. Must not raise.
        is_over: whether the thread is to end.
        on_settled: called when nothing is pending any more.
    """

    def __init__(
        self,
        transport: Transport,
        outgoing: Outgoing,
        capacity: int,
        log: LogOnce,
        heart: Heart | None,
        spilling: Spilling | None,
        observe: Callable[[Outbound], None] | None,
        is_over: Callable[[], bool],
        on_settled: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._outgoing = outgoing
        self._capacity = capacity
        self._log = log
        self._beating = Beating(heart, transport, lambda: told_counts(self.counts, self.spilling), log)
        self.spilling = spilling
        self._observe = observe
        self._is_over = is_over
        self._on_settled = on_settled
        self._fresh()

    def _fresh(self) -> None:
        self.counts = Counts()
        self.queue: deque[Given | Outbound | Later] = deque()
        self._next: Outbound | None = None
        """The first of the queue, once it is encoded."""
        self._in_transport = 0
        self._returned: list[Outbound] = []
        """What came back from the transport and is still to be written to disk, or back to the queue."""
        self._reopens = False

    def reset_in_child(self) -> None:
        """After a fork, in the child: nothing queued or counted, no connection. The parent keeps its own."""
        self._transport.abandon()
        if self.spilling is not None:
            self.spilling.reset_in_child()
        self._beating.reset()
        self._fresh()

    @property
    def waiting(self) -> int:
        """What is neither delivered nor lost: in memory, and on disk."""
        return self.counts.pending + (self.spilling.waiting if self.spilling is not None else 0)

    @property
    def idle_s(self) -> float:
        """How long there is nothing to do if nothing comes."""
        return max(0.0, min(IDLE_POLL_S, self._beating.due_in_s))

    def open(self) -> None:
        """Make ready to send. Raises BrokerError."""
        self._transport.open(self._report)

    def send(self) -> bool:
        """Send what there is, as far as the transport takes it; True when all is sent. Raises BrokerError."""
        self._beating.beat_if_due()
        if self._send_queued():
            return True
        self.spill_if_full()
        return False

    def poll(self, timeout_s: float) -> None:
        """Let the transport work for at most this long."""
        self._transport.poll(timeout_s)
        self._keep_returned()

    def finish(self) -> None:
        """The end: tell so, let go of the connection, and keep on disk what is left."""
        self._beating.beat_last(has_answered=self.counts.delivered > 0)
        self.close()
        if self.spilling is not None:
            while self._spill_some():
                pass
            self.spilling.close()

    def close(self, *, reopens: bool = False) -> None:
        """Let go of the connection.

        Args:
            reopens: another will follow: what comes back is sent over that. Some of it may have arrived before; it has
                the ids that it had, so it counts once.
        """
        self._reopens = reopens
        try:
            self._transport.close(0)
            if self.spilling is not None:
                self.spilling.put_back()
            self._keep_returned()
        except Exception as error:  # nothing is left to do but to say so
            self._log.warn(f"close {type(error).__name__}", "the connection did not close: %s", error)
        finally:
            self._reopens = False

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
        return not self.queue

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
        while self._next is None and self.queue:
            given = self.queue[0]
            self._next = given if isinstance(given, Outbound) else self._message_of(given)
            if self._next is None:
                self.queue.popleft()
        return self._next

    def _leave_queue(self) -> None:
        self._next = None
        self.queue.popleft()

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
            message = Outbound("calls", *self._outgoing.message_of(call))
        except Exception as error:  # one bad call must not hold up the others
            self._log.warn("encode", "a call could not be encoded: %s", type(error).__name__)
            self._fail("encode")
            return None
        if self._observe is not None:
            self._observe(message)
        return message

    def _report(self, kind: Kind, reason: str | None, message: Outbound | None) -> None:
        """What became of a message. While a file is sent from disk, all but heartbeats are of that file."""
        if kind == "heartbeats":
            self._beating.settled(reason)
            return
        if self.spilling is not None and self.spilling.is_replaying:
            self.spilling.settled(reason)
            return
        self._in_transport -= 1
        if reason is None:
            self.counts.delivered += 1
        elif message is not None and came_back(reason) and (self._reopens or self.spilling is not None):
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
            self._on_settled()

    def spill_if_full(self) -> None:
        """Write the queue to disk once it holds a quarter of the capacity, which the transport does not take."""
        while len(self.queue) >= max(1, self._capacity // 4) and self._spill_some():
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
        self.queue.extendleft(reversed(messages))
        return False

    def _taken_first(self) -> Outbound | None:
        message = self._first()
        if message is not None:
            self._leave_queue()
        return message

    def _keep_returned(self) -> None:
        """Write to disk what came back from the transport: before all that is there, since it is older. Without a disk
        it goes back to the queue."""
        returned, self._returned = self._returned, []
        if self.spilling is None:
            self._put_back(returned)
            return
        for end in range(len(returned), 0, -SPILL_BATCH):
            batch = returned[max(0, end - SPILL_BATCH) : end]
            if self.spilling.keep(batch, first=True):
                self.counts.spilled += len(batch)
            else:
                for _ in batch:
                    self._fail("it came back, and the disk did not take it")

    def _put_back(self, returned: list[Outbound]) -> None:
        """To the beginning of the queue."""
        if returned and self._next is not None:  # encoded already: not again, since it is observed then
            self.queue[0], self._next = self._next, None
        self.queue.extendleft(reversed(returned))
