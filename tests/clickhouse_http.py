"""A small ClickHouse server over HTTP, made of chDB, for tests: `python -m tests.clickhouse_http FOLDER --port P ...`.

It answers what clickhouse-connect's HTTP client asks: statements in the URL or in the body, settings as parameters,
basic authentication, compressed bodies and answers, and errors as ClickHouse words them. It is a process of its own, so
that it can be killed as a server can. Faults are ordered with `POST /faults` (`Fault`).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit
from urllib.request import Request, urlopen

import cramjam

from callgauge_deploy.process import free_port

__all__ = ["ERRORS", "Fault", "HttpStore"]

#: Texts of ClickHouse, by code.
ERRORS = {
    241: "Code: 241. DB::Exception: Memory limit (total) exceeded: would use 1.86 GiB. (MEMORY_LIMIT_EXCEEDED)",
    243: "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
    252: "Code: 252. DB::Exception: Too many parts (3002) in table calls. (TOO_MANY_PARTS)",
    516: "Code: 516. DB::Exception: default: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)",
}
_VERSION = "(version 25.8.2.29 (official build))"
_TRAILING_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INSERT = re.compile(rb"^\s*(INSERT\s+INTO\s+.*?)\s+FORMAT\s+(\w+)[ \t]*\n?", re.IGNORECASE | re.DOTALL)
_READS = re.compile(rb"^\s*(SELECT|WITH|SHOW|DESC|EXISTS|EXPLAIN)\b", re.IGNORECASE)
#: Parameters of a request that are no settings.
_TRANSPORT = {
    "query", "database", "session_id", "query_id", "wait_end_of_query", "client_protocol_version", "compress",
    "enable_http_compression", "send_progress_in_http_headers", "http_headers_progress_interval_ms", "readonly",
    "cancel_http_readonly_queries_on_client_close",
}  # fmt: skip
#: What the names of those begin with that are values of the statement's `{name:Type}`.
_VALUE = "param_"


@dataclass
class Fault:
    """What happens to the next requests.

    kind:
        cut: the insert is done, then the connection is closed without an answer.
        error: the insert is refused with `code`, and not done.
        large: inserts of more than `size` bytes are refused with `code`.
        slow: the insert waits for `seconds` first.
        midstream: the answer of a query begins well, and ends with an error.
        die: the insert is done, then the process ends as by kill -9.
    """

    kind: str
    times: int = 1
    code: int = 241
    seconds: float = 0.0
    size: int = 0


class _Engine:
    """chDB; one statement at a time."""

    def __init__(self, folder: str) -> None:
        import chdb  # here, as its threads do not survive a fork of the test run's processes (`tests.collected`)

        self._connection: Any = chdb.connect(folder)  # type: ignore[no-untyped-call]  # it has no types
        self._lock = threading.Lock()

    def run(self, sql: bytes, settings: dict[str, str], values: dict[str, str]) -> bytes:
        """`values`: of the statement's `{name:Type}`."""
        found = _TRAILING_FORMAT.search(sql)
        kind = found[1].decode() if found else "TabSeparated"
        text = (sql[: found.start()] if found else sql).decode()
        if settings and _READS.match(sql) and not re.search(r"\bSETTINGS\b", text):
            text += f" SETTINGS {_clause(settings)}"
        with self._lock:
            return bytes(self._connection.query(text, kind, params=values).bytes())

    def insert(self, head: str, kind: str, body: bytes, settings: dict[str, str]) -> None:
        with tempfile.NamedTemporaryFile(suffix=f".{kind}") as file, self._lock:
            file.write(body)
            file.flush()
            clause = f" SETTINGS {_clause(settings)}" if settings else ""
            self._connection.query(f"{head} FROM INFILE '{file.name}'{clause} FORMAT {kind}")


def _clause(settings: dict[str, str]) -> str:
    return ", ".join(f"{name} = '{value}'" for name, value in settings.items())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: that clients are killed is part of the tests."""

    def __init__(self, port: int, folder: str, credentials: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.engine = _Engine(folder)
        self.credentials = credentials
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self.inserts = 0

    def fault_for(self, kinds: set[str], size: int = 0) -> Fault | None:
        """The first fault of one of these kinds that is still due."""
        with self.lock:
            for fault in self.faults:
                if fault.kind in kinds and fault.times > 0 and size >= fault.size:
                    fault.times -= 1
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/faults":
            with self.server.lock:
                if body:
                    self.server.faults[:] = [Fault(**fault) for fault in json.loads(body)]
                return self._answer(200, json.dumps([asdict(fault) for fault in self.server.faults]).encode())
        if self.path.startswith("/ping"):
            return self._answer(200, b"Ok.\n")
        if self._credentials() != self.server.credentials:
            return self._error(ERRORS[516])
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        query = parameters.get("query", "").encode()
        statement = query + b"\n" + body if query else body
        try:
            self._run(statement, parameters)
        except RuntimeError as error:
            text = str(error)
            return self._error(text[max(text.find("Code:"), 0) :])

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.headers.get("Content-Encoding"):
            case "gzip":
                return bytes(cramjam.gzip.decompress(body))
            case "lz4":
                return bytes(cramjam.lz4.decompress(body))
            case "zstd":
                return bytes(cramjam.zstd.decompress(body))
        return body

    def _credentials(self) -> str:
        scheme, _, encoded = (self.headers.get("Authorization") or "").partition(" ")
        if scheme == "Basic":
            return base64.b64decode(encoded).decode()
        return f"{self.headers.get('X-ClickHouse-User', 'default')}:{self.headers.get('X-ClickHouse-Key', '')}"

    def _run(self, statement: bytes, parameters: dict[str, str]) -> None:
        settings = {
            name: value for name, value in parameters.items() if name not in _TRANSPORT and not name.startswith(_VALUE)
        }
        values = {name.removeprefix(_VALUE): value for name, value in parameters.items() if name.startswith(_VALUE)}
        if parameters.get("readonly") == "1" and not _READS.match(statement):
            return self._error("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)")
        if insert := _INSERT.match(statement):
            return self._insert(insert, statement[insert.end() :], settings)
        answer = self.server.engine.run(statement, settings, values)
        if self.server.fault_for({"midstream"}):
            return self._broken(answer)
        self._answer(200, answer, compress=parameters.get("enable_http_compression") == "1")
        return None

    def _insert(self, insert: re.Match[bytes], body: bytes, settings: dict[str, str]) -> None:
        if slow := self.server.fault_for({"slow"}):
            time.sleep(slow.seconds)
        if refusal := self.server.fault_for({"error", "large"}, len(body)):
            return self._error(ERRORS[refusal.code])
        self.server.engine.insert(insert[1].decode(), insert[2].decode(), body, settings)
        self.server.inserts += 1
        after = self.server.fault_for({"cut", "die"})  # an insert that was refused is none
        if after is None:
            return self._answer(200, b"")
        if after.kind == "die":
            os.kill(os.getpid(), 9)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        return None

    def _broken(self, answer: bytes) -> None:
        """The first half, then what ClickHouse writes when a query fails while its answer is on its way."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in (answer[: len(answer) // 2], f"\n{ERRORS[241]} {_VERSION}\n".encode()):
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        self.wfile.flush()
        self.close_connection = True

    def _error(self, text: str) -> None:
        code = re.match(r"Code: (\d+)", text)
        number = int(code[1]) if code else 1001
        status = {516: 403, 60: 404, 81: 404, 241: 500}.get(number, 500)
        self._answer(status, f"{text.strip()} {_VERSION}\n".encode(), {"X-ClickHouse-Exception-Code": str(number)})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None, compress: bool = False) -> None:
        accepted = [part.strip() for part in (self.headers.get("Accept-Encoding") or "").split(",")]
        coding = next((name for name in accepted if compress and name in ("gzip", "lz4", "zstd")), None)
        if coding:
            body = bytes(getattr(cramjam, coding).compress(body))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Summary", "{}")
        for name, value in ((headers or {}) | ({"Content-Encoding": coding} if coding else {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class HttpStore:
    """The server as a process that can be killed and started again on its folder."""

    user, password = "callgauge", "p@ss:w/rd"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"http://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/default"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "tests.clickhouse_http", str(self.folder), "--port", str(self.port)]
        environment = os.environ | {"STORE_CREDENTIALS": f"{self.user}:{self.password}"}
        self.process = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[1])
        until = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, f"the store ended with {self.process.poll()}"
            try:
                urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < until, "the store does not answer after 60 s"
                time.sleep(0.05)

    def kill(self) -> None:
        """As kill -9; waits until it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self.process is None or self.process.poll() is not None

    def left(self) -> int:
        """How many of the ordered faults are still to come."""
        with urlopen(f"http://127.0.0.1:{self.port}/faults", timeout=30) as answer:
            return sum(fault["times"] for fault in json.load(answer))

    def faults(self, *faults: Fault) -> None:
        """Order faults, in place of those that were."""
        body = json.dumps([asdict(fault) for fault in faults]).encode()
        urlopen(Request(f"http://127.0.0.1:{self.port}/faults", body), timeout=30).close()

    @contextmanager
    def running(self) -> Iterator[HttpStore]:
        self.start()
        try:
            yield self
        finally:
            self.kill()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    _Server(options.port, options.folder, os.environ["STORE_CREDENTIALS"]).serve_forever()


if __name__ == "__main__":
    main()
