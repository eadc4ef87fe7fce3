"""One log file for several processes, each line with the name of its process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from callgauge.printable import printable

__all__ = ["ProcessLog", "split_line"]

NAME_WIDTH = 7
#: Colours, which a process that was told to use them (FORCE_COLOR) writes even to a pipe.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def split_line(line: str) -> tuple[str, str]:
    """The process of a line, and what it said; ("", line) for a line of no process."""
    name, bar, said = line.partition(" | ")
    return (name.rstrip(), said) if bar and name and len(name) >= NAME_WIDTH else ("", line)


class ProcessLog:
    """Collects what processes print. The log of the run before is kept as <name>.previous."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists():
            path.replace(path.with_name(path.name + ".previous"))
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._pumps: list[threading.Thread] = []

    def write(self, name: str, line: str) -> None:
        """Add what process `name` says; of several lines each gets its name."""
        with self._lock:
            self._file.writelines(f"{name:<{NAME_WIDTH}} | {printable(part)}\n" for part in line.split("\n"))

    def follow(self, name: str, stream: IO[bytes], show: Callable[[str], None] | None = None) -> None:
        """Copy `stream` to the log until it ends; `show` gets each line as well, with control characters escaped."""
        pump = threading.Thread(target=self._pump, args=(name, stream, show), name=f"log-{name}", daemon=True)
        self._pumps = [thread for thread in self._pumps if thread.is_alive()] + [pump]
        pump.start()

    def tail(self, name: str, lines: int = 20) -> str:
        """The last lines of process `name`, without its name."""
        with self._lock:
            said = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        prefix = f"{name:<{NAME_WIDTH}} | "
        return "\n".join([line.removeprefix(prefix) for line in said if line.startswith(prefix)][-lines:])

    def close(self) -> None:
        """Copy what ended processes have left in their pipes (waiting up to 2 s for each), then close the file."""
        for pump in self._pumps:
            pump.join(2.0)
        with self._lock:
            self._file.close()

    def _pump(self, name: str, stream: IO[bytes], show: Callable[[str], None] | None) -> None:
        with stream:
            for raw in stream:
                line = printable(_COLOURS.sub("", raw.decode(errors="replace").rstrip("\r\n")))
                self.write(name, line)
                if show is not None:
                    show(line)
