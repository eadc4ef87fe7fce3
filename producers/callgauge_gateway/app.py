"""The process that `callgauge gateway` runs."""

from __future__ import annotations

import gc
import logging
import time
from pathlib import Path

from callgauge.errors import BrokerError, SettingError
from callgauge.log_lines import log_to_stderr
from callgauge.loopback import is_loopback
from callgauge.prices.found import load_prices
from callgauge.rates import Rates
from callgauge.redaction.configured import gauge_redactor
from callgauge.settings import Settings
from callgauge_gateway.bus import Bus
from callgauge_gateway.dialects.judgements import call_of_ref
from callgauge_gateway.guard.key_file import KeyFile
from callgauge_gateway.guard.new_series import NewSeries
from callgauge_gateway.intake import Intake
from callgauge_gateway.metrics import Metrics
from callgauge_gateway.server import Server, address_of, listen
from callgauge_gateway.web.app import make_app
from callgauge_gateway.web.body import Limits
from callgauge_gateway.web.endpoint import Guards
from callgauge_gateway.web.readers import Readers

__all__ = ["run"]

log = logging.getLogger(__name__)

_CHECK_S = 10.0


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SettingError: it cannot listen as it is set up, or has no keys where it needs them.
        SystemExit: with code 1 when the bus can no longer be used; the reason is in the log.
    """
    log_to_stderr(settings.log_level)
    keys = _keys(settings)
    metrics, series = Metrics(), NewSeries(settings.gateway_new_series_per_h)
    listener = listen(settings)
    bus = Bus(settings, on_fatal=lambda: server.stop())
    _wait_for_broker(bus)
    intake = Intake(settings.topics, load_prices(settings.prices_file), series, gauge_redactor(settings))
    limits = Limits(settings.gateway_body_bytes, settings.gateway_inflated_bytes, settings.gateway_events)
    guards = Guards(keys, limits, Rates(settings.gateway_events_per_s), bus, metrics)
    app = make_app(guards, Readers(intake, settings.gateway_events, call_of_ref))
    metrics.watch(lambda: bus.in_flight, series.folded.total)
    metrics.serve(settings)

    def ready() -> None:
        gc.freeze()  # what is loaded by now stays: the collector need not look at it while requests wait
        log.info("ready: %s%s", address_of(settings, listener), "" if keys else ", without keys")
        _tell_ready(settings.ready_file)

    def ended() -> None:
        if left := bus.close(settings.gateway_ack_s):
            log.error("ended with %d events that the broker did not confirm; nobody was told that it had", left)

    server = Server(app, settings, listener, ready, ended)
    server.run()
    if bus.fatal:
        raise SystemExit(1)


def _keys(settings: Settings) -> KeyFile | None:
    if settings.gateway_keys_file is not None:
        return KeyFile(settings.gateway_keys_file)
    if settings.gateway_socket is None and not is_loopback(settings.gateway_host):
        raise SettingError(
            f"CALLGAUGE_GATEWAY_HOST={settings.gateway_host} is reached from other machines: name a file of keys in "
            "CALLGAUGE_GATEWAY_KEYS_FILE (`callgauge gateway-key new` makes them), or listen on 127.0.0.1"
        )
    return None


def _wait_for_broker(bus: Bus) -> None:
    """Requests are taken only when there is somebody to hand them to."""
    while True:
        try:
            return bus.check(_CHECK_S)
        except BrokerError as error:
            log.warning("%s; trying again", error)
            time.sleep(1.0)


def _tell_ready(path: Path | None) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{time.time():.3f}\n")
