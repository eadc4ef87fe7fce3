"""What `import callgauge` brings with it, and what it offers."""

from __future__ import annotations

import subprocess
import sys

import callgauge


def test_import_is_light() -> None:
    """`import callgauge` brings in none of the heavy packages, nor librdkafka."""
    heavy = ["numpy", "faust", "aiokafka", "clickhouse_connect", "chdb", "pyarrow", "rich", "confluent_kafka"]
    code = f"import sys, callgauge; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_public_names() -> None:
    """`__all__` is sorted, complete, and every name is there and documented."""
    public = [name for name in vars(callgauge) if isinstance(getattr(callgauge, name), type)]
    assert sorted([*public, "load_settings"]) == callgauge.__all__
    assert all(getattr(callgauge, name).__doc__ for name in callgauge.__all__)
