"""The price of one model as integers, and the cost of one call by it.

A price says what a token of each kind costs. Kinds overlap: a token that was read from the cache is an input token
too. Each token is paid once, by the narrowest kind that has a price: without a price for cached tokens, those cost what
other input tokens cost. genai-prices has the same rule; tests/unit/producers/prices hold that both come out equal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

__all__ = ["KINDS", "UNITS", "Price", "Tier", "Tiered", "paid_as", "price_from"]

#: Field that counts tokens -> what is special about those tokens. Of two kinds the one with more of it is the narrower.
#: The counts of audio tokens are none of a `Call`'s fields yet; `callgauge prices` takes them.
KINDS: dict[str, frozenset[str]] = {
    "input_tokens": frozenset({"input"}),
    "cache_read_tokens": frozenset({"input", "cache read"}),
    "cache_write_tokens": frozenset({"input", "cache write"}),
    "input_audio_tokens": frozenset({"input", "audio"}),
    "cache_audio_read_tokens": frozenset({"input", "cache read", "audio"}),
    "output_tokens": frozenset({"output"}),
    "reasoning_tokens": frozenset({"output", "reasoning"}),
    "output_audio_tokens": frozenset({"output", "audio"}),
}
#: Field -> the name of its price, in dollars per million tokens: genai-prices' names.
UNITS = {name: f"{name.removesuffix('_tokens')}_mtok" for name in KINDS} | {"reasoning_tokens": "output_reasoning_mtok"}

# The counts that a `Call` has, in the order of a `Tier`.
_OF_CALLS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_NANO_PER_MTOK = 1_000  # a dollar per million tokens is 1,000 nano-dollars a token
_MOST_NANO = 10**18  # the largest cost that a Call may have


@dataclass(frozen=True, slots=True)
class Tiered:
    """A price that depends on how many input tokens a call has; the whole call then has the price of its tier."""

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...]
    """(start, price), by start: calls with more input tokens than `start` have this price."""

    def at(self, input_tokens: int) -> Decimal:
        """The price for a call with so many input tokens."""
        return next((price for start, price in reversed(self.tiers) if input_tokens > start), self.base)


class Tier(NamedTuple):
    """What counts for calls with more than `above` input tokens: integers, in parts of a nano-dollar."""

    above: int
    per_call: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int
    audio: tuple[tuple[str, int], ...]
    """The same for each count of audio tokens that has a price."""


@dataclass(frozen=True, slots=True)
class Price:
    """What calls of a model cost.

    Attributes:
        prices: field of `KINDS` -> dollars per million tokens, as the table or file has them.
        per_call: dollars for each call, whatever its tokens.
        tiers: the one with the highest `above` first; the last one counts for every call.
        parts: how many of the tiers' units make a nano-dollar.
        needed: the counts without which there is no cost.
    """

    prices: Mapping[str, Decimal | Tiered]
    per_call: Decimal
    tiers: tuple[Tier, ...]
    parts: int
    needed: tuple[str, ...]

    def nano(self, counts: Mapping[str, Any]) -> int | None:
        """The cost of a call in nano-dollars, to nearest, ties to even.

        None when it cannot be known: a count that is needed is missing, or the parts of a count are more than it.
        """
        get = counts.get
        for name in self.needed:
            if get(name) is None:
                return None
        input_tokens, output_tokens = get("input_tokens") or 0, get("output_tokens") or 0
        read, write = get("cache_read_tokens") or 0, get("cache_write_tokens") or 0
        reasoning = get("reasoning_tokens") or 0
        if read + write > input_tokens or reasoning > output_tokens:
            return None
        for tier in self.tiers:
            if input_tokens > tier[0]:  # its `above`; the last one's is -1
                break
        _, total, of_input, of_output, of_read, of_write, of_reasoning, of_audio = tier
        total += of_input * input_tokens + of_output * output_tokens + of_read * read + of_write * write
        total += of_reasoning * reasoning
        for name, rate in of_audio:
            total += rate * (get(name) or 0)
        if of_audio and _audio_contradicts(counts):
            return None
        if self.parts == 1 and total <= _MOST_NANO:  # most prices: one call less
            return total
        return _rounded(total, self.parts)


def _rounded(total: int, parts: int) -> int | None:
    """Nano-dollars, to nearest, ties to even; None for more than a `Call` may cost."""
    nano, rest = divmod(total, parts)
    if rest and (2 * rest > parts or (2 * rest == parts and nano & 1)):
        nano += 1
    return nano if nano <= _MOST_NANO else None


def price_from(prices: Mapping[str, Decimal | Tiered], per_call: Decimal = Decimal(0)) -> Price:
    """Make a price.

    Args:
        prices: field of `KINDS` -> dollars per million tokens.
        per_call: dollars for each call.
    """
    starts = {start for price in prices.values() if isinstance(price, Tiered) for start, _ in price.tiers}
    exact: list[tuple[int, dict[str, Fraction]]] = [
        (start, _rates({name: _at(price, start) for name, price in prices.items()}))
        for start in [*sorted(starts, reverse=True), -1]
    ]
    fixed = Fraction(per_call) * 10**9
    parts = math.lcm(fixed.denominator, *(rate.denominator for _, rates in exact for rate in rates.values()))
    tiers = tuple(
        _tier(start, fixed * parts, {name: rate * parts for name, rate in rates.items()}) for start, rates in exact
    )
    needed = tuple(side for side in ("input_tokens", "output_tokens") if _is_paid(prices, side))
    return Price(dict(prices), per_call, tiers, parts, needed)


def _tier(above: int, per_call: Fraction, rates: Mapping[str, Fraction]) -> Tier:
    of_input, of_output, of_read, of_write, of_reasoning = (int(rates.get(name, 0)) for name in _OF_CALLS)
    audio = tuple((name, int(rate)) for name, rate in rates.items() if name not in _OF_CALLS)
    return Tier(above, int(per_call), of_input, of_output, of_read, of_write, of_reasoning, audio)


def _at(price: Decimal | Tiered, start: int) -> Decimal:
    return price.at(start + 1) if isinstance(price, Tiered) else price


def _is_paid(prices: Mapping[str, Decimal | Tiered], side: str) -> bool:
    """Whether tokens of a side, input or output, cost anything."""
    of_side = [price for name, price in prices.items() if KINDS[side] <= KINDS[name]]
    return any(isinstance(price, Tiered) or price for price in of_side)


def paid_as(kinds: Iterable[str], counts: Mapping[str, int]) -> dict[str, int]:
    """How many tokens are paid as each kind that has a price, since none narrower has one.

    >>> paid_as(["input_tokens", "cache_read_tokens"], {"input_tokens": 100, "cache_read_tokens": 30})
    {'cache_read_tokens': 30, 'input_tokens': 70}
    """
    paid: dict[str, int] = {}
    for name in sorted(kinds, key=lambda name: -len(KINDS[name])):
        paid[name] = counts.get(name, 0) - sum(count for other, count in paid.items() if KINDS[name] < KINDS[other])
    return paid


def _rates(prices: Mapping[str, Decimal]) -> dict[str, Fraction]:
    """Nano-dollars that one more token in each count adds, when no other count changes.

    One more in `cache_read_tokens` makes one of the input tokens a cached one: what it adds may be negative.
    """
    exact = {name: Fraction(price) * _NANO_PER_MTOK for name, price in prices.items()}
    return {one: sum((exact[name] * n for name, n in paid_as(exact, {one: 1}).items()), Fraction(0)) for one in exact}


def _audio_contradicts(counts: Mapping[str, Any]) -> bool:
    """Whether the audio tokens, with what else is a part of its count, are more than the count."""
    get = counts.get
    heard = (get("input_audio_tokens") or 0) - (get("cache_audio_read_tokens") or 0)
    cached = (get("cache_read_tokens") or 0) + (get("cache_write_tokens") or 0)
    if not 0 <= heard <= (get("input_tokens") or 0) - cached:
        return True
    return (get("reasoning_tokens") or 0) + (get("output_audio_tokens") or 0) > (get("output_tokens") or 0)
