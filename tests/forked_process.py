"""Processes that a server forks for others: the protocol between the two, over a Unix socket.

A client connects, sends one request, and the three open files that are to be the process's standard streams. It is told
the process's id, and its exit code when it has ended. The process ends when the client closes the connection, or ends.

So two processes belong to a connection: the one that was asked for, and its parent, which minds it and ends with it.
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

__all__ = ["ForkedProcess", "Request", "listener", "serve"]

#: What to become: the server's own part says which keys.
Request = dict[str, Any]

_PR_SET_PDEATHSIG = 1
_REQUEST_BYTES = 1 << 18
_STREAMS = 3


class ForkedProcess:
    """A process that a server has forked, with the methods of `subprocess.Popen` that tests use.

    Args:
        address: of the server.
        request: as JSON.
        streams: its standard input, output and error.

    Raises:
        RuntimeError: the server has ended.
    """

    def __init__(self, address: str, request: Request, streams: Sequence[int]) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self.returncode: int | None = None
        try:
            self._connection.connect(f"\0{address}")
            self._connection.sendmsg(
                [json.dumps(request).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", streams))]
            )
            self.pid = self._told()
        except OSError as error:
            self._connection.close()
            raise RuntimeError(f"the fork server has ended ({error}); its output is above") from error

    def _told(self, flags: int = 0) -> int:
        if not (number := self._connection.recv(32, flags)):
            raise ConnectionResetError("it closed the connection")
        return int(number)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        with self._lock:
            if self.returncode is None:
                with suppress(BlockingIOError):
                    self.returncode = self._told(socket.MSG_DONTWAIT)
                    self._connection.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def listener() -> tuple[socket.socket, str]:
    """A socket for a server, which may be passed on as an open file, and the address for its clients."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.bind("")  # the kernel chooses a name that leaves no file
    made.listen(64)
    return made, made.getsockname()[1:].decode()


def serve(listening: socket.socket, session: socket.socket | None = None) -> Request | None:
    """Fork for each client.

    Args:
        listening: of `listener`.
        session: a connection of whom the server works for. None: the server is ended from outside.

    Returns:
        In a forked process its request; its standard streams are those of the client, and it leads a session of its
        own. In the server None, when the session has ended, and all processes with it.
    """
    waits_for = [listening] if session is None else [listening, session]
    while True:
        ready, _, _ = select.select(waits_for, [], [])
        ended = session in ready
        with suppress(ChildProcessError):
            while os.waitpid(-1, 0 if ended else os.WNOHANG)[0]:
                pass
        if ended:
            return None
        connection, _ = listening.accept()
        if os.fork() == 0:
            return _mind(connection, listening)
        connection.close()


def _mind(connection: socket.socket, listening: socket.socket) -> Request:
    """Fork once more: return in the process that was asked for, and wait for it in this one, its parent."""
    message, streams, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, _STREAMS)
    if not message:
        os._exit(0)  # whom it was for has ended before it could say what it wants
    listening.close()  # only now: it may be the standard input, whose number the received files should not get
    minder = os.getpid()
    if (pid := os.fork()) == 0:
        connection.close()
        _begin(minder, streams)
        return dict(json.loads(message))
    for stream in streams:
        os.close(stream)
    try:
        connection.sendall(str(pid).encode())
        ended = os.pidfd_open(pid)
        if ended not in select.select([ended, connection.fileno()], [], [])[0]:
            os.kill(pid, signal.SIGKILL)  # whom it was for has closed its end
        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        connection.sendall(str(exit_code).encode())
    finally:
        os._exit(0)


def _begin(minder: int, streams: Sequence[int]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != minder:
        os._exit(1)
    os.setsid()
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
