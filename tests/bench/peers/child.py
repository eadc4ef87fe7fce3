"""Runs one reader as a process on one core, and reads what it tells."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path

from callgauge_deploy.process import end, spawn, tail
from tests.bench.peers.environments import Environment
from tests.bench.peers.progress import Job
from tests.bench.process import on_core, peak_mb
from tests.bench.reading import Reading, Sample, reading_of

__all__ = ["MEASURE_S", "ReaderFailed", "read_in_child", "samples_in", "started"]

ROOT = Path(__file__).parents[3]
START_S = 120.0  # to the first event that counts
MEASURE_S = 40.0  # from then on; a slow reader is measured by what it has read by then
POLL_S = 0.1


class ReaderFailed(Exception):
    """A reader ended by itself or stood still; the message has the end of its standard error."""


def samples_in(lines: Iterable[str]) -> list[Sample]:
    """Progress lines as samples; other lines, and a last one still being written, are left out."""
    return [Sample(**json.loads(line)) for line in lines if line.startswith('{"at_s"') and line.endswith("}\n")]


@contextmanager
def started(
    name: str, environment: Environment, job: Job, core: int, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """`tests.bench.peers.<name>`, doing `job` on `core`; its output and temporary files are kept in `folder`.

    At the end it is ended, and with it whatever it has started.
    """
    arguments = [str(field) for field in astuple(job)]
    command = on_core(core, [str(environment.python), "-m", f"tests.bench.peers.{name}", *arguments])
    variables = {key: value for key, value in os.environ.items() if not key.startswith("CALLGAUGE_")}
    variables |= {"TMPDIR": str(folder), "PEER_JARS": str(environment.jars or "")}
    with (folder / f"{name}.out").open("wb") as stdout, (folder / f"{name}.err").open("wb") as stderr:
        process = spawn(command, env=variables, stdout=stdout, stderr=stderr, cwd=ROOT)
    try:
        yield process
    finally:
        end(process, 2.0)
        with suppress(ProcessLookupError):  # its session is its own; Flink's JVM would outlive it for a while
            os.killpg(process.pid, signal.SIGKILL)


def read_in_child(name: str, environment: Environment, job: Job, core: int, folder: Path, warm_up: int = 0) -> Reading:
    """Let `tests.bench.peers.<name>` do `job` on `core`.

    Args:
        warm_up: events after which the measuring begins.

    Raises:
        ReaderFailed: it ended by itself, did not begin in time, or read too little to be measured.
    """
    with started(name, environment, job, core, folder) as process:
        try:
            samples = _watch(process, folder / f"{name}.out", job.count, warm_up)
            return reading_of(samples, peak_mb(process.pid))
        except (ReaderFailed, ValueError) as error:
            raise ReaderFailed(f"{error}\n{tail(folder / f'{name}.err', 12)}".strip()) from None


def _watch(process: subprocess.Popen[bytes], out: Path, count: int, warm_up: int) -> list[Sample]:
    """Its samples after warming up, once it is through or has had its time."""
    deadline, begun = time.monotonic() + START_S, False
    while True:
        with out.open() as lines:
            samples = [sample for sample in samples_in(lines) if sample.events >= warm_up]
        if samples and not begun:
            deadline, begun = time.monotonic() + MEASURE_S, True
        if process.poll() is not None:
            raise ReaderFailed(f"it ended by itself with code {process.poll()}")
        if samples and samples[-1].events >= count:
            return samples
        if time.monotonic() > deadline:
            if not begun:
                raise ReaderFailed(f"it did not begin in {START_S:g} s")
            return samples
        time.sleep(POLL_S)
