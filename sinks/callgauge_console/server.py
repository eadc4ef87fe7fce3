"""The console as a worker of a process: it serves the application, and what keeps the application informed."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import uvicorn

from callgauge.errors import SettingError
from callgauge.keys.key_file import KeyFile
from callgauge.loopback import is_loopback
from callgauge.redaction.configured import gauge_redactor
from callgauge.redaction.fields import redacted_fields
from callgauge.settings import Settings
from callgauge_actions.alert_log import AlertLog
from callgauge_actions.desk import Desk
from callgauge_actions.publish import Publisher, RuleSetPublisher
from callgauge_console.application import make_app
from callgauge_console.following import Following
from callgauge_console.parts import Parts, Store
from callgauge_console.pipeline import Pipeline
from callgauge_console.rules_known import RulesKnown
from callgauge_console.score_bus import ScoreBus
from callgauge_console.web.access import KEYS, Access
from callgauge_evaluator.rules_topic import RulesTopic
from callgauge_intake.group_lag import read_lags
from callgauge_intake.lag import Lag
from callgauge_intake.local_workers import metrics_ports_in, unprocessed_of

__all__ = ["ConsoleServer", "access_of"]

#: Requests that are under way at once; beyond, 503 is answered.
_AT_ONCE = 500
_END_S = 2.0


def access_of(settings: Settings, token: str) -> Access:
    """Who may ask.

    Raises:
        SettingError: other machines could, without a key; or the file of keys cannot be used.
    """
    file = settings.console_keys_file
    if file is None and not is_loopback(settings.api_host):
        raise SettingError(
            f"CALLGAUGE_API_HOST={settings.api_host} is reached from other machines: name a file of keys in "
            "CALLGAUGE_CONSOLE_KEYS_FILE (`callgauge console-key new` makes them), or listen on 127.0.0.1"
        )
    return Access(None if file is None else KeyFile(file, KEYS), token)


class ConsoleServer:
    """The worker. It listens as soon as it is made. Its address and token are in `<data_dir>/api.json`, which only the
    owner can read.

    Raises:
        SettingError: it cannot listen there, or would be open to other machines.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        token = settings.api_token.get_secret_value() or secrets.token_urlsafe(24)
        access = access_of(settings, token)
        self._socket = _listen(settings.api_host, settings.api_port)
        host, port = settings.api_host, self._socket.getsockname()[1]
        scheme = "https" if settings.console_tls_cert else "http"
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        self._file = settings.data_dir / "api.json"
        self._told = {"api_url": self.url, "api_token": token, "pid": os.getpid()}
        self._following = Following(lambda: Desk(AlertLog(settings), Publisher(settings)))
        self._pipeline = Pipeline(lambda: _lags(settings))
        topic = cache(lambda: RulesTopic(settings))
        self._rules = RulesKnown(settings, lambda: topic().read(), RuleSetPublisher(settings))
        redactor = gauge_redactor(settings)
        parts = Parts(
            settings,
            store,
            self._following.desk,
            ScoreBus(settings),
            self._pipeline,
            self._rules,
            partial(redacted_fields, redactor) if redactor else dict,
        )
        self._server = uvicorn.Server(_config(settings, make_app(parts, access)))
        self.ready = threading.Event()

    def run(self) -> None:
        """Serve until `stop` is called."""
        beside = (self._following, self._pipeline, self._rules)
        helpers = [_thread(f"console {type(each).__name__.lower()}", each.run) for each in beside]
        _write_private(self._file, json.dumps(self._told))
        self.ready.set()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            for each in beside:
                each.stop()
            for helper in helpers:
                helper.join(_END_S)
            self._file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Finish the current requests, then end. To be called from another thread."""
        self._server.should_exit = True


def _lags(settings: Settings) -> list[Lag]:
    """How far each group is; in a local stack also how far its workers are, which tell that themselves."""
    return read_lags(settings, unprocessed_of(metrics_ports_in(settings.data_dir / "stack.json")))


def _config(settings: Settings, app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application, as uvicorn spells it
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="none",
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=5,
        ssl_certfile=None if settings.console_tls_cert is None else str(settings.console_tls_cert),
        ssl_keyfile=None if settings.console_tls_key is None else str(settings.console_tls_key),
    )


def _thread(name: str, run: Callable[[], None]) -> threading.Thread:
    # A daemon: one that waits for a broker which is gone must not hold up the end of the process.
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            "change CALLGAUGE_API_HOST or CALLGAUGE_API_PORT (0: any free port)"
        ) from error
    # From here on connections wait in the queue until the server takes them.
    listener.listen(128)
    return listener


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    fresh.replace(path)
