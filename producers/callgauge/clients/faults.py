"""Faults of our own while a host's call is measured: they are counted and logged, and never reach the host."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from callgauge.delivery import LogOnce

__all__ = ["Faults"]


class Faults:
    """Counts what went wrong while calls were measured."""

    def __init__(self) -> None:
        self.count = 0
        self._log = LogOnce(logging.getLogger("callgauge"))

    def note(self, doing: str, error: Exception) -> str:
        """Count a fault and log it once per kind. Returns it in words, for the call's tags.

        The text of the exception is left out, since it might hold a prompt.
        """
        self.count += 1
        words = f"{type(error).__name__} while {doing}"
        self._log.warn(words, "a call was not measured in full: %s", words)
        return words

    def guard(self, doing: str, do: Callable[..., Any], *args: Any) -> Any:
        """What `do(*args)` gives, or None if it fails."""
        try:
            return do(*args)
        except Exception as error:
            self.note(doing, error)
            return None
