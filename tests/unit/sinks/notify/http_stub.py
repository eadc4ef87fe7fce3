"""A web server for receivers to talk to: keeps what it is sent, answers as it is told."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from callgauge_notify.receivers.web import Allowed, Web

__all__ = ["LOCAL", "Answer", "Request", "Stub", "local_web", "serving"]

#: Allows the stub's own address.
LOCAL = Allowed(http=True, hosts=frozenset({"127.0.0.1", "localhost"}))


def local_web() -> Web:
    return Web(LOCAL)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)


class Stub:
    """`answers` are given one after the other, then what `otherwise` says. `check` may refuse a request: 400."""

    def __init__(self, check: Callable[[Request], str] = lambda request: "") -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.otherwise: Callable[[Request], Answer] = lambda request: Answer()
        self.problems: list[str] = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, dict(self.headers.items()), body)
                problem = check(request)
                stub.requests.append(request)
                if problem:
                    stub.problems.append(problem)
                    answer = Answer(400, problem.encode())
                else:
                    answer = stub.answers.pop(0) if stub.answers else stub.otherwise(request)
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                if not isinstance(sys.exc_info()[1], ConnectionError):  # whom it answers may have gone
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/secret-path"


@contextmanager
def serving(stub: Stub) -> Iterator[Stub]:
    thread = threading.Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield stub
    finally:
        stub.server.shutdown()
        thread.join()
        stub.server.server_close()
