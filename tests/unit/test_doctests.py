"""Examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("producers", "streams", "sinks", "deploy")
MODULES = sorted(
    ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module: str) -> None:
    """Each prints what it says it prints."""
    result = doctest.testmod(importlib.import_module(module))
    assert (result.failed, result.attempted > 0) == (0, True)


def test_there_are_examples() -> None:
    """Every detector has one."""
    detectors = {path.stem for path in (ROOT / "streams/callgauge_detectors").glob("*.py")}
    with_examples = {module.rsplit(".", 1)[-1] for module in MODULES if module.startswith("callgauge_detectors.")}
    named = {"threshold", "zscore", "ewma", "seasonal", "trend", "change_point", "ratio", "drift_rate", "burn_rate"}
    named |= {"drift_distribution", "exhaustion", "outlier_call", "novelty"}
    assert named <= detectors
    assert named <= with_examples
