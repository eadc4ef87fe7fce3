"""Jars of the peers that run in a JVM: fetched by Maven, and the peer's own program compiled, when they are needed.

java/<name> has the pom.xml that names a peer's jars and its program, if it has one of its own.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.kafka_jars import missing_programs

__all__ = ["SOURCES", "JarsMissing", "jars_of", "runs_in_jvm"]

SOURCES = Path(__file__).parent / "java"
TIMEOUT_S = 600


class JarsMissing(Exception):
    """Java or Maven is not on this machine, or what a peer needs of them cannot be had; the message says which."""


def runs_in_jvm(name: str) -> bool:
    """Whether a peer needs jars."""
    return (SOURCES / name / "pom.xml").exists()


def jars_of(name: str, folder: Path) -> Path:
    """The folder, below `folder`, with a peer's jars and its compiled classes; made anew when its sources change.

    Raises:
        JarsMissing: Java or Maven is missing, or the download or the compiler failed.
    """
    sources = sorted(path for path in (SOURCES / name).iterdir() if path.is_file())
    if missing := [*missing_programs(), *([] if shutil.which("javac") else ["javac"])]:
        raise JarsMissing(f"{name} needs a JDK (Java 17 or newer) and Maven; not found: {', '.join(missing)}")
    home = folder / f"{name}-{_digest(sources)}"
    if not home.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        # renamed into place when complete, so that a download that was cut off is never taken for the whole
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            _make(sources, Path(temporary) / "home")
            (Path(temporary) / "home").rename(home)
    return home


def _make(sources: Sequence[Path], home: Path) -> None:
    pom = next(path for path in sources if path.name == "pom.xml")
    argv = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    _run([*argv, f"-DoutputDirectory={home}"])
    if programs := [str(path) for path in sources if path.suffix == ".java"]:
        _run(["javac", "-cp", f"{home}/*", "-d", str(home), *programs])


def _digest(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise JarsMissing(f"{argv[0]} failed:\n{said}")
