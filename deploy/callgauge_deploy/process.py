"""Child processes that never outlive their parent, and free ports for them."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from callgauge.errors import BrokerError

__all__ = ["Child", "end", "free_port", "listening", "port_is_free", "spawn", "tail", "wait_until"]

PR_SET_PDEATHSIG = 1
# These ports are below the ephemeral range of every common system (on Linux it begins at 32768): from that range a
# client's own port is taken. A client that keeps dialling a dead broker at a port of that range on the same host may be
# given that very port and connect to itself, and then the broker cannot come back.
PORTS = range(15_000, 32_768)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port of `host` that nothing listens on now, outside of the ephemeral range.

    Raises:
        BrokerError: no free port was found in a hundred tries.
    """
    for port in random.sample(PORTS, 100):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise BrokerError(f"no free port on {host} among {PORTS.start}-{PORTS.stop - 1}: stop what occupies them")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on a TCP port of `host` now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do it: connections of a server that has ended linger for a minute and do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            # Of other faults, such as a host that is not ours, the server itself tells more.
            return error.errno != errno.EADDRINUSE
    return not listening(port, host)  # some systems let two bind, one to all addresses and one to this one


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int = subprocess.STDOUT,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start `argv` without standard input, in a session of its own, so that Ctrl-C reaches only the parent.

    On Linux the kernel kills the child when the *thread* that called this ends: call it from a thread that lives as
    long as the child should.
    """
    return subprocess.Popen(
        list(argv),
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()) if sys.platform == "linux" else None,
    )


def _die_with(parent: int) -> Callable[[], None]:
    # Loaded before the fork, because the child should import nothing and allocate little before it runs `argv`.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the line above, so no signal will come
            os._exit(1)

    return ask_kernel


class Child(Protocol):
    """What `end` needs of a process."""

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def end(process: Child, grace_s: float) -> int:
    """Send SIGTERM, wait up to `grace_s` seconds, then send SIGKILL. Returns the exit code.

    A process that has ended already gets no signal.
    """
    if process.poll() is None:
        process.terminate()
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def wait_until(condition: Callable[[], bool], timeout_s: float, *, poll_s: float = 0.05) -> bool:
    """Poll `condition` until it holds; False when `timeout_s` seconds passed first."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(poll_s)
    return True


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a text file; "" when there is none yet."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
