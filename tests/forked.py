"""A forked child that never becomes a second pytest: whatever happens in it, it ends there and what went wrong is told.

child = Child(lambda: gauge.emit())
...
assert child.result()
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
import traceback
from collections.abc import Callable

__all__ = ["Child"]

# A child that takes this long hangs: it tells where, and is killed.
_LONGEST_S = 60.0
_TOLD_BYTES = 60_000  # a pipe takes 64 KiB at once


class Child:
    """Forks when it is made, and runs `do` in the child, which then ends without a word to atexit."""

    def __init__(self, do: Callable[[], str], longest_s: float = _LONGEST_S) -> None:
        self._reading, writing = os.pipe()
        self._longest_s = longest_s
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                faulthandler.dump_traceback_later(longest_s * 0.8, file=writing)
                told = do()
                faulthandler.cancel_dump_traceback_later()
                os.write(writing, told.encode())
                code = 0
            except BaseException:
                os.write(writing, traceback.format_exc().encode()[-_TOLD_BYTES:])
            finally:
                os._exit(code)
        os.close(writing)

    def result(self) -> str:
        """What `do` gave; waits for it. Raises AssertionError with what the child said if it failed or hangs."""
        until, said = time.monotonic() + self._longest_s, b""
        while select.select([self._reading], [], [], max(0.0, until - time.monotonic()))[0]:
            more = os.read(self._reading, 1 << 16)
            if not more:
                break
            said += more
        else:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._reading)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        assert code == 0, f"the forked child ended with {code}:\n{said.decode(errors='replace')}"
        return said.decode()
