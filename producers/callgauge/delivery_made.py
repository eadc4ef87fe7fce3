"""Makes the delivery of a Gauge, as its settings say."""

from __future__ import annotations

from collections.abc import Callable

from callgauge.delivery import Delivery
from callgauge.forks import no_fork
from callgauge.heartbeats import Heart
from callgauge.log_once import LogOnce
from callgauge.outgoing import Outgoing
from callgauge.settings import Settings
from callgauge.spill.folder import SpillFolder
from callgauge.spill.spilling import Spilling
from callgauge.transport import KafkaTransport, Outbound, Transport

__all__ = ["delivery_of"]


def delivery_of(settings: Settings, outgoing: Outgoing, transport: Transport | None, log: LogOnce) -> Delivery:
    """Over Kafka if `transport` is None. It is started where there is something to do before the first call."""
    beats, folder = settings.gauge_heartbeat_s, settings.spill_dir
    delivery = Delivery(
        transport or KafkaTransport(settings),
        outgoing,
        settings.queue_size,
        log,
        heart=Heart(beats, settings.service, settings.environment) if beats else None,
        spilling=Spilling(SpillFolder(folder, settings.spill_mb << 20), log) if folder else None,
        observe=_call_log(settings.log_calls, log) if settings.log_calls else None,
    )
    if beats or folder:
        delivery.start()
    return delivery


def _call_log(target: str, log: LogOnce) -> Callable[[Outbound], None]:
    with no_fork():  # only who asks for the log waits for what it imports
        from callgauge.call_log import call_log
    return call_log(target, log)
