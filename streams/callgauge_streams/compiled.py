"""Numba, as the hot path uses it."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled", "leave_compiler"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at the first call; kept on disk where a folder can be written, since that takes seconds."""
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no such folder; NUMBA_CACHE_DIR may name one
        return cast(F, numba.njit(nogil=True)(function))


def leave_compiler() -> None:
    """Give back the pages of LLVM's code, some 80 MB, once everything is compiled or loaded. They are the file's:
    should anything be compiled after all, they are read again. Nothing happens where there is no /proc.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    libc = ctypes.CDLL(None)
    for line in maps.read_text().splitlines():
        addresses, access, *_ = line.split()
        if access == "r-xp" and "libllvmlite" in line:  # code is never written to, so nothing is lost
            begin, end = (int(address, 16) for address in addresses.split("-"))
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)
