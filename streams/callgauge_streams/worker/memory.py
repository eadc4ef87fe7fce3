"""Giving memory back to the operating system."""

from __future__ import annotations

import ctypes

__all__ = ["share_arena", "trim"]

_LIBC = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # of glibc's malloc.h


def share_arena() -> None:
    """Let all threads that start from now on take memory from one arena. By default glibc gives each its own, and what
    a thread has freed there no other gets: some 10 MB. Nothing happens with another C library.
    """
    if hasattr(_LIBC, "mallopt"):
        _LIBC.mallopt(_M_ARENA_MAX, 1)


def trim() -> None:
    """Give back what was freed. The worker's megabytes come and go, and glibc keeps the holes they leave: some 30 MB.
    Takes a millisecond, at times eight, and what is given back is faulted in again: once a second is often enough (four
    times took 6 % of the worker's CPU, for 3 MB). Nothing happens with another C library.
    """
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(0)
