"""Runs one reader as a process on one core, and reads what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path

from callgauge_deploy.process import end, spawn, tail
from tests.bench.peers.progress import Job
from tests.bench.process import on_core, peak_mb
from tests.bench.reading import Reading, Sample, reading_of

__all__ = ["MEASURE_S", "ReaderFailed", "read_in_child", "samples_in"]

ROOT = Path(__file__).parents[3]
START_S = 120.0  # to the first event
MEASURE_S = 40.0  # from the first event on; a slow reader is measured by what it has read by then
POLL_S = 0.1


class ReaderFailed(Exception):
    """A reader ended by itself or stood still; the message has the end of its standard error."""


def samples_in(lines: Iterable[str]) -> list[Sample]:
    """Progress lines as samples; other lines, and a last one still being written, are left out."""
    return [Sample(**json.loads(line)) for line in lines if line.startswith('{"at_s"') and line.endswith("}\n")]


def read_in_child(name: str, python: Path, job: Job, core: int, folder: Path) -> Reading:
    """Let `tests.bench.peers.<name>` do `job` on `core`; its output is kept in `folder`.

    Raises:
        ReaderFailed: it ended by itself, did not begin in time, or read too little to be measured.
    """
    out, errors = folder / f"{name}.out", folder / f"{name}.err"
    arguments = [str(field) for field in astuple(job)]
    command = on_core(core, [str(python), "-m", f"tests.bench.peers.{name}", *arguments])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CALLGAUGE_")}
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = spawn(command, env=environment, stdout=stdout, stderr=stderr, cwd=ROOT)
    try:
        samples = _watch(process, out, job.count)
        return reading_of(samples, peak_mb(process.pid))
    except (ReaderFailed, ValueError) as error:
        raise ReaderFailed(f"{error}\n{tail(errors, 12)}".strip()) from None
    finally:
        end(process, 2.0)


def _watch(process: subprocess.Popen[bytes], out: Path, count: int) -> list[Sample]:
    """Its samples once it is through, or has had its time."""
    deadline, begun = time.monotonic() + START_S, False
    while True:
        with out.open() as lines:
            samples = samples_in(lines)
        if samples and not begun:
            deadline, begun = time.monotonic() + MEASURE_S, True
        if process.poll() is not None:
            raise ReaderFailed(f"it ended by itself with code {process.poll()}")
        if samples and samples[-1].events >= count:
            return samples
        if time.monotonic() > deadline:
            if not begun:
                raise ReaderFailed(f"it read nothing in {START_S:g} s")
            return samples
        time.sleep(POLL_S)
