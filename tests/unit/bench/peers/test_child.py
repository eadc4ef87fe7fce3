"""A reader as a process."""

import sys
from pathlib import Path

import pytest

from tests.bench.peers.child import ReaderFailed, read_in_child, samples_in
from tests.bench.peers.progress import Job
from tests.bench.process import cores
from tests.bench.reading import Sample


def test_samples_are_the_whole_lines_of_progress() -> None:
    """What libraries print is left out, and so is a line that is still being written."""
    lines = ["hello\n", '{"at_s": 1.0, "events": 2, "cpu_s": 0.5}\n', '{"level": "info"}\n', '{"at_s": 2.0, "ev']
    assert samples_in(lines) == [Sample(1.0, 2, 0.5)]


def test_a_reader_that_ends_by_itself_has_failed(tmp_path: Path) -> None:
    """The reason is the end of its standard error."""
    job = Job("127.0.0.1:1", "calls", 1, "group")
    with pytest.raises(ReaderFailed, match=r"(?s)ended by itself with code 1.*No module named"):
        read_in_child("no_such_reader", Path(sys.executable), job, cores()[-1], tmp_path)
