"""Embedded stores of the newest form for tests, copied from one that is migrated once in a run: to make all tables and
views takes a second of CPU each time, and thirty files of tests have a store of their own."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store

__all__ = ["open_new"]


def open_new(folder: Path, shared: Path) -> Store:
    """An empty store in a new folder. A process can hold one at a time.

    Args:
        shared: folder of this run, the same one for all of its processes, where the migrated store is kept.
    """
    shared.mkdir(parents=True, exist_ok=True)
    pattern = shared / "migrated"
    with (shared / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not pattern.exists():
            _make(pattern)
    shutil.copytree(pattern, folder, symlinks=True)
    return open_store(f"chdb://{folder}")


def _make(pattern: Path) -> None:
    unfinished = pattern.with_name("unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    store = open_store(f"chdb://{unfinished}")
    migrate(store)
    store.close()
    unfinished.rename(pattern)
