"""Prices of one's own: a YAML file of models and what they cost. docs/prices.md has its form.

prices:
  - model: llama-*          # a name, or a pattern with * and ?
    provider: vllm          # left out: any
    from: 2026-01-01        # left out: always
    input_mtok: 0.20        # dollars per million tokens
    output_mtok: 0.60
    tiers:
      - above: 200000       # calls with more input tokens pay this instead
        input_mtok: 0.40
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fnmatch import translate
from pathlib import Path

from callgauge.own_yaml import Entry, Source, read_source, shown
from callgauge.prices.names import provider_id
from callgauge.prices.price import UNITS, Price, Tiered, price_from

__all__ = ["VARIABLE", "OwnPrice", "OwnPrices", "read_own_prices"]

#: The setting that names the file.
VARIABLE = "CALLGAUGE_PRICES_FILE"

_FIELDS = {unit: field for field, unit in UNITS.items()}
_PARTS = ("model", "provider", "from", *_FIELDS, "per_call", "tiers")
_LONGEST_NAME = 100
# A number as people write it: neither 1e5 nor .5 nor 1_000.
_NUMBER = re.compile(r"[0-9]{1,7}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """One entry of the file."""

    model: str
    provider: str
    """"" for any; otherwise as `names.provider_id` has it."""
    since: date
    price: Price
    line: int
    pattern: re.Pattern[str]

    def fits(self, provider: str, model: str, day: date) -> bool:
        """Whether it counts for a model on a day."""
        if self.since > day or (self.provider and self.provider != provider):
            return False
        return self.pattern.fullmatch(model) is not None


@dataclass(frozen=True, slots=True)
class OwnPrices:
    """The prices of a file. `source` tells which: its name and the beginning of its SHA-256."""

    source: str
    entries: tuple[OwnPrice, ...]

    def find(self, provider: str, model: str, day: date) -> OwnPrice | None:
        """The entry that counts: of those that fit the one with the latest `from`, of equals the first."""
        name, asked = model.strip().lower(), provider_id(provider)
        fitting = [entry for entry in self.entries if entry.fits(asked, name, day)]
        return max(fitting, key=lambda entry: entry.since, default=None)


def read_own_prices(path: Path) -> OwnPrices:
    """Read a file of prices.

    Raises:
        SettingError: it cannot be read or used; says which line, and what to do.
    """
    source, raw, root = read_source(path, VARIABLE, "prices")
    top = source.mapping(root, "a file of prices")
    source.known(top, ("prices",), "a file of prices")
    if "prices" not in top:
        source.refuse(root.line, "there is no `prices:`; write it, and below it one `- model: ...` for each price")
    entries = tuple(_own_price(source, entry) for entry in source.items(top["prices"], "prices"))
    name = path.name[-_LONGEST_NAME:]
    return OwnPrices(f"{name} {hashlib.sha256(raw).hexdigest()[:8]}", entries)


def _own_price(source: Source, entry: Entry) -> OwnPrice:
    parts = source.mapping(entry, "a price")
    source.known(parts, _PARTS, "a price")
    if "model" not in parts:
        source.refuse(entry.line, "the price names no model; add `model: ...`")
    model = source.text(parts["model"], "model").lower()
    provider = provider_id(source.text(parts["provider"], "provider")) if "provider" in parts else ""
    base = {_FIELDS[unit]: _dollars(source, parts[unit], unit) for unit in _FIELDS if unit in parts}
    per_call = _dollars(source, parts["per_call"], "per_call") if "per_call" in parts else Decimal(0)
    if not {"input_tokens", "output_tokens"} & base.keys() and "per_call" not in parts:
        source.refuse(entry.line, f"{shown(model)} has no price; add input_mtok, output_mtok or per_call")
    _check_wider(source, parts, base)
    price = price_from(_tiered(source, parts.get("tiers"), base), per_call)
    since = _day(source, parts["from"]) if "from" in parts else date.min
    return OwnPrice(model, provider, since, price, entry.line, re.compile(translate(model)))


def _check_wider(source: Source, parts: Mapping[str, Entry], base: Mapping[str, Decimal]) -> None:
    """A price of cached, audio or reasoning tokens needs that of all tokens on its side."""
    for field in base:
        side = "output" if field in ("output_tokens", "reasoning_tokens", "output_audio_tokens") else "input"
        if f"{side}_tokens" not in base:
            unit = UNITS[field]
            source.refuse(
                parts[unit].line, f"{unit} is the price of some {side} tokens; add {side}_mtok, that of the others"
            )
    if "cache_audio_read_tokens" in base and not {"cache_read_tokens", "input_audio_tokens"} <= base.keys():
        line = parts["cache_audio_read_mtok"].line
        source.refuse(line, "cache_audio_read_mtok needs cache_read_mtok and input_audio_mtok; add them")


def _tiered(source: Source, entry: Entry | None, base: Mapping[str, Decimal]) -> dict[str, Decimal | Tiered]:
    """The prices with their tiers; what a tier does not name is as in the tier before."""
    steps: dict[str, list[tuple[int, Decimal]]] = {}
    before = 0
    for tier in source.items(entry, "tiers") if entry else ():
        parts = source.mapping(tier, "a tier")
        source.known(parts, ("above", *_FIELDS), "a tier")
        if "above" not in parts:
            source.refuse(tier.line, "the tier does not say when it counts; add `above: ` and a number of input tokens")
        above = _tokens(source, parts["above"])
        if above <= before:
            source.refuse(parts["above"].line, f"tiers stand in order: above must be more than {before}")
        before = above
        for unit in [unit for unit in _FIELDS if unit in parts]:
            if _FIELDS[unit] not in base:
                source.refuse(parts[unit].line, f"{unit} has no price below the tiers; add one there")
            steps.setdefault(_FIELDS[unit], []).append((above, _dollars(source, parts[unit], unit)))
    return {field: Tiered(price, tuple(steps[field])) if field in steps else price for field, price in base.items()}


def _dollars(source: Source, entry: Entry, what: str) -> Decimal:
    text = source.text(entry, what)
    if not _NUMBER.fullmatch(text):
        source.refuse(entry.line, f"{what} is {shown(text)}; write dollars as a number such as 0.25, at least 0")
    return Decimal(text)


def _tokens(source: Source, entry: Entry) -> int:
    text = source.text(entry, "above")
    if not re.fullmatch(r"[0-9]{1,12}", text) or int(text) == 0:
        source.refuse(entry.line, f"above is {shown(text)}; write a number of input tokens such as 200000")
    return int(text)


def _day(source: Source, entry: Entry) -> date:
    text = source.text(entry, "from")
    try:
        return date.fromisoformat(text)
    except ValueError:
        source.refuse(entry.line, f"from is {shown(text)}; write a day such as 2026-01-31")
