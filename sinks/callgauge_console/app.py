"""The process that `callgauge console` runs. In a local stack the console is served by the process of the sinks."""

from __future__ import annotations

import contextlib
import threading

from callgauge.errors import SettingError
from callgauge.log_lines import log_to_stderr
from callgauge.settings import Settings
from callgauge_console.server import ConsoleServer
from callgauge_console.stores import Stores
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, StoreUnavailable, is_embedded, open_store
from callgauge_intake.backoff import attempt_until_done
from callgauge_intake.workers import run_workers

__all__ = ["run"]

#: Questions that are asked of ClickHouse at once.
_AT_ONCE = 4


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Serve until SIGTERM, SIGINT or `stop`.

    Raises:
        SettingError: it cannot listen as it is set up, or has no keys where it needs them.
        SystemExit: with code 1 if it failed; the reason is in the log.
    """
    log_to_stderr(settings.log_level)
    dsn = settings.store_dsn
    if is_embedded(dsn):
        raise SettingError(
            f"CALLGAUGE_STORE: {dsn} belongs to one process, that of the sinks, which serves the console too "
            "(`callgauge up`); name a ClickHouse server: http(s)://host:port/database"
        )
    if settings.console_keys_file is None:
        raise SettingError(
            "CALLGAUGE_CONSOLE_KEYS_FILE: `callgauge console` asks for keys, also on 127.0.0.1: a proxy may stand "
            "before it; name a file of keys (`callgauge console-key new` makes them)"
        )
    with contextlib.ExitStack() as stack:
        stores = [_open(dsn, stack) for _ in range(_AT_ONCE)]
        migrate(stores[0])
        run_workers({"console": ConsoleServer(settings, Stores(stores))}, settings.ready_file, stop)


def _open(dsn: str, stack: contextlib.ExitStack) -> Store:
    store = attempt_until_done(lambda: open_store(dsn), StoreUnavailable)
    stack.callback(store.close)
    return store
