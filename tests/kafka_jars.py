"""The jars of Apache Kafka for tests: fetched once by Maven, kept outside of the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["KAFKA_VERSION", "KafkaMissing", "kafka_jars", "missing_programs"]

KAFKA_VERSION = "4.2.0"
POM = Path(__file__).parent / "kafka" / "pom.xml"


class KafkaMissing(RuntimeError):
    """Kafka cannot be started on this machine."""


def missing_programs() -> list[str]:
    """What is needed to run Kafka and is not on the PATH."""
    return [program for program in ("java", "mvn") if shutil.which(program) is None]


def kafka_jars() -> Path:
    """Folder of the jars; downloads them (43 MB) on first use. Safe to call from several test runs at once.

    Raises:
        KafkaMissing: Java or Maven is missing, or the download failed.
    """
    if missing := missing_programs():
        raise KafkaMissing(f"Apache Kafka needs Java 17 and Maven; not found: {', '.join(missing)}")
    home = _cache()
    jars = home / "libs"
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _download(jars)
    return jars


def _cache() -> Path:
    root = os.environ.get("CALLGAUGE_TEST_CACHE")
    return (Path(root) if root else Path.home() / ".cache" / "callgauge") / f"kafka-{KAFKA_VERSION}"


def _download(jars: Path) -> None:
    # Renamed into place when complete, so that a download that was cut off is never taken for the whole.
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        argv = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*argv, f"-DoutputDirectory={folder}/libs"], capture_output=True, text=True, timeout=600, check=False
        )
        if done.returncode != 0:
            raise KafkaMissing(f"Maven could not fetch Kafka {KAFKA_VERSION}:\n{done.stdout[-2000:]}")
        (Path(folder) / "libs").rename(jars)
