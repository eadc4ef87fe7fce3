"""A stack is put down to the innermost step that claims it, and each path of the table is there."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tests.bench.sampler import STEPS, step_of

ROOT = Path(__file__).parents[3]


def frame_in(path: str, function: str) -> FrameType:
    """A frame of a function with this name, as if its file lay there."""
    code = compile(f"def {function}():\n    return sys._getframe()\nfound = {function}()", path, "exec")
    names: dict[str, Any] = {"sys": sys}
    exec(code, names)  # noqa: S102 (two lines of ours)
    found: FrameType = names["found"]
    return found


def test_the_first_that_fits_counts() -> None:
    """A function of a file goes before the file, the file before its folder."""
    base = "/x/callgauge_streams"
    assert step_of(frame_in(f"{base}/bus/record_batches.py", "_decompressed")) == "decompress"
    assert step_of(frame_in(f"{base}/bus/record_batches.py", "records_of")) == "find records"
    assert step_of(frame_in(f"{base}/rollup/reading/contents.py", "f")) == "duplicates"
    assert step_of(frame_in(f"{base}/rollup/reading/scan.py", "f")) == "decode"
    assert step_of(None) == "else"


def test_the_table_names_files_that_exist() -> None:
    """After a file is moved, its step would be counted elsewhere."""
    ours = [str(path) for path in (ROOT / "streams").rglob("*.py")]
    paths = [path for path, _ in STEPS if path.startswith(("/bus", "/rollup", "/worker", "/callgauge"))]
    missing = [path for path in paths if not any(path in file for file in ours)]
    assert not missing
