"""Of which calls the content is sent: CALLGAUGE_CONTENT as it is written, and the decision for one call.

off                          none
all                          every call's
0.05                         of a twentieth of the traces
off, chat=all, search=0.05   by service; what stands alone is for all others
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b

__all__ = ["Choice", "is_sampled", "parse_choice"]

_WORDS = {"off": 0.0, "none": 0.0, "false": 0.0, "all": 1.0, "true": 1.0}


@dataclass(frozen=True)
class Choice:
    """The share of traces, from 0 to 1, for each service."""

    others: float = 0.0
    by_service: dict[str, float] = field(default_factory=dict)

    def share(self, service: str) -> float:
        """The share for a service."""
        return self.by_service.get(service, self.others)

    @property
    def is_off(self) -> bool:
        """Whether no service has any."""
        return not self.others and not any(self.by_service.values())


def parse_choice(text: str) -> Choice:
    """The choice that a setting writes.

    >>> parse_choice("off, chat=all, search=0.05").share("search")
    0.05

    Raises:
        ValueError: it cannot be understood; the message says what to write.
    """
    others: float | None = None
    by_service: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        service, equals, share = part.rpartition("=")
        service = service.strip()
        if not equals:
            if others is not None:
                raise ValueError(f"{part!r} is the second part without a service; write service={part}")
            others = _share_of(part)
        elif not service or service in by_service:
            raise ValueError(f"{part!r}: {'a service is named twice' if service else 'no service is named'}")
        else:
            by_service[service] = _share_of(share.strip())
    return Choice(others or 0.0, by_service)


def _share_of(text: str) -> float:
    word = text.lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"{text!r} is no share: write off, all, or a number from 0 to 1, such as 0.05 or 5%")
    return share


def is_sampled(trace_id: str, share: float) -> bool:
    """Whether a trace is in the share: the same for all its calls, in every process, and of any share also in each
    larger one."""
    if share >= 1:
        return True
    if share <= 0:
        return False
    number = int.from_bytes(blake2b(trace_id.encode(errors="replace"), digest_size=8).digest(), "big")
    return number < share * 2.0**64
