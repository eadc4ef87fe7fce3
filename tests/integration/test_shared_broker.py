"""One broker for all processes of a run: whoever needs it first starts it, and stops it when the last one has left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from callgauge_deploy.process import listening, wait_until
from tests.shared_broker import shared_broker

PROGRAM = """
import sys
from pathlib import Path
from tests.shared_broker import shared_broker

with shared_broker("tansu", Path(sys.argv[1])) as broker:
    print(broker.bootstrap, flush=True)
    sys.stdin.read()
"""


def other_process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_the_first_one_waits_until_the_others_have_left(tmp_path: Path) -> None:
    """Then it stops the broker, and the next one starts another."""
    with ExitStack() as first:
        broker = first.enter_context(shared_broker("tansu", tmp_path))
        with other_process(tmp_path) as other:
            assert other.stdout is not None
            assert other.stdout.readline().strip() == broker.bootstrap
            leaving = threading.Thread(target=first.close)
            leaving.start()
            assert wait_until(lambda: not (tmp_path / "tansu.json").exists(), 60)  # nobody is let in any more
            assert broker.alive
            other.communicate()
        leaving.join(60)
        assert not broker.alive
    with shared_broker("tansu", tmp_path) as next_one:
        assert next_one.pid != broker.pid


def test_a_broker_whose_process_was_killed_is_replaced(tmp_path: Path) -> None:
    """It died with its process, and the note of it is of no use."""
    with other_process(tmp_path) as other:
        assert other.stdout is not None
        first = other.stdout.readline().strip()
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert wait_until(lambda: not listening(int(first.rpartition(":")[2])), 60)
    with shared_broker("tansu", tmp_path) as broker:
        assert broker.alive
        assert broker.bootstrap != first


def test_nobody_may_kill_it(tmp_path: Path) -> None:
    """Others use it."""
    with shared_broker("tansu", tmp_path) as broker:
        for end in (broker.kill, broker.stop, broker.start):
            with pytest.raises(RuntimeError, match="starts its own"):
                end()
        assert broker.alive
