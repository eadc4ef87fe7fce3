"""Numba, as the hot path uses it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled", "inlined", "uncounted"]

F = TypeVar("F", bound=Callable[..., Any])


def _load_without_linalg() -> None:
    """Let Numba find no scipy.linalg while it loads its arrays: it would take 15 MB of each worker, to offer matrix
    algebra in compiled loops, which have none."""
    if "scipy.linalg" in sys.modules:
        return
    sys.modules["scipy.linalg"] = None  # type: ignore[assignment] # so that importing it fails
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy.linalg"]


_load_without_linalg()


def compiled(function: F) -> F:
    """Compile at the first call; kept on disk where a folder can be written, since that takes seconds."""
    return _compiled(function)


def uncounted(function: F) -> F:
    """The same for a loop that makes no arrays but views: Numba counts no references to them. In a function with many
    ways out it did so for each array with each event, by atomic instructions: a fifth of the time of a scan."""
    return _compiled(function, _nrt=False)


def inlined(function: F) -> F:
    """The same for a part of such a loop, compiled into its callers: an array that is handed over is seven arguments,
    so a call may cost more than what is done in it."""
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: F, **options: Any) -> F:
    try:
        return cast(F, numba.njit(cache=True, nogil=True, **options)(function))
    except RuntimeError:  # no such folder; NUMBA_CACHE_DIR may name one
        return cast(F, numba.njit(nogil=True, **options)(function))
