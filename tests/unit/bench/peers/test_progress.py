"""What readers under test tell."""

import json
import sys
from io import StringIO

import pytest

from tests.bench.peers.progress import CLOCK_EVERY, Job, Progress, job_from_command_line


class Told:
    """A progress with a clock that stands still until it is moved."""

    def __init__(self, count: int, every_s: float = 1.0) -> None:
        self.now_s = 0.0
        self._out = StringIO()
        self.progress = Progress(count, self._out, lambda: self.now_s, every_s)

    @property
    def events(self) -> list[int]:
        """The events of each line."""
        return [json.loads(line)["events"] for line in self._out.getvalue().splitlines()]


def test_the_first_event_and_the_last_are_told() -> None:
    """However short the time between them."""
    told = Told(count=1_000)
    for _ in range(1_000):
        told.progress.add()
    assert told.events == [1, 1_000]


def test_nothing_is_told_after_the_last() -> None:
    """A reader goes on until it is ended."""
    told = Told(count=10, every_s=0)
    for _ in range(3):
        told.progress.add(10)
    assert told.events == [10]


def test_lines_come_at_their_pace() -> None:
    """Not more often than asked for; the clock is not looked at for each event."""
    told = Told(count=1_000_000, every_s=1.0)
    for now_s in (0.0, 0.5, 1.0, 1.5, 2.0):
        told.now_s = now_s
        told.progress.add(CLOCK_EVERY)
    assert told.events == [CLOCK_EVERY, 3 * CLOCK_EVERY, 5 * CLOCK_EVERY]


def test_a_line_is_what_the_driver_reads() -> None:
    """Clock, events, CPU seconds."""
    out = StringIO()
    Progress(1, out, lambda: 7.0).add()
    line = json.loads(out.getvalue())
    assert line.keys() == {"at_s", "events", "cpu_s"}
    assert line["at_s"] == 7.0
    assert line["cpu_s"] > 0


def test_cpu_time_may_be_told_by_the_reader() -> None:
    """Where another process works for it."""
    out = StringIO()
    Progress(1, out, lambda: 7.0, cpu_s=lambda: 12.5).add()
    assert json.loads(out.getvalue())["cpu_s"] == 12.5


def test_the_job_is_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fields in their order; the last may be left out."""
    argv = ["reader", "127.0.0.1:9092", "llm.calls", "100", "group-1", "service,feature"]
    monkeypatch.setattr(sys, "argv", argv)
    job = Job("127.0.0.1:9092", "llm.calls", 100, "group-1", "service,feature")
    assert job_from_command_line() == job
    assert job.by == ("service", "feature")
    monkeypatch.setattr(sys, "argv", [*argv, "rows.jsonl"])
    assert job_from_command_line().rows == "rows.jsonl"
