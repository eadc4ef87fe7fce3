"""What `callgauge prices` prints, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from callgauge.prices.breakdown import parts_of
from callgauge.prices.found import Found
from callgauge.prices.price import KINDS, Price, Tiered

__all__ = ["cost_lines", "found_lines", "price_lines"]


def found_lines(found: Found) -> list[str]:
    """What was found, and where."""
    lines = [f"found   {found.name}", f"source  {found.source}"]
    if len(found.periods) > 1:
        times = ", ".join(f"{int(since) // 3_600:02}:{int(since) % 3_600 // 60:02}" for since, _ in found.periods)
        lines.append(f"        the price depends on the time of day: it changes at {times} UTC")
    return lines


def price_lines(price: Price) -> list[str]:
    """The price list of a model: a line for each kind of tokens, and for each tier."""
    lines = ["", f"{'':<22} {'$ per million':>14}"]
    for kind in [kind for kind in KINDS if kind in price.prices]:
        listed = price.prices[kind]
        base, tiers = (listed.base, listed.tiers) if isinstance(listed, Tiered) else (listed, ())
        lines.append(f"{_words(kind):<22} {base:>14f}")
        lines += [f"  above {start:>9,} input {dollars:>14f}" for start, dollars in tiers]
    if price.per_call:
        lines.append(f"{'each call, in dollars':<22} {price.per_call.normalize():>14f}")
    return lines


def cost_lines(price: Price, counts: Mapping[str, int]) -> list[str]:
    """How the cost of a call comes about: what is paid as what, and the sum."""
    nano = price.nano(counts)
    if nano is None:
        return ["", _why_not(price, counts)]
    lines = ["", f"{'':<18} {'tokens':>15} {'$ per million':>14} {'$':>18}"]
    for part in parts_of(price, counts):
        cost = f"{part.cost.normalize():f}"
        lines.append(f"{_words(part.kind):<18} {part.tokens:>15,} {part.price:>14f} {cost:>18}")
    if price.per_call:
        lines.append(f"{'the call':<18} {'':>15} {'':>14} {price.per_call.normalize():>18f}")
    total = Decimal(nano).scaleb(-9)
    return [*lines, f"{'cost_usd':<18} {'':>15} {'':>14} {total.normalize():>18f}"]


def _words(kind: str) -> str:
    """`cache_read_tokens` as "cache read"; the whole of a side is what no narrower kind pays."""
    return kind.removesuffix("_tokens").replace("_", " ")


def _why_not(price: Price, counts: Mapping[str, int]) -> str:
    missing = [f"--{_words(name).replace(' ', '-')}" for name in price.needed if name not in counts]
    if missing:
        return f"no cost: it depends on tokens that are not given; add {' and '.join(missing)}"
    return "no cost: the parts of a count are more than the count (input includes cached tokens, output reasoning)"
