"""Worker processes for tests, started without importing everything again each time.

A worker process imports for two seconds of CPU before it does anything; the test suite starts some hundreds. So one
server process per test run imports what they need, once, and forks each of them (`tests.forked_process`). Only
processes whose start is not what is tested come from here: the stack, the demo and `python -m tests.chaos` start real
ones.

    with forking():
        process = start([sys.executable, "-m", "callgauge_deploy.cli", "rollup"], env=..., log=Path("rollup.log"))
        process.wait(10)
"""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import socket
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from callgauge_deploy.process import spawn
from tests.forked_process import ForkedProcess, Request, listener, serve

__all__ = ["ForkedProcess", "fork", "forking", "forking_for_all", "run", "start"]

#: In the environment: the address of the server of this test run, if another process has started it.
_ADDRESS = "FORKSERVER_OF_THE_TEST_RUN"
_PRELOAD = (
    "callgauge_deploy.cli",
    "callgauge_streams.rollup.app",
    "callgauge_streams.detect.app",
    "callgauge_sinks.app",
    "callgauge_console.server",
    "callgauge_notify.app",
    "callgauge_gateway.app",
)


class _Server:
    """The server, as the process sees it that has started it."""

    def __init__(self) -> None:
        listening, self.address = listener()
        with listening:
            self._session = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._session.connect(f"\0{self.address}")  # the first of its clients
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forkserver"],
                stdin=listening.fileno(),
                cwd=Path(__file__).parents[1],
                start_new_session=True,  # Ctrl-C is for the tests, which then end what they have started
            )

    def close(self) -> None:
        self._session.close()  # it ends
        self._process.wait(30)


class _Forking:
    """Whether this process forks its workers, and the server, made when it is first needed and nobody else has."""

    allowed = False
    server: _Server | None = None
    lock = threading.Lock()

    @classmethod
    def address(cls) -> str:
        if shared := os.environ.get(_ADDRESS):
            return shared
        with cls.lock:
            cls.server = cls.server or _Server()
            return cls.server.address


@contextmanager
def forking() -> Iterator[None]:
    """Within this, `start` forks, where that can be done."""
    _Forking.allowed = sys.platform == "linux"
    try:
        yield
    finally:
        _Forking.allowed = False
        if _Forking.server is not None:
            _Forking.server.close()
            _Forking.server = None


@contextmanager
def forking_for_all() -> Iterator[None]:
    """`forking`, with one server for this process and all that it starts within this."""
    with forking():
        os.environ[_ADDRESS] = _Forking.address()
        try:
            yield
        finally:
            del os.environ[_ADDRESS]


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
    with log.open("ab") as output, (errors or log).open("ab") as told:
        if not _Forking.allowed or list(command[:2]) != [sys.executable, "-m"]:
            return spawn(command, env=env, stdout=output, stderr=told)
        with open(os.devnull, "rb") as nothing:
            return fork(command[2:], env=env, streams=(nothing, output, told))


def fork(argv: Sequence[str], *, env: Mapping[str, str], streams: Sequence[IO[bytes] | socket.socket]) -> ForkedProcess:
    """Fork a process that runs a module.

    Args:
        argv: the module's name, and its arguments.
        env: its whole environment.
        streams: its standard input, output and error.

    Raises:
        RuntimeError: the server has ended.
    """
    request: Request = {"argv": list(argv), "env": dict(env), "cwd": os.getcwd()}
    return ForkedProcess(_Forking.address(), request, [stream.fileno() for stream in streams])


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


class _Exit:
    """How a forked process ends. Python would take apart all that is loaded, and for that copy most of the memory it
    shares with the server: 0.2 s of CPU, of which tests see nothing."""

    code: int | None = None

    @classmethod
    def at_once(cls) -> None:
        """The last of all exit handlers; does nothing after an exception, whose way stays Python's."""
        if cls.code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(cls.code)


def _become(request: Request) -> None:
    """Turn this forked process into what a fresh one would be, and run to the end."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = list(request["argv"])
    # It is imported already, and runs a second time as the main module.
    warnings.filterwarnings("ignore", message=".* found in sys.modules", category=RuntimeWarning, module="runpy")
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        _Exit.code = 0
    except SystemExit as end:
        _Exit.code = end.code if isinstance(end.code, int) else None if end.code else 0
        raise


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
    atexit.register(_Exit.at_once)  # the first to be registered is called last
    _preload()
    with socket.socket(fileno=0) as listening:
        session, _ = listening.accept()
        asked = serve(listening, session)
    if asked is not None:
        session.close()
        _become(asked)
