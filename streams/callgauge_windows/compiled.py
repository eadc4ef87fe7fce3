"""Numba, as the hot path uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at the first call; kept on disk where a folder can be written, since that takes seconds."""
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no such folder; NUMBA_CACHE_DIR may name one
        return cast(F, numba.njit(nogil=True)(function))
