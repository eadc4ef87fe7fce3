"""Serves the web application on a TCP or Unix socket, until a signal comes: then no more is taken, what is open is
answered, and what is under way is delivered."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_gateway.connection import Connection

__all__ = ["Server", "address_of", "listen"]

#: Connections that wait to be taken; those that are open at once, idle ones among them, beyond which 503 is answered.
_BACKLOG, _MOST_OPEN = 2_048, 10_000


def listen(settings: Settings) -> socket.socket:
    """The socket that the settings name, listening.

    Raises:
        SettingError: it cannot be.
    """
    if settings.gateway_socket is not None:
        return _listen_unix(settings.gateway_socket)
    host, port = settings.gateway_host, settings.gateway_port
    try:
        [(family, _, _, _, where), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6 and host == "::":
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # IPv4 too
            listener.bind(where)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingError(
            f"cannot listen on {host}:{port}: {error.strerror}; "
            "change CALLGAUGE_GATEWAY_HOST or CALLGAUGE_GATEWAY_PORT (0: any free port)"
        ) from error
    return listener


def _listen_unix(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            if _is_served(path):
                raise SettingError(f"CALLGAUGE_GATEWAY_SOCKET: another process listens on {path}")
            path.unlink()  # of a process that was killed
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingError(f"CALLGAUGE_GATEWAY_SOCKET: cannot listen on {path}: {error.strerror or error}") from error
    except SettingError:
        listener.close()
        raise
    return listener


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def address_of(settings: Settings, listener: socket.socket) -> str:
    """Where the gateway is, for people and clients."""
    scheme = "https" if settings.gateway_tls_cert else "http"
    if settings.gateway_socket is not None:
        return f"{scheme}+unix://{settings.gateway_socket}"
    host = settings.gateway_host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


class Server:
    """uvicorn, with an end that loses nothing.

    Args:
        on_ready: called when requests are served.
        on_end: called when the last request was answered.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        listener: socket.socket,
        on_ready: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        if settings.gateway_tls_key and not settings.gateway_tls_cert:
            raise SettingError("CALLGAUGE_GATEWAY_TLS_KEY: a key without a certificate: set CALLGAUGE_GATEWAY_TLS_CERT")
        try:
            self._server = _Uvicorn(self._config(app, settings), on_ready)
            self._server.config.load()
        except (OSError, ValueError) as error:  # TLS files
            raise SettingError(f"CALLGAUGE_GATEWAY_TLS_CERT, CALLGAUGE_GATEWAY_TLS_KEY: {error}") from error
        self._listener = listener
        self._on_end = on_end
        self._path = settings.gateway_socket

    @staticmethod
    def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
        return uvicorn.Config(
            app,
            http=Connection,
            loop="uvloop",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_OPEN,
            backlog=_BACKLOG,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(max(1, settings.gateway_grace_s)),
            ssl_certfile=_text(settings.gateway_tls_cert),
            ssl_keyfile=_text(settings.gateway_tls_key),
        )

    def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; on another thread than the main one, until `stop`."""
        # uvicorn handles both, and when it is done raises the signal again for whoever handled it before.
        numbers = (signal.SIGTERM, signal.SIGINT) if _is_main_thread() else ()
        before = {number: signal.signal(number, lambda *_: None) for number in numbers}
        try:
            with asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
                runner.run(self._serve())
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            if self._path is not None:
                self._path.unlink(missing_ok=True)

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])
        self._on_end()

    def stop(self) -> None:
        """Take no more requests, answer those that are open, then end."""
        self._server.should_exit = True


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._on_ready()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _text(path: Path | None) -> str | None:
    return None if path is None else os.fspath(path)
