"""Worker processes for tests, started without importing everything again each time.

A worker process imports for two seconds of CPU before it does anything; the test suite starts some two hundred. So one
server process per test session imports what they need, once, and forks each of them. A forked process is a child of the
test session itself (the server's child hands it over), so it is waited for and signalled like any other. Only processes
whose start is not what is tested come from here: the stack, the demo and `python -m tests.chaos` start real ones.

    with forking():
        process = start([sys.executable, "-m", "callgauge_deploy.cli", "rollup"], env=..., log=Path("rollup.log"))
        process.wait(10)
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from callgauge_deploy.process import spawn, wait_until

__all__ = ["ForkedProcess", "forking", "run", "start"]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PRELOAD = (
    "callgauge_deploy.cli",
    "callgauge_streams.rollup.app",
    "callgauge_streams.detect.app",
    "callgauge_sinks.app",
    "callgauge_console.server",
    "callgauge_notify.app",
    "callgauge_gateway.app",
)


class ForkedProcess:
    """A process that the server has forked, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        limit = float("inf") if timeout is None else timeout
        if not wait_until(lambda: self.poll() is not None, limit, poll_s=0.01):
            raise subprocess.TimeoutExpired(str(self.pid), limit)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class _Server:
    """The server, as the test session sees it."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forkserver", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[1],
            )

    def fork(self, argv: Sequence[str], env: Mapping[str, str], log: Path, errors: Path) -> ForkedProcess:
        request = {"argv": list(argv), "env": dict(env), "log": str(log), "errors": str(errors), "cwd": os.getcwd()}
        # Whose parent has ended becomes the child of its nearest ancestor that is a subreaper: of this process.
        _be_subreaper(True)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer = self._socket.recv(32)
        finally:
            _be_subreaper(False)  # what others leave behind is not for us to wait for
        if not answer:
            raise RuntimeError("the fork server has ended; its output is above")
        return ForkedProcess(int(answer))

    def close(self) -> None:
        self._socket.close()  # its loop ends
        self._process.wait(30)


def _be_subreaper(on: bool) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)


class _Forking:
    """Whether this process forks its workers, and the server, made when it is first needed."""

    allowed = False
    server: _Server | None = None
    lock = threading.Lock()


@contextmanager
def forking() -> Iterator[None]:
    """Within this, `start` forks, where that can be done."""
    _Forking.allowed = sys.platform == "linux"  # subreapers are Linux's
    try:
        yield
    finally:
        _Forking.allowed = False
        if _Forking.server is not None:
            _Forking.server.close()
            _Forking.server = None


def start(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, errors: Path | None = None
) -> ForkedProcess | subprocess.Popen[bytes]:
    """Run a command in a session of its own, forked if it is a module of this Python; it ends with this process at the
    latest.

    Args:
        command: program and arguments.
        env: its whole environment.
        log: stdout is appended to it, and stderr too if it has no file of its own.
        errors: stderr is appended to it.

    Raises:
        RuntimeError: the server has ended.
    """
    if not _Forking.allowed or list(command[:2]) != [sys.executable, "-m"]:
        with log.open("ab") as output, (errors or log).open("ab") as told:
            return spawn(command, env=env, stdout=output, stderr=told)
    with _Forking.lock:
        _Forking.server = _Forking.server or _Server()
        return _Forking.server.fork(command[2:], env, log, errors or log)


def run(
    command: Sequence[str], *, env: Mapping[str, str], timeout_s: float = 90.0
) -> subprocess.CompletedProcess[bytes]:
    """Run a command as `start` does, to its end.

    Raises:
        subprocess.TimeoutExpired: it took longer; it is killed then.
    """
    with tempfile.TemporaryDirectory(prefix="callgauge-") as folder:
        output, errors = Path(folder, "stdout"), Path(folder, "stderr")
        process = start(command, env=env, log=output, errors=errors)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return subprocess.CompletedProcess(command, code, output.read_bytes(), errors.read_bytes())


def _serve(connection: socket.socket) -> dict[str, Any] | None:
    """Fork for each request. Returns None when the session has closed its end, and the request in a forked process."""
    with connection, connection.makefile("rb") as requests:
        for line in requests:
            told, tell = os.pipe()
            if (child := os.fork()) == 0:
                if (pid := os.fork()) == 0:
                    os.close(told)
                    os.close(tell)
                    return dict(json.loads(line))
                os.write(tell, str(pid).encode())
                os._exit(0)
            pid_text = os.read(told, 32)
            os.close(told)
            os.close(tell)
            os.waitpid(child, 0)  # from here on the process is the session's child
            connection.sendall(pid_text)
    return None


def _become(request: Mapping[str, Any], session: int) -> None:
    """Turn this forked process into what a fresh one would be."""
    while os.getppid() != session:  # until the one between has ended
        time.sleep(0.001)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    streams = [os.open(os.devnull, os.O_RDONLY)]
    streams += [os.open(request[name], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644) for name in ("log", "errors")]
    for target, source in enumerate(streams):
        os.dup2(source, target)
        os.close(source)
    sys.argv = list(request["argv"])


def _preload() -> None:
    for name in _PRELOAD:
        __import__(name)
    from callgauge_sinks.warm_up import warm_up as warm_up_sinks
    from callgauge_streams.detect.warm_up import warm_up as warm_up_detect
    from callgauge_streams.rollup.warm_up import warm_up as warm_up_rollup

    warm_up_rollup()
    warm_up_detect()
    warm_up_sinks()
    gc.freeze()  # what is loaded is not looked at in the children, whose pages would have to be copied


if __name__ == "__main__":
    _preload()
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        _become(asked, session=int(sys.argv[2]))
        # It is imported already, and runs a second time as the main module.
        warnings.filterwarnings("ignore", message=".* found in sys.modules", category=RuntimeWarning, module="runpy")
        runpy.run_module(asked["argv"][0], run_name="__main__", alter_sys=True)
