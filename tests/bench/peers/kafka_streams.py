"""Kafka Streams: its DSL's windowed aggregate in an in-memory store, changelog off, per series.

Does: decoding of just the fields it needs (Jackson, token by token), windows by event time with 10 s of grace, a
histogram of latency, in totals that stay bytes in the store. Windows are emitted when they close and end in a list. One
thread (it has one core), a heap of 1 GB.
Does not: re-partition, as Quix Streams and Faust do not here either: right for one worker, wrong for several. No
changelog, so that a crash loses the open windows; no duplicates, no dead letters.
The program is java/kafka_streams/WindowedSums.java; this process becomes it.
"""

from __future__ import annotations

import os
import shutil
import tempfile

from tests.bench.peers.progress import Job, job_from_command_line

HEAP = "-Xmx1g"


def command(job: Job, jars: str) -> list[str]:
    """The program with its arguments."""
    java = shutil.which("java") or "java"
    flags = [HEAP, f"-Djava.io.tmpdir={tempfile.gettempdir()}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    arguments = [job.bootstrap, job.topic, str(job.count), job.group, job.labels, *([job.rows] if job.rows else [])]
    return [java, *flags, "-cp", f"{jars}:{jars}/*", "WindowedSums", *arguments]


def main(job: Job) -> None:
    """Read until ended from outside."""
    argv = command(job, os.environ["PEER_JARS"])
    os.execv(argv[0], argv)  # noqa: S606 - the program takes this process over, and is measured as it


if __name__ == "__main__":
    main(job_from_command_line())
