"""Rows that tell of two groups: errors, cost, latency, scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callgauge_history.comparing.beside import Beside
    from callgauge_history.statistics.mann_whitney import Comparison
    from callgauge_history.statistics.proportions import ShareComparison

__all__ = ["NAMES", "beside_row", "errors_row", "json_of", "score_row"]

#: The columns, after that of what is compared; a and b are named by whoever prints.
NAMES = ("{a}", "{b}", "shift", "95 % interval", "Cliff's delta", "size", "p")


def errors_row(errors: ShareComparison) -> tuple[Any, ...]:
    """Error rates."""
    interval = f"{errors.low:+.2%} to {errors.high:+.2%}"
    return (
        "error rate",
        f"{errors.share_a:.2%}",
        f"{errors.share_b:.2%}",
        f"{errors.difference:+.2%}",
        interval,
        "",
        "",
        _p(errors.p),
    )


def beside_row(beside: Beside) -> tuple[Any, ...]:
    """A number of calls: its means, and by how much a call of b is more than one of a."""
    return _row(f"{beside.name} ({beside.unit})", beside.mean_a, beside.mean_b, beside.comparison)


def score_row(name: str, mean_a: float, mean_b: float, comparison: Comparison) -> tuple[Any, ...]:
    """A score."""
    return _row(name, mean_a, mean_b, comparison)


def json_of(errors: ShareComparison | None, beside: Iterable[Beside]) -> dict[str, Any]:
    """Errors and numbers, for programs."""
    return {"errors": asdict(errors) if errors else None, "beside": [asdict(each) for each in beside]}


def _row(name: str, mean_a: float, mean_b: float, found: Comparison) -> tuple[Any, ...]:
    interval = f"{_signed(found.shift_low)} to {_signed(found.shift_high)}"
    delta = f"{found.delta:+.3f} ({found.delta_low:+.3f} to {found.delta_high:+.3f})"
    return name, f"{mean_a:,.4g}", f"{mean_b:,.4g}", _signed(found.shift), interval, delta, found.size, _p(found.p)


def _signed(value: float) -> str:
    return f"{value:+,.4g}"


def _p(p: float) -> str:
    return "< 0.0001" if p < 0.0001 else f"{p:.4f}"
