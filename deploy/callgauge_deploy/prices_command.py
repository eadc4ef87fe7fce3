"""`callgauge prices`: prints what a model costs, and how the cost of a call comes about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callgauge.errors import SettingError
from callgauge.prices.price import KINDS
from callgauge.printable import printable
from callgauge.settings import load_settings
from callgauge_deploy.command import load

if TYPE_CHECKING:
    from callgauge.prices.found import Prices

__all__ = ["prices"]

_Tokens = Annotated[int | None, typer.Option(min=0, max=10**12)]


def prices(
    model: Annotated[str, typer.Argument(help="The model, by any of its names.", metavar="MODEL")],
    provider: Annotated[str, typer.Option(help="Who sells it; left out: as the model's name tells.")] = "",
    date: Annotated[str, typer.Option(help="A day or time, ISO 8601 (UTC unless it says otherwise); else now.")] = "",
    input: Annotated[int | None, typer.Option(min=0, max=10**12, help="Input tokens, the cached ones too.")] = None,
    cache_read: _Tokens = None,
    cache_write: _Tokens = None,
    input_audio: _Tokens = None,
    cache_audio_read: _Tokens = None,
    output: Annotated[int | None, typer.Option(min=0, max=10**12, help="Output tokens, reasoning too.")] = None,
    reasoning: _Tokens = None,
    output_audio: _Tokens = None,
) -> None:
    """Print what a model costs, from one's own prices or the table; with tokens, how the cost of a call comes about.

    The exit code is 1 if the model has no price, or the cost cannot be known.
    """
    from callgauge_deploy.price_lines import cost_lines, found_lines, price_lines

    at = _time(date)
    found = _prices().find(provider, [model], at.date())
    if found is None:
        of = f" of provider {provider!r}" if provider else ""
        typer.echo(printable(f"no price of model {model!r}{of}; CALLGAUGE_PRICES_FILE can name one"), err=True)
        raise typer.Exit(1)
    price = found.at(at.timestamp() % 86_400)
    given = (input, cache_read, cache_write, input_audio, cache_audio_read, output, reasoning, output_audio)
    counts = {name: count for name, count in zip(KINDS, given, strict=True) if count is not None}
    for line in [*found_lines(found), *(cost_lines(price, counts) if counts else price_lines(price))]:
        typer.echo(printable(line))
    if counts and price.nano(counts) is None:
        raise typer.Exit(1)


def _prices() -> Prices:
    from callgauge.prices.found import load_prices

    found = load_prices(file := load_settings().prices_file)
    if not found.has_table and file is None:
        load("genai_prices", "prices")
    return found


def _time(text: str) -> datetime:
    """The time that is meant, in UTC."""
    if not text:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"--date {text!r}: write a day such as 2026-01-31, or a time such as 2026-01-31T16:30"
        raise SettingError(message) from None
