"""A local server that answers as a provider would: JSON, server-sent events, errors, silence, and cut connections.

with stub_server() as stub:
    stub.answers(Answer(status=429), Answer(json=CHAT))
    client = OpenAI(base_url=stub.url + "/v1", api_key="none")
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

__all__ = ["Answer", "Seen", "Stub", "stub_server"]


@dataclass(frozen=True)
class Answer:
    """One answer: `json`, or the `events` of a stream, each as it stands on the wire."""

    status: int = 200
    json: Any = None
    events: Sequence[str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """A body that is neither."""
    cut: bool = False
    """The connection is closed after the events, without the end that chunked encoding needs."""
    waits_after: int | None = None
    """After this many events (0: before the headers of the answer) nothing comes until `Stub.go_on`."""


@dataclass(frozen=True)
class Seen:
    """One request that the server was sent."""

    path: str
    headers: Mapping[str, str]
    body: Any


class Stub:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.go_on = threading.Event()
        self.asked = threading.Event()
        """A request has come since `answers`."""
        self._answers: list[Answer] = []
        self._lock = threading.Lock()

    def answers(self, *answers: Answer) -> None:
        """From now on, one for each request; the last is given again and again."""
        with self._lock:
            self._answers = list(answers)
            self.seen = []
            self.go_on.clear()
            self.asked.clear()

    def next_answer(self, seen: Seen) -> Answer:
        """Note a request and choose its answer."""
        with self._lock:
            self.seen.append(seen)
            self.asked.set()
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stub: ClassVar[Stub]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        seen = Seen(self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(raw or b"{}"))
        answer = self.stub.next_answer(seen)
        if answer.waits_after == 0:
            self.stub.go_on.wait(30)
        try:
            if answer.events is None:
                self._send_whole(answer)
            else:
                self._send_events(answer)
        except OSError:  # the client has gone
            self.close_connection = True

    do_GET = do_POST

    def _send_whole(self, answer: Answer) -> None:
        body = answer.text.encode() if answer.json is None else json.dumps(answer.json).encode()
        kind = "text/plain" if answer.json is None else "application/json"
        self._send_head(answer, {"content-type": kind, "content-length": str(len(body))})
        self.wfile.write(body)

    def _send_events(self, answer: Answer) -> None:
        self._send_head(answer, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
        for number, event in enumerate(answer.events or (), start=1):
            piece = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            if answer.waits_after == number:
                self.stub.go_on.wait(30)
        if answer.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, answer: Answer, headers: Mapping[str, str]) -> None:
        self.send_response(answer.status)
        for name, value in {**headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


@contextmanager
def stub_server() -> Iterator[Stub]:
    """A server on a free port of this machine, for as long as the block lasts."""
    stub = Stub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": stub}))
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.go_on.set()
        server.shutdown()
        thread.join(60)
        server.server_close()
