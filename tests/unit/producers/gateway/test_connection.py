"""A request begins within limits of size and time: nobody needs a key to open a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from callgauge.settings import load_settings
from callgauge_gateway.connection import HEAD_BYTES, Connection
from tests.unit.producers.gateway.test_server import serving

BODY = b'{"service": "s"}'
HEAD = b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(BODY)


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    with serving(load_settings(gateway_port=0)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connected:
            yield connected


def everything_from(connection: socket.socket) -> bytes:
    """What comes until the other end closes."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def answer_from(connection: socket.socket) -> bytes:
    """One answer, which is JSON."""
    answer = b""
    while not answer.endswith(b"}"):
        part = connection.recv(65_536)
        assert part, answer
        answer += part
    return answer


def test_headers_without_end_are_refused(connection: socket.socket) -> None:
    """Long before they fill the memory; of a connection that served a request before, too."""
    connection.sendall(HEAD + b"\r\n" + BODY)
    assert b"200 OK" in answer_from(connection)
    connection.sendall(HEAD)
    sent = 0
    try:
        for _ in range(1_000):
            connection.sendall(b"X-%d: %s\r\n" % (sent, b"a" * 10_000))
            sent += 1
    except ConnectionError:  # it was closed meanwhile
        pass
    assert sent < 1_000


def test_a_head_that_is_too_large_is_told(connection: socket.socket) -> None:
    """With what is allowed."""
    connection.sendall((HEAD + b"X: ").ljust(HEAD_BYTES + 1, b"a"))
    answer = everything_from(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.endswith(b"The headers of a request may have 65,536 bytes.")


def test_large_headers_within_the_limit_are_taken(connection: socket.socket) -> None:
    """However they are cut, and more than once on a connection."""
    for _ in range(3):
        for part in (HEAD, b"X: ", b"a" * 40_000, b"\r\n\r\n", BODY):
            connection.sendall(part)
        assert b"200 OK" in answer_from(connection)


@pytest.mark.parametrize("begun", [b"", b"POST /v1/c", HEAD])
def test_a_head_that_does_not_come_is_waited_for_only_so_long(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is closed, whatever was sent of it."""
    monkeypatch.setattr(Connection, "head_s", 0.05)
    with serving(load_settings(gateway_port=0)) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(begun)
            assert everything_from(connection) == b""
