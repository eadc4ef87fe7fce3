"""The query API of the process that holds the embedded store, so that others can ask while it runs.

POST /query    Authorization: Bearer <token>; body: one SQL statement that reads; or, as application/json,
                {"sql": "", "parameters": {}} with the values of its {name:Type}
                -> {"columns": [], "types": [], "rows": [[]]}; values as in `store.QueryResult`
GET  /health   {"status": "ok"}
"""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from callgauge.errors import SettingError, StoreError
from callgauge.settings import Settings
from callgauge_history.store import Store

__all__ = ["ApiServer", "make_app", "refusal_of"]

_READS = re.compile(r"(SELECT|SHOW|DESCRIBE|DESC|EXPLAIN|WITH|EXISTS)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*", re.DOTALL)

#: Longest statement that is read, in bytes.
MAX_SQL_BYTES = 262_144


def refusal_of(sql: str) -> str | None:
    """Why a statement is not run; None if it may be run.

    Besides this check, the engine itself runs in its read-only mode.
    """
    start = sql[_COMMENTS.match(sql).end() :]  # type: ignore[union-attr]  # matches the empty string at least
    if not start:
        return "the body must be an SQL statement"
    if not _READS.match(start):
        return (
            f"only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed, not {start.split(None, 1)[0][:20]!r}"
        )
    return None


def make_app(store: Store, token: str) -> Starlette:
    """Make the web application. Its queries run on threads; of queries and inserts the store runs one at a time."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def query(request: Request) -> JSONResponse:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return JSONResponse({"error": "missing or wrong bearer token"}, 401, {"WWW-Authenticate": "Bearer"})
        body = await request.body()
        if len(body) > MAX_SQL_BYTES:
            return JSONResponse({"error": f"a statement may have {MAX_SQL_BYTES:,} bytes"}, 413)
        try:
            is_json = request.headers.get("content-type", "").startswith("application/json")
            sql, parameters = _asked(body) if is_json else (body.decode("utf-8", "replace"), {})
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        if (refusal := refusal_of(sql)) is not None:
            return JSONResponse({"error": refusal}, 403)
        try:
            result = await run_in_threadpool(store.query, sql, parameters)
        except StoreError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"columns": result.columns, "types": result.types, "rows": result.rows})

    return Starlette(routes=[Route("/health", health), Route("/query", query, methods=["POST"])])


def _asked(body: bytes) -> tuple[str, dict[str, Any]]:
    """The statement of a JSON body, and its parameters."""
    try:
        asked = json.loads(body)
        sql, parameters = asked["sql"], asked.get("parameters", {})
    except (ValueError, KeyError, TypeError, AttributeError):
        sql = parameters = None
    if not isinstance(sql, str) or not isinstance(parameters, dict):
        raise ValueError('a JSON body must be {"sql": "...", "parameters": {...}}')
    for name, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        if not all(type(each) in (str, int, float) for each in values):
            raise ValueError(f"parameter {name!r} must be a text, a number, or a list of them")
    return sql, parameters


class ApiServer:
    """The API as a worker. Its address and token are in `<data_dir>/api.json`, which only the owner can read."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        token = settings.api_token.get_secret_value() or secrets.token_urlsafe(24)
        self._socket = _listen(settings.api_host, settings.api_port)
        host, port = settings.api_host, self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._file = settings.data_dir / "api.json"
        self._told = {"api_url": self.url, "api_token": token, "pid": os.getpid()}
        config = uvicorn.Config(make_app(store, token), log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self.ready = threading.Event()

    def run(self) -> None:
        """Serve until `stop` is called."""
        _write_private(self._file, json.dumps(self._told))
        self.ready.set()
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Finish the current requests, then end. To be called from another thread."""
        self._server.should_exit = True


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
