"""Giving memory back to the operating system."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

__all__ = ["leave_compiler", "trim"]

_LIBC = ctypes.CDLL(None)


def trim() -> None:
    """Give back what was freed. The worker's megabytes come and go, and glibc keeps the holes they leave: some 30 MB.
    Takes about a millisecond; nothing happens with another C library.
    """
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)


def leave_compiler() -> None:
    """Give back the pages of LLVM's code, some 80 MB, once everything is compiled or loaded. They are the file's:
    should anything be compiled after all, they are read again. Nothing happens where there is no /proc.
    """
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return
    for line in maps.read_text().splitlines():
        addresses, access, *_ = line.split()
        if access == "r-xp" and "libllvmlite" in line:  # code is never written to, so nothing is lost
            begin, end = (int(address, 16) for address in addresses.split("-"))
            _LIBC.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)
