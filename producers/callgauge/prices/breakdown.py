"""How the cost of a call comes about: what is paid as what, at which price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from callgauge.prices.price import KINDS, Price, Tiered, paid_as

__all__ = ["Part", "parts_of"]

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens that are paid alike: `price` dollars per million of them are `cost` dollars, exactly."""

    kind: str
    tokens: int
    price: Decimal
    cost: Decimal


def parts_of(price: Price, counts: Mapping[str, int]) -> list[Part]:
    """What is paid, in the order of `KINDS`; all parts and `price.per_call` together are the cost before rounding."""
    paid = paid_as(price.prices, counts)
    input_tokens = counts.get("input_tokens", 0)
    found = []
    for kind in KINDS.keys() & paid.keys():
        listed = price.prices[kind]
        dollars = listed.at(input_tokens) if isinstance(listed, Tiered) else listed
        found.append(Part(kind, paid[kind], dollars, dollars * paid[kind] / _MILLION))
    return sorted(found, key=lambda part: list(KINDS).index(part.kind))
