"""Forked processes: what they tell, and that they end; and that tests collected before a fork are those after it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from callgauge_deploy.process import wait_until
from tests import collected
from tests.forked_process import ForkedProcess
from tests.forkserver import fork, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def serving() -> ForkedProcess:
    """A process that does not end by itself."""
    with open(os.devnull, "r+b") as nothing:
        return fork(["http.server", "0", "--bind", "127.0.0.1"], env=os.environ, streams=[nothing] * 3)


def test_a_command_tells_its_exit_code_and_what_it_wrote() -> None:
    """As a process that is started does."""
    command = [sys.executable, "-m", "callgauge_deploy.cli"]
    done = run([*command, "--version"], env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"callgauge ")
    assert run([*command, "--no-such-option"], env=dict(os.environ)).returncode == 2


def test_a_signal_ends_it() -> None:
    """Its exit code tells which."""
    process = serving()
    assert process.poll() is None
    process.kill()
    assert process.wait(60) == -signal.SIGKILL
    process.terminate()  # nobody is there any more


def test_it_ends_with_whom_it_was_for() -> None:
    """Nothing is left of a test run that was killed."""
    process = serving()
    minder = psutil.Process(process.pid).ppid()
    process._connection.close()
    assert wait_until(lambda: not psutil.pid_exists(process.pid) and not _runs(minder), 60)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_tests_that_are_gone_the_second_time_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a generator that is used up there would be none, and nobody would notice."""
    first, again, *others = [
        cast(pytest.Item, SimpleNamespace(nodeid=name)) for name in ("a[\\\\x]", "a[\\x]", "b", "b")
    ]
    monkeypatch.setattr(collected, "_names", [])
    monkeypatch.setattr(collected, "_threads", [])
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.main_thread()])
    monkeypatch.delitem(sys.modules, "chdb", raising=False)
    collected.check_again([first, *others])
    collected.check_again([*others, again])
    with pytest.raises(RuntimeError, match="not the same: b"):
        collected.check_again([again])


def test_a_module_that_starts_threads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fork whatever waits for them would hang."""
    monkeypatch.setattr(collected, "_names", [])
    monkeypatch.setattr(collected, "_threads", [])
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait, name="of a module")
    thread.start()
    collected.check_again([one := cast(pytest.Item, SimpleNamespace(nodeid="a"))])
    ended.set()
    thread.join()
    with pytest.raises(RuntimeError, match="of a module"):
        collected.check_again([one])
