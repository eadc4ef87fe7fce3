"""Records `callgauge top` on made-up calls, in which a provider fails: docs/top.cast (asciinema) and docs/top.svg.

    python -m tests.console.record_top [--seconds 75]

It runs the local stack, sends a quarter of an hour of calls at once and goes on with calls as they would come, and
keeps what the command writes to a terminal. `asciinema play docs/top.cast` plays it; the picture is its last screen.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from callgauge.settings import load_settings
from callgauge_deploy.demo import demo_settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import spawn
from callgauge_deploy.stack import LocalStack

OUT = Path("docs")
COLUMNS, LINES = 132, 34
RULES = """rules:
  - {name: high_error_rate, by: [service], aggregate: error_rate, lookback: 1m, warning: 15%, critical: 40%,
     min_count: 20, summary: too many calls of a service fail}
"""
_BEFORE_S = 900
_EVERY_S = 3
_LOAD = ["load", "--rate", "60", "--services", "6", "--seed", "7"]
#: Redrawing begins with this; what is between two of them is a screen.
_HOME = "\x1b[H"

Recorded = list[tuple[float, str]]


def main() -> None:
    """Record, and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=75)
    seconds = parser.parse_args().seconds
    with traffic(seconds) as environment:
        events = recorded([*_callgauge(), "top", "--every", str(_EVERY_S)], environment, seconds)
    (OUT / "top.cast").write_text(cast_of(events), encoding="utf-8")
    (OUT / "top.svg").write_text(picture_of(events), encoding="utf-8")
    sizes = ", ".join(f"{name}: {(OUT / name).stat().st_size // 1024} KB" for name in ("top.cast", "top.svg"))
    print(f"{len(events)} writes of {seconds} s; {sizes}")


@contextmanager
def traffic(seconds: int) -> Iterator[Mapping[str, str]]:
    """A stack, and calls that come as long as the block; gives the environment of its commands."""
    with tempfile.TemporaryDirectory(prefix="callgauge-top-") as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_text(RULES)
        settings = demo_settings(load_settings()).model_copy(update={"rules_file": rules})
        with LocalStack(settings, data_dir=Path(folder) / "data", say=print) as stack:
            stack_settings = stack.settings.model_copy(update={"bootstrap_servers": stack.info.bootstrap})
            environment = child_environment(stack_settings) | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            past = ["--seconds", str(_BEFORE_S), "--speed", "0"]
            subprocess.run([*_callgauge(), *_LOAD, *past], env=environment, check=True)
            fails = ["--incident", f"provider_down@{seconds // 4}s+{seconds}s"]
            live = spawn([*_callgauge(), *_LOAD, "--seconds", str(seconds + 30), *fails], env=environment)
            try:
                yield environment
            finally:
                live.terminate()
                live.wait()


def _callgauge() -> list[str]:
    return [sys.executable, "-m", "callgauge_deploy.cli"]


def recorded(command: list[str], environment: Mapping[str, str], seconds: float) -> Recorded:
    """What the command writes to a terminal: seconds since it began, and text."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        command, env=dict(environment), stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    began = time.monotonic()
    events: Recorded = []
    decoder = _Utf8()
    try:
        while (passed := time.monotonic() - began) < seconds:
            ready, _, _ = select.select([ours], [], [], 0.2)
            if ready:
                events.append((passed, decoder.text(os.read(ours, 65_536))))
            if process.poll() is not None:
                raise RuntimeError(f"{command[-3:]} ended: {''.join(text for _, text in events)[-2_000:]}")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        os.close(ours)
    return events


class _Utf8:
    """Text of bytes that may be cut within a letter."""

    def __init__(self) -> None:
        self._left = b""

    def text(self, data: bytes) -> str:
        data, self._left = self._left + data, b""
        for back in range(4):
            try:
                text = data[: len(data) - back].decode()
            except UnicodeDecodeError:
                continue
            self._left = data[len(data) - back :]
            return text
        return data.decode(errors="replace")


def cast_of(events: Recorded) -> str:
    """The recording as asciinema has it, version 2: a line for each write."""
    head = {"version": 2, "width": COLUMNS, "height": LINES, "title": "callgauge top"}
    lines = [json.dumps(head)]
    began = events[0][0] if events else 0.0  # the command loads its modules first
    lines += [json.dumps([round(at - began, 3), "o", text], ensure_ascii=False) for at, text in _joined(events)]
    return "\n".join(lines) + "\n"


def _joined(events: Recorded) -> Iterator[tuple[float, str]]:
    """Writes that came within a tenth of a second, as one."""
    waiting: tuple[float, str] | None = None
    for at, text in events:
        if waiting is not None and at - waiting[0] < 0.1:
            waiting = (waiting[0], waiting[1] + text)
            continue
        if waiting is not None:
            yield waiting
        waiting = (at, text)
    if waiting is not None:
        yield waiting


def picture_of(events: Recorded) -> str:
    """The last whole screen as SVG, which names no font of another host."""
    screens = "".join(text for _, text in events).split(_HOME)
    last = next(screen for screen in reversed(screens) if "Service" in screen and "Model" in screen)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    lines = [line.rstrip() for line in last.replace("\r", "").split("\n")]
    console.print(Text.from_ansi("\n".join(lines).rstrip()))
    svg = console.export_svg(title="callgauge top", theme=MONOKAI, unique_id="top")
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


if __name__ == "__main__":
    main()
