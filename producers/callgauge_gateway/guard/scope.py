"""For which services a sender may speak."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANYBODY", "Scope"]


@dataclass(frozen=True)
class Scope:
    """What a key allows.

    Attributes:
        services: for which it may speak; empty: for all.
        default: the service of events that name none; empty: there is none.
    """

    services: frozenset[str] = frozenset()
    default: str = ""

    def allows(self, service: str) -> bool:
        """Whether events of this service are taken."""
        return not self.services or service in self.services

    def __str__(self) -> str:
        return ", ".join(sorted(self.services))


#: Where no keys are asked for.
ANYBODY = Scope()
