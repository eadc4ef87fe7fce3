"""What Numba loads."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import callgauge_streams.rollup.warm_up
print("scipy.linalg" in sys.modules)
import scipy.linalg
print(scipy.linalg.det([[2.0]]))
"""


def test_workers_do_without_linear_algebra_and_others_can_have_it_later() -> None:
    """In a process of its own: here SciPy is loaded already."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "2.0"]
