"""Detectors whose whole state is a baseline, which a new deployment or model begins anew."""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, TypeVar

__all__ = ["Versioned"]


class _Kept(Protocol):
    def begin(self, version: str) -> bool: ...
    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, snapshot: dict[str, Any]) -> Any: ...


_B = TypeVar("_B", bound=_Kept)


class Versioned(Generic[_B]):
    """See the top of the file."""

    def __init__(self, baseline: _B) -> None:
        self.baseline = baseline

    def begin(self, version: str) -> bool:
        """Start a new baseline for a new deployment or model; returns whether the version is new."""
        return self.baseline.begin(version)

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return self.baseline.snapshot()

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self.baseline.restore(snapshot)
        return self
