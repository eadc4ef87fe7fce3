"""Giving the compiler's memory back to the operating system."""

from __future__ import annotations

import ctypes
import mmap
import re
from pathlib import Path

__all__ = ["leave_compiler"]

_LIBC = ctypes.CDLL(None)
# Addresses, access, path and the kilobytes that are no longer the file's.
_MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ +(\S+)\n(?:[A-Z]\w+: .*\n)*?Anonymous: +(\d+) kB", re.MULTILINE
)


def leave_compiler() -> None:
    """Give back the pages of LLVM's code and constants, some 100 MB, once everything is compiled or loaded. They are
    the file's: should anything be compiled after all, they are read again. Nothing happens where there is no /proc.
    """
    maps = Path("/proc/self/smaps")
    if not maps.exists():
        return
    for mapping in _MAPPING.finditer(maps.read_text()):
        begin, end, access, path, own = mapping.groups()
        # Pages that the process has changed, if only by a relocated address, must stay.
        if "libllvmlite" in path and "w" not in access and own == "0":
            _LIBC.madvise(
                ctypes.c_void_p(int(begin, 16)), ctypes.c_size_t(int(end, 16) - int(begin, 16)), mmap.MADV_DONTNEED
            )
