"""Where a Python process spends its CPU: `python -m tests.bench.sampler OUT.json module arguments...` runs a module.

Every millisecond each thread's CPU clock is read, and what it has used since is put down to the step in which it
is now: the innermost frame that a step claims. Time that is waited costs nothing. Compiled loops run without the GIL
and are seen; a C call that keeps the GIL is put down to the Python function around it. OUT.json is written once a
second: {step: CPU seconds}. Linux only.
"""

from __future__ import annotations

import json
import runpy
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

__all__ = ["STEPS", "sampled_command", "step_of"]

_EVERY_S = 0.001

#: Part of a file's path, and function (empty: any) -> step; of several the first counts.
STEPS: Mapping[tuple[str, str], str] = {
    ("/bus/record_batches.py", "_decompressed"): "decompress",
    ("/bus/record_batches.py", ""): "find records",
    ("/bus/records.py", ""): "find records",
    ("/bus/position.py", ""): "cut into chunks",
    ("/bus/blocks.py", ""): "cut into chunks",
    ("/rollup/reading/contents.py", ""): "duplicates",
    ("/rollup/source/duplicates.py", ""): "duplicates",
    ("/rollup/reading/", ""): "decode",
    ("/rollup/folding/series", ""): "resolve series",
    ("/rollup/source/known_labels.py", ""): "resolve series",
    ("/rollup/tables/interned.py", ""): "decode",
    ("/rollup/folding/row_unions.py", ""): "rows",
    ("/rollup/folding/", ""): "fold",
    ("/rollup/tables/", ""): "fold",
    ("/rollup/rows/", ""): "rows",
    ("/callgauge_windows/row_batch", ""): "rows",
    ("/rollup/source/", ""): "fold",
    ("/bus/outbox.py", ""): "send",
    ("/aiokafka/producer/", ""): "send",
    ("/worker/memory.py", ""): "give memory back",
    ("/aiokafka/", ""): "fetch (aiokafka)",
    ("/faust/", ""): "Faust",
    ("/mode/", ""): "Faust",
    ("/asyncio/selector_events.py", ""): "read and write sockets",
    ("/asyncio/streams.py", ""): "read and write sockets",
    ("/asyncio/", ""): "event loop",
    ("selectors.py", ""): "waiting, or done between two looks",
}


def step_of(frame: FrameType | None) -> str:
    """The step of a stack, from its innermost frame on."""
    while frame is not None:
        code = frame.f_code
        for (path, function), step in STEPS.items():
            if path in code.co_filename and function in ("", code.co_name):
                return step
        frame = frame.f_back
    return "else"


def sampled_command(out: Path, module: str, *arguments: str) -> list[str]:
    """The command that runs a module under the sampler."""
    return [sys.executable, "-m", "tests.bench.sampler", str(out), module, *arguments]


def _sample(out: Path) -> None:
    used: Counter[str] = Counter()
    clocks: dict[int, float] = {}
    written = 0.0
    while True:
        time.sleep(_EVERY_S)
        frames = sys._current_frames()
        for thread in threading.enumerate():
            if thread.ident is None or thread is threading.current_thread():
                continue
            try:
                now = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            except OSError:  # it has ended
                continue
            used[step_of(frames.get(thread.ident))] += int((now - clocks.get(thread.ident, now)) * 1e9)
            clocks[thread.ident] = now
        del frames
        if time.monotonic() - written > 1.0:
            written = time.monotonic()
            part = out.with_suffix(".part")
            part.write_text(json.dumps({step: nanoseconds / 1e9 for step, nanoseconds in used.items()}))
            part.replace(out)


def main() -> None:
    """Run the module, watched."""
    out, module, *arguments = sys.argv[1:]
    threading.Thread(target=_sample, args=(Path(out),), daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
