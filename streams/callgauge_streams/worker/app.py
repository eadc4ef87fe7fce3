"""What the two Faust apps share: settings, topics of chunks, the start of a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiokafka
import faust
from faust import Event, Schema
from faust.tables import TableManager
from faust.types import TP
from faust.types.auth import SASLMechanism
from yarl import URL

from callgauge import origins
from callgauge.errors import BrokerError, SettingError
from callgauge.log_lines import log_to_stderr
from callgauge.settings import Settings
from callgauge_streams.bus.aiokafka_security import aiokafka_options
from callgauge_streams.bus.fetching import TransportConfig
from callgauge_streams.bus.position import Reading
from callgauge_streams.bus.takeover import Start, StartOf, Stored
from callgauge_streams.bus.transport import ChunkTransport
from callgauge_streams.worker.library_lines import LibraryLines
from callgauge_streams.worker.metrics import Metrics
from callgauge_streams.worker.watchdog import start_watchdog

__all__ = [
    "ChunkSchema",
    "Origins",
    "chunk_topic",
    "describe_origins",
    "make_app",
    "run_worker",
    "use_blocks",
    "use_chunks",
    "wrong_partitions",
]

log = logging.getLogger(__name__)

# An orderly end takes about two seconds. It may hang: after a crash, and while the broker is gone, since then nothing
# can be sent, committed or left. What was not committed is read again, so cutting it short loses nothing.
_CRASH_GRACE_S = 5.0
_STOP_GRACE_S = 15.0


class NoTables(TableManager):
    """Faust's table manager for an app without tables."""

    async def on_start(self) -> None:
        """Go on at once: Faust waits a second here, so that tables can be registered."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """Faust's app, which leaves no folder behind: without tables it has nothing to keep."""

    def _create_directories(self) -> None:
        """Faust would make folders for tables in the temporary folder."""


class Worker(faust.Worker):
    """Faust's process, which ends a second sooner and logs as callgauge's other processes do."""

    def _setup_logging(self) -> None:
        """Faust's own lines would show control characters as they come, and draw a spinner among them."""
        self.spinner = None
        log_to_stderr(str(self.loglevel), *([] if self.loglevel == "DEBUG" else [LibraryLines()]))
        log.info("starting; what this worker reads is logged when the group has assigned it")

    def _on_shutdown_immediately(self) -> None:
        """Nothing: Faust would print an empty line after a spinner that there is not, when a signal comes early."""

    async def _stop_on_signal(self, signal: signal.Signals) -> None:
        log.info("%s: ending after what is under way is sent and committed", signal.name)
        threading.Thread(target=_end_after_signal, args=(signal.name,), name="stop-watch", daemon=True).start()
        await super()._stop_on_signal(signal)

    async def _sentinel_task(self) -> None:
        """Nothing to wait for: when this is called the app has stopped and all its tasks have been gathered; Faust
        would sleep for a second before it closes the loop."""


def make_app(settings: Settings, role: str) -> Any:
    """A Faust app of one role, set up as the transport needs it."""
    if os.environ.get("NO_CYTHON"):
        raise SettingError("NO_CYTHON is set; the workers run on Faust's compiled parts only: unset it")
    group = settings.group(role)
    return App(
        group,
        broker=";".join(f"kafka://{server}" for server in settings.bootstrap_servers.split(",")),
        broker_credentials=_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_request_timeout=max(90.0, settings.session_timeout_s + 30),
        broker_max_poll_records=settings.fetch_max_records,
        broker_commit_interval=1.0,
        # Where to read is always set by a takeover. When retention overtakes a running worker, "earliest" would go on
        # without a word; it
        # must end, so that the next takeover says what is lost.
        consumer_auto_offset_reset="none",
        consumer_metadata_max_age_ms=3_000,  # new partitions are noticed within so long, not within five minutes
        consumer_group_instance_id=settings.worker_name or None,
        agent_supervisor="mode.CrashingSupervisor",  # an exception must end the process, or a chunk is lost
        processing_guarantee="at_least_once",
        stream_wait_empty=False,  # True hangs rebalance and SIGTERM while a block is held
        stream_buffer_maxsize=2,  # counted in chunks, each of some megabytes
        topic_disable_leader=True,
        topic_allow_declare=False,  # `callgauge topics` makes topics
        producer_acks=-1,
        producer_compression_type="zstd",  # a third smaller than with lz4, which aiokafka runs at its slowest level
        producer_linger_ms=5,
        # A send to a partition whose batch is full waits until the broker has it: of 16 KB, which is the default, three
        # rows were. However badly it compresses it stays below a broker's usual limit of 1 MB.
        producer_max_batch_size=512 << 10,
        producer_max_request_size=4_000_000,
        web_enabled=False,
        store="memory://",
        TableManager=NoTables,
    )


def _credentials(settings: Settings) -> Any:
    """What Faust makes aiokafka's options of."""
    security = settings.security
    options = aiokafka_options(security)
    tls = options.get("ssl_context")
    if security.uses_tokens:
        return faust.OAuthCredentials(oauth_cb=options["sasl_oauth_token_provider"], ssl_context=tls)
    if security.uses_sasl:
        return faust.SASLCredentials(
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            mechanism=SASLMechanism(options["sasl_mechanism"]),
            ssl_context=tls,
        )
    return faust.SSLCredentials(tls) if security.uses_tls else None


def run_worker(app: Any, settings: Settings) -> None:
    """Run until SIGTERM; exits the process, non-zero after a crash."""
    metrics = app.transport.config.metrics

    def read() -> Mapping[Any, Reading]:
        return app._consumer.readings() if app._consumer else {}  # app.consumer would make one, in the wrong thread

    metrics.serve(settings, read)
    steps = app.transport.config.steps
    start_watchdog(
        metrics.role, settings.stall_s, lambda: {"{}-{}".format(*tp): at for tp, at in read().items()}, steps.now
    )
    threading.Thread(target=_end_after_crash, args=(app,), name="crash-watch", daemon=True).start()
    Worker(app, loglevel=settings.log_level, redirect_stdouts=False).execute_from_commandline()


def _end_after_crash(app: Any) -> None:
    """End the process for good when its orderly end hangs after a crash (a rebalance may wait for a dead loop)."""
    while not app.crashed:
        time.sleep(1.0)
    _end_unless_ended(_CRASH_GRACE_S, "the error above", "ended with code 1, to be started again")


def _end_after_signal(name: str) -> None:
    """End the process for good when its orderly end hangs."""
    _end_unless_ended(_STOP_GRACE_S, name, "is the broker gone? Ended with code 1; what is not committed is read again")


def _end_unless_ended(grace_s: float, after: str, then: str) -> None:
    time.sleep(grace_s)
    print(f"callgauge: still running {grace_s:g} s after {after}: {then}", file=sys.stderr, flush=True)
    os._exit(1)


@dataclass(frozen=True)
class Origins:
    """ "cluster id/topic id" of each topic: a topic that was made anew, or is on another cluster, is another source."""

    calls: str
    scores: str
    windows: str


def describe_origins(settings: Settings) -> Origins:
    """What the workers read and write.

    Raises:
        BrokerError: the cluster cannot be reached, a topic is missing, or the windows topic has another number of
            partitions than rows are spread over.
    """
    topics = settings.topics
    calls, scores, windows = topics.calls.name, topics.scores.name, topics.windows.name
    found = origins.describe_origins(settings, (calls, scores, windows))
    partitions = found[windows].partitions
    if partitions != settings.windows_partitions:
        raise BrokerError(wrong_partitions(settings, partitions))
    return Origins(calls=found[calls].id, scores=found[scores].id, windows=found[windows].id)


def wrong_partitions(settings: Settings, partitions: int) -> str:
    """What to do when the windows topic has another number of partitions than rows are spread over."""
    topics, wanted = settings.topics, settings.windows_partitions
    return (
        f"{topics.windows.name} has {partitions} partitions, CALLGAUGE_WINDOWS_PARTITIONS is {wanted}: all rows of a "
        f"series must stay in one partition, so partitions cannot be added while it is in use. If the setting was "
        f"changed, set it back to {partitions}. If partitions were added, stop rollup and detect, delete "
        f"{topics.windows.name}, {topics.alerts.name}, {topics.alerts_current.name} and {topics.detect_state.name}, "
        f"make them anew with `callgauge topics`, and start again: alerts begin anew, the history in ClickHouse stays"
    )


class ChunkSchema(Schema[Any, Any]):
    """Bypasses Faust's codecs: the value of an event is the chunk itself."""

    def compile(self, app: Any, **kwargs: Any) -> Any:
        async def decode(message: Any, **_: Any) -> Event:
            return Event(app, None, message.value, message.headers, message)

        return decode


def chunk_topic(app: Any, *names: str) -> Any:
    """Topics whose messages are chunks. Faust must not keep its list of acknowledged offsets, which nothing would ever
    empty."""
    return app.topic(*names, schema=ChunkSchema(), acks=False)


def use_chunks(
    app: Any,
    *,
    start_of: Callable[[aiokafka.AIOKafkaConsumer, TP, int | None], Awaitable[int]],
    on_revoked: Callable[[Iterable[TP]], None],
    metrics: Metrics,
) -> None:
    """Give a Faust app this transport, for a topic without blocks.

    Args:
        start_of: where to begin reading a partition, given its committed offset (None at the very first start).
        on_revoked: called before partitions go, to drop their state.
    """

    async def start(consumer: aiokafka.AIOKafkaConsumer, tp: TP, stored: Stored) -> Start:
        return Start(await start_of(consumer, tp, stored.offset))

    _use(app, None, start, on_revoked, metrics)


def use_blocks(
    app: Any,
    *,
    block_offsets: int,
    start_of: StartOf,
    on_revoked: Callable[[Iterable[TP]], None],
    metrics: Metrics,
) -> None:
    """Give a Faust app this transport, for a topic that is cut into blocks; each takeover has a term.

    Args:
        block_offsets: B of the block rule.
        start_of: where to begin reading a partition, and what to note.
        on_revoked: called before partitions go, to drop their state.
    """
    _use(app, block_offsets, start_of, on_revoked, metrics)


def _use(
    app: Any,
    block_offsets: int | None,
    start_of: StartOf,
    on_revoked: Callable[[Iterable[TP]], None],
    metrics: Metrics,
) -> None:
    transport = ChunkTransport([URL(str(url)) for url in app.conf.broker], app, loop=asyncio.get_event_loop())
    transport.config = TransportConfig(block_offsets, start_of, on_revoked, metrics, lambda: int(time.time() * 1000))
    app.transport = transport
