"""A reader as a process."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from callgauge_deploy.process import wait_until
from tests.bench.peers import child
from tests.bench.peers.child import ReaderFailed, read_in_child, samples_in, started
from tests.bench.peers.environments import Environment
from tests.bench.peers.progress import Job
from tests.bench.process import cores
from tests.bench.reading import Sample

JOB = Job("127.0.0.1:1", "calls", 100, "group")
#: Tells of 10, 20, 60 and 100 events, and waits to be ended.
TELLS = """
import json, time
for at_s, events, cpu_s in ((1.0, 10, 1.0), (2.0, 20, 1.5), (3.0, 60, 1.75), (4.0, 100, 2.0)):
    print(json.dumps({"at_s": at_s, "events": events, "cpu_s": cpu_s}), flush=True)
time.sleep(600)
"""
#: Starts a process that ignores SIGTERM, and tells its id.
STARTS = """
import subprocess, time
print(subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]).pid, flush=True)
time.sleep(600)
"""


def command_of(program: str) -> Callable[[int, Sequence[str]], list[str]]:
    """Takes the place of `on_core`."""
    return lambda core, argv: [sys.executable, "-c", program]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_samples_are_the_whole_lines_of_progress() -> None:
    """What libraries print is left out, and so is a line that is still being written."""
    lines = ["hello\n", '{"at_s": 1.0, "events": 2, "cpu_s": 0.5}\n', '{"level": "info"}\n', '{"at_s": 2.0, "ev']
    assert samples_in(lines) == [Sample(1.0, 2, 0.5)]


def test_a_reader_that_ends_by_itself_has_failed(tmp_path: Path) -> None:
    """The reason is the end of its standard error."""
    with pytest.raises(ReaderFailed, match=r"(?s)ended by itself with code 1.*No module named"):
        read_in_child("no_such_reader", Environment(Path(sys.executable)), JOB, cores()[-1], tmp_path)


def test_what_was_read_while_warming_up_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first sample with that many events to the last."""
    monkeypatch.setattr(child, "on_core", command_of(TELLS))
    reading = read_in_child("any", Environment(Path(sys.executable)), JOB, cores()[-1], tmp_path, warm_up=20)
    assert (reading.events, reading.seconds, reading.cpu_seconds) == (80, 2.0, 0.5)


def test_what_a_reader_has_started_is_ended_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what does not end by itself when the reader does."""
    monkeypatch.setattr(child, "on_core", command_of(STARTS))
    with started("any", Environment(Path(sys.executable)), JOB, cores()[-1], tmp_path):
        assert wait_until(lambda: (tmp_path / "any.out").read_text().endswith("\n"), 60)
        pid = int((tmp_path / "any.out").read_text())
        assert alive(pid)
    assert wait_until(lambda: not alive(pid), 60)


def test_a_reader_is_told_where_its_jars_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And keeps its temporary files where its output is; settings of the shell do not reach it."""
    monkeypatch.setenv("CALLGAUGE_PARTITIONS", "7")
    monkeypatch.setattr(child, "on_core", lambda core, argv: ["env"])
    with started("any", Environment(Path(sys.executable), Path("/jars")), JOB, cores()[-1], tmp_path) as process:
        process.wait()
    variables = (tmp_path / "any.out").read_text().splitlines()
    assert {"PEER_JARS=/jars", f"TMPDIR={tmp_path}"} <= set(variables)
    assert "CALLGAUGE_PARTITIONS=7" not in variables
