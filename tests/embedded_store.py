"""Embedded stores of the newest form for tests, copied from one that is migrated once in a run: to make all tables and
views takes a second of CPU each time, and a hundred tests and files of tests have a store of their own.

That processes make them in an empty folder by themselves is tested too: of the stack, the demo, and migrations.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store

__all__ = ["keep_in", "open_new", "place_new"]


class _Run:
    """Where this run keeps the migrated store, the same folder for all of its processes; None: nowhere."""

    folder: Path | None = None


def keep_in(folder: Path) -> None:
    """Let `place_new` copy, from a migrated store that is kept in this folder."""
    _Run.folder = folder


def open_new(folder: Path) -> Store:
    """An empty store in a new folder. A process can hold one at a time."""
    place_new(folder)
    return open_store(f"chdb://{folder}")


def place_new(folder: Path) -> None:
    """Put an empty store where there is none, for a process that will open it. Without `keep_in` that makes it."""
    if _Run.folder is not None and not folder.exists():
        shutil.copytree(_migrated(_Run.folder), folder, symlinks=True)


def _migrated(shared: Path) -> Path:
    shared.mkdir(parents=True, exist_ok=True)
    pattern = shared / "migrated"
    with (shared / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pattern.exists():
            unfinished = shared / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            # In a process of its own: this one may hold another store.
            command = [sys.executable, "-m", "tests.embedded_store", str(unfinished)]
            subprocess.run(command, cwd=Path(__file__).parents[1], check=True)
            unfinished.rename(pattern)
    return pattern


if __name__ == "__main__":
    store = open_store(f"chdb://{sys.argv[1]}")
    migrate(store)
    store.close()
