"""A child is started, watched, and started again after a wait that grows."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge_deploy.supervise import Backoff, Child


class FakeProcess:
    """Ends when the test says so."""

    def __init__(self) -> None:
        self.pid = 1
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code


class Nursery:
    """Makes fake processes and keeps them."""

    def __init__(self) -> None:
        self.made: list[FakeProcess] = []

    def __call__(self) -> FakeProcess:
        self.made.append(FakeProcess())
        return self.made[-1]


@pytest.fixture
def nursery() -> Nursery:
    return Nursery()


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    return tmp_path / "child.ready"


@pytest.fixture
def child(nursery: Nursery, ready_file: Path) -> Child:
    return Child("child", nursery, ready_file, Backoff(first_s=1.0, limit_s=5.0, calm_s=60.0))


def test_waits_double_up_to_the_limit() -> None:
    """1, 2, 4, then the limit for ever."""
    backoff = Backoff(first_s=1.0, limit_s=5.0)
    assert [backoff.delay(crash) for crash in (1, 2, 3, 4, 40)] == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_it_is_started_once(child: Child, nursery: Nursery) -> None:
    """A running process is left alone, and nothing is said."""
    assert [child.tick(t) for t in (0.0, 1.0, 2.0)] == [None, None, None]
    assert len(nursery.made) == 1


def test_a_crash_is_told_and_waited_out(child: Child, nursery: Nursery) -> None:
    """
    time     0        10       10.5     11
             start    crash    (wait)   start
    """
    child.tick(0.0)
    nursery.made[0].code = 3
    assert child.tick(10.0) == "child ended with exit code 3; starting it again in 1 s"
    assert child.tick(10.5) is None
    assert len(nursery.made) == 1
    assert child.tick(11.0) == "child started again"
    assert len(nursery.made) == 2


def test_crashes_in_a_row_wait_longer(child: Child, nursery: Nursery) -> None:
    """Each start that fails at once doubles the wait."""
    now, waits = 0.0, []
    for _ in range(4):
        child.tick(now)
        nursery.made[-1].code = 1
        waits.append(str(child.tick(now)).rsplit("in ", 1)[1])
        now += 10.0
    assert waits == ["1 s", "2 s", "4 s", "5 s"]
    assert child.crashes == 4


def test_a_calm_time_forgives(child: Child, nursery: Nursery) -> None:
    """After a minute of running the next crash is a first one."""
    child.tick(0.0)
    nursery.made[-1].code = 1
    child.tick(0.0)
    child.tick(1.0)
    nursery.made[-1].code = -9
    assert child.tick(61.0) == "child was killed by signal 9; starting it again in 1 s"


def test_ready_is_the_running_process_s_own_word(child: Child, nursery: Nursery, ready_file: Path) -> None:
    """The ready file of a process before does not count for the next."""
    ready_file.touch()
    assert not child.ready
    child.tick(0.0)
    assert not child.ready
    ready_file.touch()
    assert child.ready
    nursery.made[0].code = 1
    child.tick(1.0)
    assert not child.ready
    child.tick(2.0)
    assert not child.ready
