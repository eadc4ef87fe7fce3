"""pytest-xdist's processes, forked from one that has imported all test modules: each would need eight seconds of CPU.

What each of them then collects are the same tests of the same modules, in a second or two.
"""

from __future__ import annotations

import gc
import os
import shlex
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from tests.forked_process import listener, serve
from tests.forkserver import fork

__all__ = ["can_fork", "check_again", "collected"]

_DOOR = Path(__file__).with_name("xdist_door.py")

#: What was collected before the fork, and who had threads then.
_names: list[str] = []
_threads: list[str] = []


def can_fork(config: pytest.Config) -> bool:
    """Whether xdist's processes may be forked: on Linux, and when nobody counts the lines that an import runs."""
    plain = all(spec == "popen" for spec in config.option.tx)
    return sys.platform == "linux" and plain and not getattr(config.option, "cov_source", None)


@contextmanager
def collected(config: pytest.Config) -> Iterator[str]:
    """The xdist spec of processes that have this run's test modules; within `tests.forkserver.forking_for_all`.

    Args:
        config: of the process that starts them.
    """
    module = ["tests.collected", *config.invocation_params.args]
    listening, address = listener()
    # What is wrong with a test module is told by the processes that collect it again.
    with listening, open(os.devnull, "wb") as nowhere, open(2, "wb", closefd=False) as errors:
        process = fork(module, env=os.environ, streams=(listening, nowhere, errors))
    try:
        yield f"popen//python={shlex.join([sys.executable, '-E', '-S', str(_DOOR), address])}"
    finally:
        process.kill()
        process.wait()


def check_again(items: Iterable[pytest.Item]) -> None:
    """Called each time when tests have been collected.

    Raises:
        RuntimeError: after the fork. What was imported does not survive it; or the tests are others than before,
            so that some would not run: a generator that is used up?
    """
    # pytest escapes the names of parameters again
    names = sorted(item.nodeid.replace("\\", "") for item in items)
    if not _names:
        _names[:] = names
        _threads[:] = [thread.name for thread in threading.enumerate()[1:]] + ["chdb"] * ("chdb" in sys.modules)
    elif _threads:
        raise RuntimeError(f"threads that the import of a test module starts do not survive a fork: {_threads}")
    elif names != _names:
        changed = min(set(names) ^ set(_names), default="a test that is there more than once")
        raise RuntimeError(f"collected a second time, the tests are not the same: {changed}")


if __name__ == "__main__":
    with socket.socket(fileno=os.dup(0)) as listening:
        pytest.main([*sys.argv[1:], "-n0", "--collect-only", "-qq"])
        gc.collect()
        gc.freeze()
        asked = serve(listening)
    assert asked is not None
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(asked["code"], main.__dict__)  # noqa: S102 - what xdist would have given to `python -c`
